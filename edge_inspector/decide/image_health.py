"""What a picture says of itself before the model is asked: light, sharpness, and whether it is new. Pure.

Shares are counted on every fourth row and column, brightness on every fourth row, sharpness and fingerprint on bands
of four whole rows out of 32. The places are fixed by the picture's size, so the same picture always gives the same
figures; they come from sums of whole numbers, so none of them can be NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal, cast

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import U8
from edge_inspector.core.look import Look

Check = Literal["black", "saturated", "stuck", "defocus", "brightness"]
Policy = Literal["metric", "unknown", "fault"]
"""`metric`: counted only. `unknown`: also, the part is not judged. `fault`: also, the line is not ready."""

CHECKS: Final[tuple[Check, ...]] = ("black", "saturated", "stuck", "defocus", "brightness")
DARK: Final = 5
"""Grey value up to which a pixel is black, in all its channels: a sensor's black level and its noise."""
BRIGHT: Final = 250
"""Grey value from which a pixel is saturated, in any channel: cameras that correct colour clip below 255."""

_SKIP = 4  # one pixel of 16 tells a share to within 1 % on a strip of 1600x256
_BAND_STEP, _BAND_ROWS = 32, 4  # an eighth of the rows; in fours, so that vertical neighbours are there too


@dataclass(frozen=True, slots=True)
class Baseline:
    """How the pictures of this camera look when all is well: medians over many of them."""

    brightness: float
    """Mean grey value, 0 to 255."""
    sharpness: float
    """Mean difference between neighbours, in grey values."""


@dataclass(frozen=True, slots=True)
class HealthRules:
    """Which figures mean trouble, and what becomes of the part then."""

    policies: Mapping[Check, Policy]
    """One for each of CHECKS."""
    black_share: float
    """Share of black pixels from which a picture is black."""
    saturated_share: float
    """Share of saturated pixels from which a picture is saturated."""
    brightness_tolerance: float
    """Share of the baseline's brightness."""
    sharpness_tolerance: float
    """Share of the baseline's sharpness."""
    baseline: Baseline | None = None
    """None: `defocus` and `brightness` are not checked."""


def look_at(pixels: U8, rules: HealthRules) -> Look:
    """Return the figures of one picture and what is wrong with it; `stuck` needs the picture before, so it is not here.

    Args:
        pixels: Shape (h, w, c), RGB or grey, h and w at least 16.
        rules: What counts as trouble.
    """
    look = figures_of(pixels)
    found: list[Check] = []
    if look.dark_share >= rules.black_share:
        found.append("black")
    if look.bright_share >= rules.saturated_share:
        found.append("saturated")
    usual = rules.baseline
    # `not >=` and `not <=`: compared so that a NaN would be trouble, as everywhere in this room.
    if usual is not None and not look.sharpness >= usual.sharpness * (1.0 - rules.sharpness_tolerance):
        found.append("defocus")
    if usual is not None:
        difference = abs(look.brightness - usual.brightness)
        if not difference <= usual.brightness * rules.brightness_tolerance:
            found.append("brightness")
    if not found:
        return look
    # Clipped pictures repeat exactly on a real sensor too: they have a trouble of their own, and are not stuck.
    if "black" in found or "saturated" in found:
        look = replace(look, fingerprint=0)
    for check in found:
        look = with_trouble(look, check, rules.policies[check])
    return look


def with_trouble(look: Look, check: Check, policy: Policy) -> Look:
    """Return a look with one more trouble, and what follows from it."""
    return replace(
        look,
        troubles=(*look.troubles, check),
        refuses=look.refuses or policy != "metric",
        is_fault=look.is_fault or policy == "fault",
    )


def figures_of(pixels: U8) -> Look:
    """Return brightness, shares, sharpness and fingerprint of one picture, without a judgement.

    Sharpness is the mean difference between a pixel and its neighbour, to the right and below, over all channels, in
    grey values: noise and texture both count, and every blur lowers it.

    Args:
        pixels: Shape (h, w, c), RGB or grey, h and w at least 16.
    """
    rows = pixels[::_SKIP]
    brightness = sum(cv2.sumElems(rows)) / rows.size
    brightest = np.ascontiguousarray(rows[:, ::_SKIP, 0])
    for channel in range(1, pixels.shape[2]):
        brightest = np.maximum(brightest, rows[:, ::_SKIP, channel])
    bands = _bands(pixels)
    return Look(
        brightness=brightness,
        dark_share=int(np.count_nonzero(brightest <= DARK)) / brightest.size,
        bright_share=int(np.count_nonzero(brightest >= BRIGHT)) / brightest.size,
        sharpness=_sharpness(bands, pixels.shape[1] * pixels.shape[2], pixels.shape[2]),
        fingerprint=_fingerprint(bands),
    )


def _bands(pixels: U8) -> U8:
    """Return a copy, shape (bands, _BAND_ROWS * w * c): each row holds the samples of one band."""
    height, width, channels = pixels.shape
    step = min(_BAND_STEP, height)
    n = height // step
    bands = pixels[: n * step].reshape(n, step, width * channels)[:, :_BAND_ROWS]
    return np.ascontiguousarray(bands).reshape(n, -1)


def _sharpness(bands: U8, row: int, channels: int) -> float:
    rows = bands.reshape(-1, row)
    right, left = rows[:, channels:], rows[:, :-channels]
    below, above = bands[:, row:], bands[:, :-row]  # within a band: the last row of one has no neighbour
    across = cv2.norm(right, left, cv2.NORM_L1) / right.size
    down = cv2.norm(below, above, cv2.NORM_L1) / below.size
    return (across + down) / 2.0


def _fingerprint(bands: U8) -> int:
    """Return the sum of all samples, eight at a time, each times a number of its own; 0 where all are clipped.

    Clipped samples repeat on a real sensor too, whatever stands between the bands.
    """
    if int(bands.max()) <= DARK or int(bands.min()) >= BRIGHT:
        return 0
    samples = bands.reshape(-1)
    words = samples[: samples.size // 8 * 8].view(np.uint64)
    return int(np.dot(words, _weights(words.size))) or 1


@cache  # of one size in a daemon: a frame's size is declared
def _weights(n: int) -> npt.NDArray[np.uint64]:
    # Odd: a change of one word always changes the sum. Seeded: two processes agree.
    weights = np.random.default_rng(8).integers(0, 2**64, n, dtype=np.uint64)
    return cast(npt.NDArray[np.uint64], weights | np.uint64(1))
