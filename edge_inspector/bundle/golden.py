"""Golden tiles: what the model must say of a dozen known tiles before any part is judged by it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from edge_inspector.bundle.document import Document, parse_document
from edge_inspector.bundle.manifest import Manifest
from edge_inspector.core.frame import U8

EXPECTED_FILE = "golden/expected.json"
MOST_FLIPS = 0.005
"""Share of verdicts that another precision or another library may change, on the workstation and on the line PC."""

# A heat map is unbounded by nature; beyond this a float32 network has overflowed, not answered.
_LARGEST_HEAT = 1e6


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an answer may lie from the expected one on another machine, provider or batch size."""

    score: float
    """Largest difference of any score."""
    peak: float
    """Largest difference of the heat map at its expected peak."""


@dataclass(frozen=True, slots=True)
class GoldenTile:
    """One tile with the answer the model gave where it was exported."""

    file: str
    """Path inside the bundle."""
    label: str
    """The truth about the tile, one of the manifest's labels."""
    pixels: U8
    """Shape (h, w, c), RGB or grey, read-only."""
    scores: tuple[float, ...]
    """Expected scores, in the order of the manifest's labels."""
    heat_peak: float
    """Expected value of the heat map at `heat_peak_yx`, its highest cell."""
    heat_peak_yx: tuple[int, int]
    """Row and column of the peak. Compare the value there, not the position: two cells may be nearly equal."""


def parse_golden(
    manifest: Manifest, precision: str, contents: Mapping[str, bytes], folder: str
) -> tuple[Tolerance, tuple[GoldenTile, ...]]:
    """Return the tolerance and the golden tiles of one precision.

    Args:
        manifest: The checked manifest.
        precision: Key of `manifest.precisions`.
        contents: Bytes of the files by path, hashes already compared.
        folder: Path of the bundle, for messages.

    Raises:
        BundleError: expected.json or a tile is missing or not as the manifest says, or the tiles do not hold at
            least one OK and one other label: a model that says OK to everything must not pass its self-test.
    """
    file = f"{folder}/{EXPECTED_FILE}"
    if EXPECTED_FILE not in contents:
        Document(folder, "", {}).fail("files", f"does not list {EXPECTED_FILE}: a bundle must be able to prove itself")
    document = parse_document(file, contents[EXPECTED_FILE])
    document.expect(("tolerance", *manifest.precisions))
    tolerance = document.child("tolerance")
    tolerance.expect(("score", "peak"), manifest.precisions)
    if precision in tolerance.values:  # INT8 leaves more to the library than fp32
        tolerance = tolerance.child(precision)
        tolerance.expect(("score", "peak"))
    tiles = tuple(_tile(manifest, entry, contents, folder) for entry in document.children(precision, 2, 256))
    found = {tile.label for tile in tiles}
    if "OK" not in found or found == {"OK"}:
        document.fail(precision, f"must hold a tile that is OK and one that is not, but holds only {sorted(found)}")
    # A tolerance over 0.1 would let a model of another calibration through.
    return Tolerance(tolerance.number("score", 1e-7, 0.1), tolerance.number("peak", 1e-7, _LARGEST_HEAT)), tiles


def _tile(manifest: Manifest, entry: Document, contents: Mapping[str, bytes], folder: str) -> GoldenTile:
    entry.expect(("file", "label", "scores", "heat_peak", "heat_peak_yx"))
    path = f"golden/{entry.text('file', '[A-Za-z0-9_-]{1,60}[.]png')}"
    if path not in contents:
        entry.fail("file", f"names {path}, which the manifest does not list")
    label = entry.text("label")
    if label not in manifest.labels:
        entry.fail("label", f"must be one of {', '.join(manifest.labels)}, but is '{label}'")
    scores = entry.numbers("scores", len(manifest.labels), 0.0, 1.0)
    if abs(sum(scores) - 1.0) > 1e-3:
        entry.fail("scores", f"are probabilities and must add up to 1, but add up to {sum(scores):.4f}")
    y, x = entry.items("heat_peak_yx", 2, 2)
    rows, columns = manifest.heat_hw
    if not (type(y) is int and type(x) is int and 0 <= y < rows and 0 <= x < columns):
        entry.fail("heat_peak_yx", f"must lie inside the {rows}x{columns} heat map")
    pixels = _decode(Document(f"{folder}/{path}", "", {}), contents[path], manifest.tile_hwc)
    return GoldenTile(path, label, pixels, scores, entry.number("heat_peak", -_LARGEST_HEAT, _LARGEST_HEAT), (y, x))


def _decode(place: Document, content: bytes, hwc: tuple[int, int, int]) -> U8:
    height, width, channels = hwc
    # The size stands in the first chunk: read it there, so that a picture of 4 gigapixels is never unpacked.
    if len(content) < 33 or content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        place.fail("", "is no PNG picture")
    wide, high, depth, colour = struct.unpack(">IIBB", content[16:26])
    if (high, wide) != (height, width) or depth != 8 or colour != (2 if channels == 3 else 0):
        kind = "RGB" if channels == 3 else "grey"
        place.fail(
            "", f"must be a {kind} PNG of {height}x{width}, 8 bit, but is {high}x{wide}, {depth} bit, type {colour}"
        )
    flags = cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape[:2] != (height, width):
        place.fail("", "cannot be decoded as a PNG picture")
    if channels == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    owned = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(hwc)
    owned.flags.writeable = False
    return owned
