"""From a bundle's folder or .zip to a checked model in memory: the only way in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_inspector.bundle.archive import ZipFiles
from edge_inspector.bundle.document import MAX_DOCUMENT_BYTES, shown
from edge_inspector.bundle.folder import FolderFiles, check_content
from edge_inspector.bundle.golden import GoldenTile, Tolerance, parse_golden
from edge_inspector.bundle.graph import check_graph_bytes
from edge_inspector.bundle.manifest import MANIFEST_FILE, FileEntry, Manifest, parse_manifest
from edge_inspector.bundle.seal import check_seal
from edge_inspector.bundle.signature import (
    MAX_SIGNATURE_BYTES,
    SIGNATURE_FILE,
    UNSIGNED,
    Signing,
    Trust,
    check_signature,
)
from edge_inspector.core.errors import BundleError


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model that is what its manifest says. Whether it also runs here, the engine proves with `golden`."""

    path: Path
    """The folder or .zip it was read from; nothing is read from there again."""
    manifest: Manifest
    precision: str
    """Which of the manifest's precisions `model_bytes` is."""
    model_bytes: bytes
    """The ONNX graph: the very bytes that were hashed."""
    model_sha256: str
    """64 hex digits, as verdicts carry it."""
    tolerance: Tolerance
    golden: tuple[GoldenTile, ...]
    signing: Signing = UNSIGNED
    """Who made it."""

    @property
    def label(self) -> str:
        """name@version, as verdicts carry it."""
        return self.manifest.label


class Files(Protocol):
    """Where a bundle's files lie: open in a folder, or in a zip."""

    def place(self, path: str) -> str:
        """Return how messages call a file of the bundle."""

    def read(self, path: str, limit: int) -> bytes:
        """Return at most `limit` + 1 bytes of a file. Raises BundleError when it cannot be read."""

    def holds(self, path: str) -> bool:
        """Return whether there is something of that name."""

    def check_listing(self, files: Mapping[str, FileEntry]) -> None:
        """Raise BundleError unless here are exactly the manifest's files, itself and its signature."""


def load_bundle(path: Path, precision: str = "fp32", *, trust: Trust) -> Bundle:
    """Read a bundle of format `insp-model/1`, comparing every file with the manifest.

    The signature is looked at first, then what it covers: the manifest, and by its hashes everything else. What the
    graph would do is checked whoever signed. Safe to call from any thread.

    Args:
        path: The bundle's folder, or the same packed as one .zip, which is unpacked in memory only. It may itself be
            a link, nothing inside it may.
        precision: Which graph to return.
        trust: Whose bundles are taken. Must be said, since a line that forgets it would take anybody's; a workstation
            that looks at its own bundle says ANYONE.

    Raises:
        BundleError: Nothing there; nobody who is trusted signed it; a file is missing, added, truncated, changed or a
            link; manifest, golden tiles or graph are not of the format. The message names the file, the value and the
            next step.
    """
    with open_files(path) as files:
        return _load(path, files, precision, trust)


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """Give the files of a bundle, wherever they lie.

    Raises:
        BundleError: Nothing there, or no readable zip.
    """
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise BundleError(f"{path}: the model bundle {what}; check `model.bundle` in the configuration") from error
    if is_folder:
        yield FolderFiles(path)
        return
    with ZipFiles(path) as files:
        yield files


def _load(path: Path, files: Files, precision: str, trust: Trust) -> Bundle:
    manifest, signing = read_manifest(path, files, trust)
    if precision not in manifest.precisions:
        known = ", ".join(manifest.precisions)
        raise BundleError(f"{path}: holds no graph of precision {shown(precision)}, only {known}; choose one of these")
    files.check_listing(manifest.files)
    wanted = manifest.precisions[precision]
    contents: dict[str, bytes] = {}
    for name, entry in manifest.files.items():
        content = files.read(name, entry.size)
        check_content(files.place(name), content, entry)
        if name == wanted or name.startswith("golden/"):  # the rest is hashed and let go
            contents[name] = content
    check_graph_bytes(files.place(wanted), contents[wanted])
    tolerance, golden = parse_golden(manifest, precision, contents, str(path))
    return Bundle(
        path, manifest, precision, contents[wanted], manifest.files[wanted].sha256, tolerance, golden, signing
    )


def read_manifest(path: Path, files: Files, trust: Trust) -> tuple[Manifest, Signing]:
    """Return the checked manifest and who signed it; says nothing yet about the other files.

    Raises:
        BundleError: It is not of the format, was changed, or nobody who is trusted signed it.
    """
    place = files.place(MANIFEST_FILE)
    content = files.read(MANIFEST_FILE, MAX_DOCUMENT_BYTES)
    manifest = parse_manifest(place, content)
    check_seal(place, content)
    has_signature = files.holds(SIGNATURE_FILE)
    signature = files.read(SIGNATURE_FILE, MAX_SIGNATURE_BYTES) if has_signature else None
    return manifest, check_signature(str(path), files.place(SIGNATURE_FILE), content, signature, trust)
