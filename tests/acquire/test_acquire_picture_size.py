from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.picture_size import picture_size

SUFFIXES = (".png", ".jpg", ".bmp", ".tif")


def encode(suffix: str, height: int, width: int, channels: int = 3) -> bytes:
    ok, data = cv2.imencode(suffix, np.zeros((height, width, channels), np.uint8))
    assert ok
    return data.tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(height=st.integers(1, 300), width=st.integers(1, 300), channels=st.sampled_from([1, 3]))
def test_the_size_in_the_header_is_the_size_that_is_decoded(
    suffix: str, height: int, width: int, channels: int
) -> None:
    assert picture_size(encode(suffix, height, width, channels)) == (height, width)


@given(st.binary(max_size=400))
def test_bytes_that_are_no_picture_have_no_size(data: bytes) -> None:
    assert picture_size(data) is None


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
def test_damage_never_raises(suffix: str, data: st.DataObject) -> None:
    picture = bytearray(encode(suffix, 20, 30))
    at = data.draw(st.integers(0, len(picture) - 1))
    picture[at] = data.draw(st.integers(0, 255))

    picture_size(bytes(picture[: data.draw(st.integers(0, len(picture)))]))


def test_a_bmp_whose_rows_go_down_has_a_positive_height() -> None:
    picture = bytearray(encode(".bmp", 20, 30))
    struct.pack_into("<i", picture, 22, -20)

    assert picture_size(bytes(picture)) == (20, 30)


def test_a_big_endian_tiff_has_a_size() -> None:
    entries = [(256, 3, 30 << 16), (257, 4, 20)]
    directory = struct.pack(">H", 2) + b"".join(
        struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in entries
    )

    assert picture_size(b"MM\0*" + struct.pack(">I", 8) + directory) == (20, 30)
