from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.acquire.pixels import FORMATS, PixelFormat, copy_to_rgb, find_format, fit_format, n_bytes_needed
from edge_inspector.core.errors import CameraFormatError
from edge_inspector.core.frame import FrameShape

HEIGHT, WIDTH = 6, 8
COLOUR = (200, 120, 40)
"""Red, green, blue: three values that no mix-up leaves in place."""
BAYER = {"BayerRG8": "RGGB", "BayerGR8": "GRBG", "BayerGB8": "GBRG", "BayerBG8": "BGGR"}
ORDER = {"RGB8": (0, 1, 2), "BGR8": (2, 1, 0), "RGBa8": (0, 1, 2, None), "BGRa8": (2, 1, 0, None)}


def by_name(name: str) -> PixelFormat:
    return next(pixel_format for pixel_format in FORMATS if pixel_format.name == name)


def one_colour(name: str) -> bytes:
    """A picture all in COLOUR, as a camera sends it; alpha is 255."""
    if name in BAYER:
        values = [COLOUR["RGB".index(letter)] for letter in BAYER[name]]
        return np.tile(np.array(values, np.uint8).reshape(2, 2), (HEIGHT // 2, WIDTH // 2)).tobytes()
    pixel = [255 if channel is None else COLOUR[channel] for channel in ORDER[name]]
    return np.tile(np.array(pixel, np.uint8), HEIGHT * WIDTH).tobytes()


@pytest.mark.parametrize("name", [*ORDER, *BAYER])
def test_a_colour_picture_becomes_rgb(name: str) -> None:
    out = np.zeros((HEIGHT, WIDTH, 3), np.uint8)

    copy_to_rgb(one_colour(name), 0, 0, by_name(name), out)

    assert (out == COLOUR).all()


def test_a_bayer_picture_keeps_red_where_its_red_pixel_is() -> None:
    mosaic = np.zeros((HEIGHT, WIDTH), np.uint8)
    mosaic[2, 4] = 200  # BayerRG8: red lies on even rows and columns
    out = np.zeros((HEIGHT, WIDTH, 3), np.uint8)

    copy_to_rgb(mosaic.tobytes(), 0, 0, by_name("BayerRG8"), out)

    assert tuple(out[2, 4]) == (200, 0, 0)


def test_a_grey_picture_is_copied_exactly() -> None:
    grey = np.arange(HEIGHT * WIDTH, dtype=np.uint8)
    out = np.zeros((HEIGHT, WIDTH, 1), np.uint8)

    copy_to_rgb(grey.tobytes(), 0, 0, by_name("Mono8"), out)

    assert np.array_equal(out.ravel(), grey)


@given(
    pixel_format=st.sampled_from(FORMATS),
    padding_x=st.integers(0, 9),
    offset=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_offset_and_padding_are_left_out(pixel_format: PixelFormat, padding_x: int, offset: int, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 256, (HEIGHT, pixel_format.row_bytes(WIDTH)), np.uint8)
    padded = np.pad(rows, ((0, 0), (0, padding_x)), constant_values=99).tobytes()
    padded = padded[: len(padded) - padding_x]  # the last row's padding may be missing
    plain = np.zeros((HEIGHT, WIDTH, pixel_format.channels), np.uint8)
    out = np.zeros_like(plain)

    copy_to_rgb(rows.tobytes(), 0, 0, pixel_format, plain)
    copy_to_rgb(b"\x55" * offset + padded, offset, padding_x, pixel_format, out)

    assert np.array_equal(out, plain)
    assert len(padded) == n_bytes_needed(pixel_format, FrameShape(HEIGHT, WIDTH, pixel_format.channels), padding_x)


@pytest.mark.parametrize("pixel_format", FORMATS, ids=lambda pixel_format: pixel_format.name)
def test_a_buffer_one_byte_short_is_refused(pixel_format: PixelFormat) -> None:
    out = np.zeros((HEIGHT, WIDTH, pixel_format.channels), np.uint8)

    with pytest.raises(ValueError, match="too short"):
        copy_to_rgb(bytes(HEIGHT * pixel_format.row_bytes(WIDTH) - 1), 0, 0, pixel_format, out)


def test_an_unknown_format_is_refused_with_the_list_of_known_ones() -> None:
    with pytest.raises(CameraFormatError, match=r"'RGB10p32'.*Mono8, RGB8, BGR8.*YUV422_8_UYVY"):
        find_format("RGB10p32", 3)


@pytest.mark.parametrize(("name", "channels", "said"), [("Mono8", 3, "RGB8, BGR8"), ("RGBa8", 1, "Mono8, Mono10")])
def test_a_format_of_other_channels_is_refused_with_what_would_fit(name: str, channels: int, said: str) -> None:
    with pytest.raises(CameraFormatError, match=rf"{name} gives.*channels is {channels}.*{said}"):
        find_format(name, channels)


@pytest.mark.parametrize(
    ("name", "width", "levels", "said"),
    [
        ("Mono10p", 1601, None, r"row of 1601 pixels Mono10p.*groups of 4 pixels.*camera\.frame\.width.*multiple of 4"),
        ("Mono12Packed", 5, None, "groups of 2 pixels"),
        ("YUV422_8", 5, None, "groups of 2 pixels"),
        ("Mono8", 8, (0, 100), r"Mono8 has 8 bits already; leave camera\.levels out"),
        ("Mono10", 8, (0, 1024), r"levels 0 to 1024 are no range of Mono10, whose values go from 0 to 1023"),
        ("Mono16", 8, (9, 9), "levels 9 to 9 are no range"),
        ("Mono16", 8, (-1, 9), "levels -1 to 9 are no range"),
    ],
)
def test_what_cannot_be_read_at_this_size_or_range_is_refused(
    name: str, width: int, levels: tuple[int, int] | None, said: str
) -> None:
    pixel_format = by_name(name)

    with pytest.raises(CameraFormatError, match=said):
        fit_format(pixel_format, FrameShape(4, width, pixel_format.channels), levels)


def test_a_format_that_fits_keeps_the_levels_it_is_given() -> None:
    shape = FrameShape(4, 8, 1)

    assert fit_format(by_name("Mono12p"), shape, None) is by_name("Mono12p")
    assert fit_format(by_name("Mono12p"), shape, (16, 4095)).levels == (16, 4095)
