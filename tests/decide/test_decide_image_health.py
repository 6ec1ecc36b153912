"""Figures of real pictures say what a person would say of them, and no picture makes a figure that is no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_inspector.core.frame import U8
from edge_inspector.decide.image_health import (
    BRIGHT,
    CHECKS,
    DARK,
    Baseline,
    HealthRules,
    Policy,
    figures_of,
    look_at,
    with_trouble,
)

FOLDER = Path(__file__).parents[2] / "config" / "demo"
PICTURES = sorted(FOLDER.glob("*.jpg"))


def read(path: Path, channels: int) -> U8:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB if channels == 3 else cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    return np.atleast_3d(pixels).astype(np.uint8)


def blurred(pixels: U8, sigma_px: float) -> U8:
    return np.atleast_3d(cv2.GaussianBlur(pixels, (0, 0), sigma_px)).astype(np.uint8)


def scaled(pixels: U8, factor: float) -> U8:
    return (pixels * factor).clip(0, 255).astype(np.uint8)


def rules(baseline: Baseline | None = None, policy: Policy = "unknown", **changes: Any) -> HealthRules:
    given: dict[str, Any] = {
        "black_share": 0.99,
        "saturated_share": 0.9,
        "brightness_tolerance": 0.4,
        "sharpness_tolerance": 0.4,
    }
    return HealthRules(dict.fromkeys(CHECKS, policy), **given | changes, baseline=baseline)


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "rgb"])
def real(request: pytest.FixtureRequest) -> list[U8]:
    assert len(PICTURES) == 30
    return [read(path, request.param) for path in PICTURES]


@pytest.fixture(scope="module")
def usual(real: list[U8]) -> HealthRules:
    looks = [figures_of(pixels) for pixels in real]
    return rules(Baseline(median(look.brightness for look in looks), median(look.sharpness for look in looks)))


def test_real_pictures_have_no_trouble_beside_their_own_baseline(real: list[U8], usual: HealthRules) -> None:
    assert {look_at(pixels, usual).troubles for pixels in real} == {()}


SPOILT: dict[str, tuple[Callable[[U8], U8], set[str]]] = {
    "lamp off": (lambda pixels: scaled(pixels, 0.01), {"black", "brightness", "defocus"}),
    "cap on": (np.zeros_like, {"black", "brightness", "defocus"}),
    "exposure too long": (lambda pixels: scaled(pixels, 100.0), {"saturated", "brightness"}),
    "white": (lambda pixels: np.full_like(pixels, 255), {"saturated", "brightness", "defocus"}),
    "dim": (lambda pixels: scaled(pixels, 0.3), {"brightness", "defocus"}),
    "out of focus": (lambda pixels: blurred(pixels, 4.0), {"defocus"}),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_picture_shows_what_is_wrong(name: str, real: list[U8], usual: HealthRules) -> None:
    spoil, expected = SPOILT[name]

    found = [set(look_at(spoil(pixels), usual).troubles) for pixels in real]

    # A wholly overexposed picture may also look soft; nothing else may come along.
    assert [troubles - {"defocus"} for troubles in found] == [expected - {"defocus"}] * len(found)
    if "defocus" in expected:
        assert all("defocus" in troubles for troubles in found)


def test_sharpness_falls_with_every_step_of_blur(real: list[U8]) -> None:
    for pixels in real:
        steps = [pixels, *(blurred(pixels, sigma) for sigma in (0.6, 0.9, 1.3, 2.0, 3.0, 4.5, 7.0))]

        sharpness = [figures_of(step).sharpness for step in steps]

        assert sharpness == sorted(sharpness, reverse=True)
        assert len(set(sharpness)) == len(sharpness)


def test_sharpness_is_the_mean_difference_between_neighbours() -> None:
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 10  # 10 to the right, 0 below

    assert figures_of(stripes).sharpness == 5.0
    assert figures_of(np.ascontiguousarray(stripes.transpose(1, 0, 2))).sharpness == 5.0
    assert figures_of(np.repeat(stripes, 3, axis=2)).sharpness == 5.0


def test_the_same_picture_has_the_same_figures_and_another_one_has_not(real: list[U8]) -> None:
    looks = [figures_of(pixels) for pixels in real]

    assert looks == [figures_of(pixels.copy()) for pixels in real]
    assert len({look.fingerprint for look in looks}) == len(looks)


def test_noise_of_one_grey_value_makes_another_fingerprint(real: list[U8]) -> None:
    rng = np.random.default_rng(4)
    for pixels in real[:5]:
        noisy = pixels ^ rng.integers(0, 2, pixels.shape, dtype=np.uint8)

        assert figures_of(noisy).fingerprint != figures_of(pixels).fingerprint


def test_a_single_sample_in_a_band_makes_another_fingerprint() -> None:
    pixels = np.full((64, 48, 1), 90, np.uint8)
    before = figures_of(pixels).fingerprint

    for x in range(48):
        changed = pixels.copy()
        changed[33, x, 0] = 91
        assert figures_of(changed).fingerprint != before


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_one_grey_has_the_figures_of_that_grey(channels: int) -> None:
    for grey in range(256):
        look = figures_of(np.full((40, 52, channels), grey, np.uint8))

        assert look.brightness == grey
        assert look.sharpness == 0.0
        assert look.dark_share == (1.0 if grey <= DARK else 0.0)
        assert look.bright_share == (1.0 if grey >= BRIGHT else 0.0)
        assert (look.fingerprint == 0) == (grey <= DARK or grey >= BRIGHT)


@pytest.mark.parametrize("clipped", [0, 255])
def test_pictures_that_differ_only_between_the_bands_on_a_clipped_ground_are_never_called_the_same(
    clipped: int,
) -> None:
    one, other = (np.full((64, 64, 1), clipped, np.uint8) for _ in range(2))
    one[10:20, 10:20] = 120
    other[40:50, 30:40] = 90

    assert figures_of(one).fingerprint == figures_of(other).fingerprint == 0  # 0: not taken, so never compared


def test_a_pixel_is_black_in_all_channels_and_saturated_in_any() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[:, :, 0] = 255

    look = figures_of(red)

    assert (look.dark_share, look.bright_share) == (0.0, 1.0)
    assert look.brightness == 85.0


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(16, 70), st.integers(16, 70), st.sampled_from([1, 3]))),
    st.none() | st.builds(Baseline, st.floats(0.1, 255.0), st.floats(0.01, 255.0)),
)
def test_every_figure_of_every_picture_is_a_number_in_its_range(pixels: U8, baseline: Baseline | None) -> None:
    pixels.flags.writeable = False  # as slots and cached pictures may be

    look = look_at(pixels, rules(baseline))

    assert 0.0 <= look.brightness <= 255.0
    assert 0.0 <= look.sharpness <= 255.0
    assert 0.0 <= look.dark_share <= 1.0
    assert 0.0 <= look.bright_share <= 1.0
    assert all(
        type(figure) is float for figure in (look.brightness, look.sharpness, look.dark_share, look.bright_share)
    )
    assert look.refuses == bool(look.troubles)


@pytest.mark.parametrize("check", ["brightness", "defocus"])
def test_a_figure_that_is_no_number_would_be_trouble(check: str) -> None:
    grey = np.full((32, 32, 1), 90, np.uint8)
    broken = Baseline(math.nan, 0.0) if check == "brightness" else Baseline(90.0, math.nan)

    assert check in look_at(grey, rules(broken)).troubles


@pytest.mark.parametrize(
    ("policy", "refuses", "is_fault"), [("metric", False, False), ("unknown", True, False), ("fault", True, True)]
)
def test_the_policy_says_what_becomes_of_the_part(policy: Policy, refuses: bool, is_fault: bool) -> None:
    look = look_at(np.zeros((32, 32, 1), np.uint8), rules(policy=policy))

    assert look.troubles == ("black",)
    assert (look.refuses, look.is_fault) == (refuses, is_fault)


def test_a_milder_trouble_takes_nothing_back() -> None:
    look = look_at(np.zeros((32, 32, 1), np.uint8), rules(policy="fault"))

    more = with_trouble(look, "stuck", "metric")

    assert more.troubles == ("black", "stuck")
    assert (more.refuses, more.is_fault) == (True, True)


@pytest.mark.parametrize("grey", [0, 255])
def test_a_clipped_picture_is_not_taken_for_a_repeated_one(grey: int) -> None:
    assert look_at(np.full((32, 32, 1), grey, np.uint8), rules()).fingerprint == 0


@pytest.mark.parametrize(("share", "is_black"), [(0.5, True), (0.51, False)])
def test_the_share_itself_is_already_trouble(share: float, is_black: bool) -> None:
    half = np.zeros((32, 32, 1), np.uint8)
    half[:, 16:] = 100

    assert ("black" in look_at(half, rules(black_share=share)).troubles) is is_black


@pytest.mark.parametrize(("light", "is_wrong"), [(59, True), (60, False), (140, False), (141, True)])
def test_brightness_may_differ_both_ways_by_the_tolerance(light: int, is_wrong: bool) -> None:
    picture = np.full((32, 32, 1), light, np.uint8)

    assert ("brightness" in look_at(picture, rules(Baseline(100.0, 1.0))).troubles) is is_wrong


def test_a_sharper_picture_than_the_baseline_is_no_trouble(real: list[U8]) -> None:
    look = figures_of(real[0])

    assert look_at(real[0], rules(Baseline(look.brightness, look.sharpness / 10))).troubles == ()
