"""What `regions:` may say, and what a person is told about the rest."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from settings_samples import GOOD

from edge_inspector.settings.areas import polygon_fault
from edge_inspector.settings.load import load_line
from edge_inspector.settings.mask import read_mask

Complaints = Callable[[str], list[str]]

REGIONS = """\
regions:
  roi: {x: 0, y: 0, width: 512, height: 256}
  ignore:
    - {name: clamp, polygon: [[0, 0], [120, 0], [120, 60]]}
  zones:
    - {name: seal, polygon: [[200, 0], [512, 0], [512, 256]], limits: {PITTING: 0.4}}
    - name: thread
      polygon: [[0, 100], [90, 100], [90, 200]]
      min_defect_tiles: 2
  background: {darker_than: 20, share: 0.98}
"""
SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]


def test_everything_in_regions_may_be_left_out(complaints: Complaints) -> None:
    assert complaints(GOOD) == []
    assert complaints(GOOD + "regions: {}\n") == []


def test_regions_are_read_as_they_are_written(folder: Path) -> None:
    (folder / "f.yaml").write_text(GOOD + REGIONS)

    regions = load_line(folder / "f.yaml").regions

    assert regions is not None
    assert regions.roi is not None
    assert (regions.roi.width, regions.ignore[0].name) == (512, "clamp")
    assert regions.zones[0].limits == {"PITTING": 0.4}
    assert (regions.zones[0].min_defect_tiles, regions.zones[1].min_defect_tiles) == (1, 2)
    assert regions.zones[1].polygon == [[0, 100], [90, 100], [90, 200]]


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("width: 512, height: 256}\n  ignore", "width: 513, height: 256}\n  ignore", 11, "roi: reaches to x=513"),
        ("[120, 60]]", "[120, 257]]", 13, "polygon: clamp: [120, 257] lies outside the frame of 512x256 px"),
        ("[120, 60]]", "[60, 0]]", 13, "polygon: clamp: the edge from [0, 0] to [120, 0] meets the one from"),
        ("[120, 60]]", "[120, 60], [60, 60], [60, -1]]", 13, "polygon[4][1]: must be a whole number"),
        ("[120, 60]]", "[120]]", 13, "polygon: must be a list of at least 3 corners"),
        ("name: clamp", "name: Clamp 1", 13, "name: must be lower-case letters, digits and dashes"),
        ("[120, 0], [120, 60]]", "[120, 0]]", 13, "polygon: must be"),
        ("[120, 60]]", "[120, 60], [0, 0]]", 13, "polygon: clamp: [0, 0] stands twice; the last corner is joined"),
        ("name: thread", "name: seal", 16, "name: the name seal is taken by another area"),
        ("name: thread", "name: clamp", 16, "name: the name clamp is taken by another area"),
        ("name: thread", "name: rest", 16, "name: rest is the name of all that no zone touches"),
        ("x: 0, y: 0, width: 512", "x: 64, y: 0, width: 400", 17, "thread: [0, 100] lies outside regions.roi"),
        ("darker_than: 20, ", "", 19, "regions.background: needs exactly one of darker_than and brighter_than"),
        ("darker_than: 20", "darker_than: 20, brighter_than: 9", 19, "regions.background: needs exactly one of"),
        ("background:", "backgruond:", 19, "unknown key; did you mean `background`?"),
        ("limits: {PITTING: 0.4}", "limits: {PITTING: 4}", 15, "limits.PITTING: must be a number over 0, up to 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(complaints: Complaints, old: str, new: str, line: int, expected: str) -> None:
    assert old in REGIONS

    told = complaints(GOOD + REGIONS.replace(old, new))

    assert [one for one in told if one.startswith(f"{line}: regions") and expected in one], told


def test_all_mistakes_are_told_at_once(complaints: Complaints) -> None:
    text = (
        REGIONS.replace("[120, 60]]", "[900, 60]]")
        .replace("[512, 256]]", "[512, 900]]")
        .replace("name: thread", "name: seal")
    )

    told = complaints(GOOD + text)

    assert [one.split(":")[0] for one in told] == ["13", "15", "15", "16"]


@pytest.mark.parametrize(
    ("points", "is_fine"),
    [
        (SQUARE, True),
        ([[0, 0], [512, 0], [512, 256], [0, 256]], True),  # the far edges of the frame
        ([[0, 0], [10, 10], [10, 0], [0, 10]], False),  # a bow tie
        ([[0, 0], [5, 0], [10, 0]], False),  # a line
        ([[0, 0], [10, 0], [5, 0], [5, 9]], False),  # folds back onto itself
        ([[0, 0], [10, 0], [10, 10], [5, 0], [0, 10]], False),  # a corner touches an edge
        ([[0, 0], [5, 0], [10, 0], [10, 10], [0, 10]], True),  # a corner in the middle of a straight edge
        ([[0, 0], [10, 0], [10, 10], [5, 1], [0, 10]], True),  # hollow, but simple
        ([[0, 0], [10, 0], [10, 10], [5, 10], [10, 0], [0, 10]], False),  # a corner twice
    ],
)
def test_a_polygon_encloses_one_area_without_crossing_itself(points: list[list[int]], is_fine: bool) -> None:
    assert (polygon_fault(points, 512, 256) is None) is is_fine
    assert (polygon_fault(points[::-1], 512, 256) is None) is is_fine


def _mask(path: Path, pixels: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mask_tells_which_pixels_are_not_inspected(tmp_path: Path, channels: int) -> None:
    pixels = np.full((20, 30, channels), 255, np.uint8)
    pixels[5:7, 3] = 0

    packed = read_mask(_mask(tmp_path / "mask.png", pixels), (20, 30))

    assert isinstance(packed, bytes)
    ignored = np.unpackbits(np.frombuffer(packed, np.uint8), count=600).reshape(20, 30)
    assert np.argwhere(ignored).tolist() == [[5, 3], [6, 3]]


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (np.full((20, 31), 255, np.uint8), "is 31x20 px, the frame 30x20"),
        (np.full((20, 30), 254, np.uint8), "holds 254 at x=0, y=0; a mask is black (0) or white (255)"),
        (np.full((20, 30, 3), (0, 0, 255), np.uint8), "holds 0/0/255 at x=0, y=0"),
        (np.full((20, 30), 65535, np.uint16), "has 16 bits or transparency"),
        (np.full((20, 30, 4), 255, np.uint8), "has 16 bits or transparency"),
    ],
)
def test_a_picture_that_is_no_mask_is_refused(tmp_path: Path, pixels: np.ndarray, told: str) -> None:
    answer = read_mask(_mask(tmp_path / "mask.png", pixels), (20, 30))

    assert isinstance(answer, str)
    assert told in answer


def test_files_that_are_no_png_are_refused(tmp_path: Path) -> None:
    white = np.full((20, 30), 255, np.uint8)
    jpeg = _mask(tmp_path / "mask.jpg", white)
    whole = _mask(tmp_path / "mask.png", white).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:40])
    (tmp_path / "short.png").write_bytes(whole[:10])

    told = {name: read_mask(tmp_path / name, (20, 30)) for name in (jpeg.name, "cut.png", "short.png", "none.png", ".")}

    assert all(isinstance(answer, str) for answer in told.values())
    assert "is no PNG" in str(told[jpeg.name])
    assert "is damaged" in str(told["cut.png"])
    assert "is no PNG" in str(told["short.png"])
    assert "cannot be read: No such file" in str(told["none.png"])
    assert "cannot be read: Is a directory" in str(told["."])


def test_a_small_file_that_claims_a_huge_picture_is_not_unpacked(tmp_path: Path) -> None:
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    chunk = (13).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)

    assert "is 60000x60000 px" in str(read_mask(tmp_path / "bomb.png", (20, 30)))


def test_a_mask_is_looked_for_beside_the_configuration(complaints: Complaints, folder: Path) -> None:
    missing = complaints(GOOD + "regions: {mask: mask.png}\n")
    _mask(folder / "mask.png", np.full((256, 512), 255, np.uint8))

    assert complaints(GOOD + "regions: {mask: mask.png}\n") == []
    assert missing[0].startswith("10: regions.mask: HERE/mask.png cannot be read: No such file")
