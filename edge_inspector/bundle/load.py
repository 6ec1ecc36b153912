"""From a bundle's folder to a checked model in memory: the only way in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_inspector.bundle.document import MAX_DOCUMENT_BYTES, shown
from edge_inspector.bundle.folder import check_listing, read_listed, read_plain
from edge_inspector.bundle.golden import GoldenTile, Tolerance, parse_golden
from edge_inspector.bundle.manifest import MANIFEST_FILE, Manifest, parse_manifest
from edge_inspector.core.errors import BundleError


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model that is what its manifest says. Whether it also runs here, the engine proves with `golden`."""

    folder: Path
    """Where it was read from; nothing is read from there again."""
    manifest: Manifest
    precision: str
    """Which of the manifest's precisions `model_bytes` is."""
    model_bytes: bytes
    """The ONNX graph: the very bytes that were hashed."""
    model_sha256: str
    """64 hex digits, as verdicts carry it."""
    tolerance: Tolerance
    golden: tuple[GoldenTile, ...]

    @property
    def label(self) -> str:
        """name@version, as verdicts carry it."""
        return self.manifest.label


def load_bundle(folder: Path, precision: str = "fp32") -> Bundle:
    """Read a bundle of format `insp-model/1`, comparing every file with the manifest.

    The manifest itself is trusted as it stands: bundles carry no signature yet, so this finds damage, a wrong
    copy and a mistake, not a forger who writes a manifest of his own. Safe to call from any thread.

    Args:
        folder: The bundle's folder; may itself be a link, nothing inside it may.
        precision: Which graph to return.

    Raises:
        BundleError: No such folder; a file is missing, added, truncated, changed or a link; the manifest or the
            golden tiles are not of the format. The message names the file, the value and the next step.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise BundleError(f"{folder}: the model bundle {what}; check `model.bundle` in the configuration")
    manifest = parse_manifest(str(folder / MANIFEST_FILE), read_plain(folder / MANIFEST_FILE, limit=MAX_DOCUMENT_BYTES))
    if precision not in manifest.precisions:
        known = ", ".join(manifest.precisions)
        raise BundleError(
            f"{folder}: holds no graph of precision {shown(precision)}, only {known}; choose one of these"
        )
    check_listing(folder, manifest.files)
    wanted = manifest.precisions[precision]
    contents: dict[str, bytes] = {}
    for path, entry in manifest.files.items():
        content = read_listed(folder, entry)
        if path == wanted or path.startswith("golden/"):  # the rest is hashed and let go
            contents[path] = content
    tolerance, golden = parse_golden(manifest, precision, contents, str(folder))
    return Bundle(folder, manifest, precision, contents[wanted], manifest.files[wanted].sha256, tolerance, golden)
