"""Formats of more than eight bits, packed ones and YUV, against encoders written from the words of the standards."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.pixels import FORMATS, PixelFormat, copy_to_rgb

Values = list[list[int]]
BY_NAME = {pixel_format.name: pixel_format for pixel_format in FORMATS}
DEEP = [pixel_format for pixel_format in FORMATS if pixel_format.depth > 8]


def in_two_bytes(row: list[int], _depth: int) -> bytes:
    """PFNC Mono10 to Mono16: each value in two bytes, little-endian."""
    return b"".join(value.to_bytes(2, "little") for value in row)


def in_one_stream(row: list[int], depth: int) -> bytes:
    """PFNC "p": the values one behind the other in a stream of bits, the lowest bit of the lowest byte first."""
    stream = sum(value << (depth * place) for place, value in enumerate(row))
    return stream.to_bytes(len(row) * depth // 8, "little")


def in_threes(row: list[int], depth: int) -> bytes:
    """GigE Vision "Packed": two pixels in three bytes, high bits outside, low bits inside from bits 0 and 4 on."""
    low = depth - 8
    coded = bytearray()
    for one, other in zip(row[::2], row[1::2], strict=True):
        middle = one % 2**low + (other % 2**low) * 16
        coded += bytes([one // 2**low, middle, other // 2**low])
    return bytes(coded)


def coded_rows(values: Values, pixel_format: PixelFormat) -> list[bytes]:
    name = pixel_format.name
    code = in_threes if name.endswith("Packed") else in_one_stream if name.endswith("p") else in_two_bytes
    return [code(row, pixel_format.depth) for row in values]


def read(rows: list[bytes], width: int, pixel_format: PixelFormat, padding: bytes = b"") -> npt.NDArray[np.uint8]:
    out = np.full((len(rows), width, pixel_format.channels), 77, np.uint8)
    copy_to_rgb(padding.join(rows), 0, len(padding), pixel_format, out)
    return out


@st.composite
def deep_pictures(draw: st.DrawFn) -> tuple[PixelFormat, Values]:
    """A format and a picture in it; odd widths where no pixels share bytes."""
    pixel_format = draw(st.sampled_from(DEEP))
    width = pixel_format.group * draw(st.integers(1, 9))
    value = st.integers(0, 2**pixel_format.depth - 1)
    row = st.lists(value, min_size=width, max_size=width)
    return pixel_format, draw(st.lists(row, min_size=1, max_size=5))


@given(picture=deep_pictures(), padding=st.binary(max_size=7))
def test_the_low_bits_are_dropped(picture: tuple[PixelFormat, Values], padding: bytes) -> None:
    pixel_format, values = picture

    out = read(coded_rows(values, pixel_format), len(values[0]), pixel_format, padding)

    assert out[:, :, 0].tolist() == [[value // 2 ** (pixel_format.depth - 8) for value in row] for row in values]


@given(picture=deep_pictures(), padding=st.binary(max_size=7), ends=st.data())
def test_levels_become_black_and_white_and_what_lies_between_is_in_proportion(
    picture: tuple[PixelFormat, Values], padding: bytes, ends: st.DataObject
) -> None:
    pixel_format, values = picture
    black = ends.draw(st.integers(0, 2**pixel_format.depth - 2))
    white = ends.draw(st.integers(black + 1, 2**pixel_format.depth - 1))

    out = read(coded_rows(values, pixel_format), len(values[0]), replace(pixel_format, levels=(black, white)), padding)

    for got, value in zip(out.ravel().tolist(), [value for row in values for value in row], strict=True):
        exact = Fraction((min(max(value, black), white) - black) * 255, white - black)
        assert abs(got - exact) <= Fraction(50001, 100000)  # the nearest; exactly between two, either


@pytest.mark.parametrize("depth", [10, 12, 14, 16])
def test_every_value_of_two_bytes_is_shifted_and_one_over_the_depth_is_white(depth: int) -> None:
    values = np.arange(65536, dtype="<u2")

    out = read([values.tobytes()], 65536, BY_NAME[f"Mono{depth}"])

    assert np.array_equal(out.ravel(), np.minimum(values >> (depth - 8), 255))


@pytest.mark.parametrize(
    ("name", "coded", "grey"),
    [
        ("Mono10", b"\xff\x03\x04\x00", [255, 1]),
        ("Mono12", b"\xff\x0f\x10\x00", [255, 1]),
        ("Mono14", b"\xff\x3f\x40\x00", [255, 1]),
        ("Mono16", b"\xff\xff\x00\x01", [255, 1]),
        ("Mono10p", b"\xff\x03\x00\x00\x01", [255, 0, 0, 1]),
        ("Mono12p", b"\xff\x0f\x01", [255, 1]),
        ("Mono10Packed", b"\xff\x33\x01", [255, 1]),
        ("Mono12Packed", b"\xff\xff\x01", [255, 1]),
    ],
)
def test_known_bytes_become_known_greys(name: str, coded: bytes, grey: list[int]) -> None:
    assert read([coded], len(grey), BY_NAME[name]).ravel().tolist() == grey


@pytest.mark.parametrize("pixel_format", [one for one in FORMATS if one.in_bands], ids=lambda one: one.name)
def test_a_picture_of_many_bands_is_the_same_as_its_rows_one_by_one(pixel_format: PixelFormat) -> None:
    width, height = 2048, 700  # several times what is read at once
    random = np.random.default_rng(5)
    rows = [random.bytes(pixel_format.row_bytes(width)) for _ in range(height)]

    whole = read(rows, width, pixel_format)

    assert all(np.array_equal(whole[y], read([row], width, pixel_format)[0]) for y, row in enumerate(rows))


YUV = {"YUV422_8": "YUYV", "YUV422_8_UYVY": "UYVY"}


def yuv(name: str, pairs: list[tuple[int, int, int, int]]) -> bytes:
    """Two pixels at a time, each pair given as brightness, brightness, blue difference, red difference."""
    coded = b""
    for one, other, blue, red in pairs:
        left = {"Y": iter([one, other]), "U": iter([blue]), "V": iter([red])}
        coded += bytes(next(left[letter]) for letter in YUV[name])
    return coded


def full_range(brightness: int, blue: int, red: int) -> list[float]:
    """BT.601 with all 256 values, as in JPEG."""
    u, v = blue - 128, red - 128
    rgb = [brightness + 1.402 * v, brightness - 0.344136 * u - 0.714136 * v, brightness + 1.772 * u]
    return [min(max(value, 0.0), 255.0) for value in rgb]


@pytest.mark.parametrize("name", YUV)
def test_yuv_without_colour_is_its_brightness_from_black_to_white(name: str) -> None:
    brightness = list(range(256))
    coded = yuv(name, [(one, one, 128, 128) for one in brightness])

    out = read([coded], 512, BY_NAME[name])

    assert out[0, ::2].tolist() == out[0, 1::2].tolist() == [[one] * 3 for one in brightness]


@given(
    name=st.sampled_from(list(YUV)),
    pairs=st.lists(st.tuples(*[st.integers(0, 255)] * 4), min_size=1, max_size=8),
    padding=st.binary(max_size=5),
)
def test_two_pixels_of_yuv_share_their_colour(
    name: str, pairs: list[tuple[int, int, int, int]], padding: bytes
) -> None:
    out = read([yuv(name, pairs)] * 3, 2 * len(pairs), BY_NAME[name], padding)

    for x, (one, other, blue, red) in enumerate(pairs):
        for y in range(3):
            assert np.abs(out[y, 2 * x] - np.array(full_range(one, blue, red))).max() <= 1.5
            assert np.abs(out[y, 2 * x + 1] - np.array(full_range(other, blue, red))).max() <= 1.5
