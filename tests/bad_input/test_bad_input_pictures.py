"""A picture is judged exactly as it is, or its part is UNKNOWN: nothing in between, and nothing worse."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from bad_pictures import GOOD, PICTURES, SHAPE, WHOLE, Picture
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire import replay
from edge_inspector.acquire.picture_whole import picture_fault
from edge_inspector.acquire.plan import ReplayPlan
from edge_inspector.acquire.replay import ReplayCamera, UnreadablePicture, read_picture
from edge_inspector.core.frame import ArrivalKind


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.what)
def test_a_picture_is_judged_as_it_is_or_not_at_all(tmp_path: Path, picture: Picture) -> None:
    picture.write(tmp_path / picture.name)

    with ReplayCamera(ReplayPlan("cam0", SHAPE, tmp_path)) as camera:
        arrival = camera.fetch(0.5)

    assert arrival is not None
    if picture.judged_as is None:
        assert (arrival.kind, arrival.pixels) == (ArrivalKind.INVALID, None)
    else:
        assert arrival.pixels is not None
        np.testing.assert_array_equal(arrival.pixels, picture.judged_as)


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_whole_picture_is_judged(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(WHOLE[suffix])

    pixels = read_picture(tmp_path / f"a{suffix}", SHAPE)

    assert np.abs(pixels.astype(int) - GOOD).mean() < (3 if suffix == ".jpg" else 0.001)


@pytest.mark.parametrize("fill", [b"", b"\0"], ids=["cut", "zeros"])
@pytest.mark.parametrize("suffix", WHOLE)
def test_no_picture_is_judged_on_what_a_decoder_filled_in(tmp_path: Path, suffix: str, fill: bytes) -> None:
    whole, path = WHOLE[suffix], tmp_path / f"a{suffix}"
    path.write_bytes(whole)
    expected = read_picture(path, SHAPE)
    for percent in range(100):
        kept = len(whole) * percent // 100
        path.write_bytes(whole[:kept] + fill * (len(whole) - kept))
        if suffix == ".bmp" and fill and percent > 0:
            continue  # zeros are pixels of a BMP like any others: only a look at the picture could tell
        try:
            pixels = read_picture(path, SHAPE)
        except UnreadablePicture:
            continue
        assert np.array_equal(pixels, expected), f"judged with {percent} % of the file"


@given(data=st.data())
def test_every_changed_bit_of_a_png_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.png"
    changed = bytearray(WHOLE[".png"])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)

    with pytest.raises(UnreadablePicture):
        read_picture(path, SHAPE)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", None])
@given(data=st.data())
def test_no_bytes_make_the_look_at_a_picture_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, suffix: str | None, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.binary(max_size=300)) if suffix is None else WHOLE[suffix])
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6)):
        content[at % max(1, len(content)) : at % max(1, len(content)) + 1] = bytes([byte])
    path = tmp_path_factory.getbasetemp() / "random.png"
    path.write_bytes(content)

    try:
        pixels = read_picture(path, SHAPE)
    except UnreadablePicture:
        return
    assert pixels.shape == SHAPE.hwc


@pytest.mark.parametrize("suffix", WHOLE)
def test_the_formats_that_other_programs_write_are_whole_too(suffix: str) -> None:
    options = {
        ".jpg": [[cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2], [cv2.IMWRITE_JPEG_OPTIMIZE, 1]],
        ".tif": [[cv2.IMWRITE_TIFF_COMPRESSION, kind] for kind in (1, 5, 8, 32773)],
        ".png": [[cv2.IMWRITE_PNG_COMPRESSION, level] for level in (0, 9)],
        ".bmp": [[]],
    }[suffix]
    for pixels in (GOOD, GOOD[:, :, 0], GOOD[:5, :3]):
        for option in options:
            assert picture_fault(cv2.imencode(suffix, pixels, option)[1].tobytes()) is None, option


def test_a_picture_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(WHOLE[".png"])

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(replay.os, "open", refuse)

    with pytest.raises(UnreadablePicture, match="Permission denied"):
        read_picture(tmp_path / "a.png", SHAPE)


def test_a_folder_with_the_name_of_a_picture_is_no_part(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    (tmp_path / "b.png").write_bytes(WHOLE[".png"])

    assert [path.name for path in replay.list_pictures(tmp_path)] == ["b.png"]
