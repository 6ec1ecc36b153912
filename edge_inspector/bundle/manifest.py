"""What `manifest.json` says: the model's name, shape, limits, and the sha256 of everything beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from edge_inspector.bundle.document import Document, parse_document, shown
from edge_inspector.bundle.seal import SEAL_KEY
from edge_inspector.bundle.signature import SIGNATURE_FILE

FORMAT = "insp-model/1"
MANIFEST_FILE = "manifest.json"
MAX_FILES = 1024
MAX_FILE_BYTES = 512 << 20
"""A tile classifier has tens of megabytes; half a gigabyte is a mistake, and is refused before it is read."""
MAX_BUNDLE_BYTES = 1 << 30
"""All files together: what is read and hashed at each start, some seconds at most."""

NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
"""Of a bundle."""
VERSION = r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,31}"
"""Of a bundle: no @, which parts it from the name in a label."""
_LABEL = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,31}"
_TENSOR = r"[A-Za-z_][A-Za-z0-9_./:-]{0,127}"
# No leading dot, so neither `..` nor hidden files; no backslash or drive letter; no leading slash.
PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
"""One name in a path of a bundle."""
_PATH = rf"{PART}(?:/{PART}){{0,3}}"

_REQUIRED = (
    *("format", "name", "version", "build", "created_utc", "labels", "tile", "channels", "overlap", "heat"),
    *("input", "outputs", "limits", "calibration", "training", "metrics", "licence", "precisions", "files"),
    SEAL_KEY,
)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the bundle."""

    path: str
    """Relative to the bundle's folder, with `/`."""
    sha256: str
    """64 hex digits, lower case."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest whose every field has been checked. Says nothing yet about the files: `load_bundle` compares them."""

    name: str
    version: str
    build: int
    created_utc: str
    """ISO 8601, for people."""
    labels: tuple[str, ...]
    """What the columns of `scores` mean; the first is always OK."""
    tile_hw: tuple[int, int]
    """Tile height and width, in pixels."""
    channels: int
    """1 (grey) or 3 (RGB)."""
    overlap: int
    """Pixels that neighbouring tiles shared when the numbers in `metrics` were measured."""
    heat_hw: tuple[int, int]
    """Rows and columns of the heat map of one tile."""
    input_name: str
    """Graph input, uint8 [n, h, w, c]."""
    scores_name: str
    """Graph output, float32 [n, labels]."""
    heat_name: str
    """Graph output, float32 [n, h', w']."""
    limits: Mapping[str, float]
    """Score from which a tile counts, for every label but OK."""
    calibration: Mapping[str, object]
    """How scores became probabilities; for people, already inside the graph."""
    training: Mapping[str, object]
    """Data hash, counts, groups, licence of the data; for people."""
    metrics: Mapping[str, object]
    """What was measured, on which groups; for people."""
    licence: str
    precisions: Mapping[str, str]
    """Precision (`fp32`, `int8`) to the path of its graph."""
    files: Mapping[str, FileEntry]
    """Every file but the manifest and its signature, by path."""

    @property
    def label(self) -> str:
        """name@version, as verdicts carry it."""
        return f"{self.name}@{self.version}"

    @property
    def tile_hwc(self) -> tuple[int, int, int]:
        """(height, width, channels) of one tile."""
        return (*self.tile_hw, self.channels)


def parse_manifest(file: str, content: bytes) -> Manifest:
    """Return the manifest in `content`, every field checked.

    Args:
        file: Path for messages.
        content: The bytes of manifest.json.

    Raises:
        BundleError: Anything is missing, unknown, of the wrong type or out of range; the message names the key.
    """
    document = parse_document(file, content)
    if document.values.get("format") != FORMAT:
        document.fail("format", f"must be '{FORMAT}', but is {shown(document.values.get('format'))}")
    document.expect(_REQUIRED)
    labels = _labels(document)
    files = _files(document)
    tile_hw = _size(document.child("tile"), 16, 4096)
    outputs = document.child("outputs")
    outputs.expect(("scores", "heat"))
    return Manifest(
        name=document.text("name", NAME),
        version=document.text("version", VERSION),
        build=document.whole("build", 0, 2**31 - 1),
        created_utc=_moment(document, "created_utc"),
        labels=labels,
        tile_hw=tile_hw,
        channels=_channels(document),
        overlap=document.whole("overlap", 0, min(tile_hw) - 1),
        heat_hw=_size(document.child("heat"), 1, min(tile_hw)),
        input_name=document.text("input", _TENSOR),
        scores_name=outputs.text("scores", _TENSOR),
        heat_name=outputs.text("heat", _TENSOR),
        limits=_limits(document.child("limits"), labels),
        calibration=MappingProxyType(document.child("calibration").values),
        training=MappingProxyType(document.child("training").values),
        metrics=MappingProxyType(document.child("metrics").values),
        licence=document.text("licence"),
        precisions=_precisions(document.child("precisions"), files),
        files=files,
    )


def _labels(document: Document) -> tuple[str, ...]:
    labels = document.items("labels", 2, 64)
    for i, label in enumerate(labels):
        if not isinstance(label, str) or re.fullmatch(_LABEL, label) is None:
            document.fail(f"labels[{i}]", f"must be text of the form {_LABEL}, but is {shown(label)}")
        if label in labels[:i]:
            document.fail(f"labels[{i}]", f"stands there twice: {shown(label)}")
    if labels[0] != "OK":
        # The score of a tile is 1 - p(OK): with another order a good tile would count as the worst one.
        document.fail("labels[0]", f"must be 'OK', but is {shown(labels[0])}")
    return tuple(labels)


def _limits(limits: Document, labels: tuple[str, ...]) -> Mapping[str, float]:
    # A label without a limit would never reject, so there is no default.
    limits.expect(labels[1:])
    values = {label: limits.number(label, 0.0, 1.0) for label in labels[1:]}
    for label, value in values.items():
        if value == 0.0:
            limits.fail(label, "is 0, which rejects every tile; the smallest limit is above 0")
    return MappingProxyType(values)


def _size(size: Document, low: int, high: int) -> tuple[int, int]:
    size.expect(("height", "width"))
    return size.whole("height", low, high), size.whole("width", low, high)


def _channels(document: Document) -> int:
    channels = document.whole("channels", 1, 3)
    if channels == 2:
        document.fail("channels", "must be 1 (grey) or 3 (RGB), but is 2")
    return channels


def _moment(document: Document, key: str) -> str:
    text = document.text(key, r"[0-9T:.Z+-]{10,40}")
    try:
        datetime.fromisoformat(text)
    except ValueError:
        document.fail(key, f"must be a time such as 2026-01-31T12:00:00Z, but is {shown(text)}")
    return text


def _files(document: Document) -> Mapping[str, FileEntry]:
    files = document.child("files")
    if not 1 <= len(files.values) <= MAX_FILES:
        document.fail("files", f"must name 1 to {MAX_FILES} files, but names {len(files.values)}")
    entries = {}
    for path in files.values:
        if re.fullmatch(_PATH, path) is None or path in (MANIFEST_FILE, SIGNATURE_FILE):
            files.fail(
                shown(path), "is no path of a bundle file: relative, below the bundle, letters digits . _ - only"
            )
        entry = files.child(path)
        entry.expect(("sha256", "size"))
        entries[path] = FileEntry(path, entry.text("sha256", "[0-9a-f]{64}"), entry.whole("size", 0, MAX_FILE_BYTES))
    if (total := sum(entry.size for entry in entries.values())) > MAX_BUNDLE_BYTES:
        document.fail("files", f"have {total} bytes together, a bundle at most {MAX_BUNDLE_BYTES}")
    return MappingProxyType(entries)


def _precisions(precisions: Document, files: Mapping[str, FileEntry]) -> Mapping[str, str]:
    precisions.expect(("fp32",), ("int8", "fp16"))
    paths = {precision: precisions.text(precision, _PATH) for precision in precisions.values}
    for precision, path in paths.items():
        if path not in files:
            precisions.fail(precision, f"names {shown(path)}, which `files` does not list")
    return MappingProxyType(paths)
