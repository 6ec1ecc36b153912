"""The baseline of a line's pictures: how they look when all is well. Recorded by a person, kept in the state folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from edge_inspector.acquire.look import snaps
from edge_inspector.app.baseline_file import write_baseline
from edge_inspector.app.planning import camera_plan, health_rules
from edge_inspector.app.ready import view_named
from edge_inspector.core.errors import CameraError, Mistake, SettingsError
from edge_inspector.core.look import Look
from edge_inspector.decide.image_health import Baseline, HealthRules, figures_of
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import LineMap
from edge_inspector.settings.load import load_line_with_lines

MIN_PICTURES = 5
"""A median of fewer is the accident of one picture."""
_ROOM = 1.25
"""Suggested tolerances leave a quarter beyond what was seen: the next shift brings other parts."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A baseline just taken, and what it was taken from."""

    file: Path
    usual: Baseline
    looks: tuple[Look, ...]
    """Figures of every picture, in order."""
    took_s: float


def record_baseline(
    config: Path, n: int, timeout_s: float, tell: Callable[[int], None], camera: str | None = None
) -> Recorded:
    """Take pictures with a camera of the line and keep what is usual in them; the line reads it at its next start.

    Args:
        config: The line's configuration; the line must not run, since its camera is used here.
        n: Pictures; a folder that ends may give fewer, but not fewer than MIN_PICTURES.
        timeout_s: Time to wait for each picture.
        tell: Called with the count after each picture.
        camera: Its name; None for the first.

    Raises:
        UsageError: No camera of the line has that name.
        SettingsError: The configuration is wrong, or its tolerances are too small for these pictures.
        CameraError: The camera is not there or not as configured, or its pictures are themselves unhealthy.
        ProcessError: The state folder cannot be written.
    """
    line, lines = load_line_with_lines(config)
    place, settings = view_named(line, camera)
    lines = lines if place == 0 else lines.below(("more_views", place - 1))
    began = time.monotonic()
    looks: list[Look] = []
    with closing(snaps(camera_plan(settings), n, timeout_s)) as pictures:
        for pixels in pictures:
            looks.append(figures_of(pixels))
            tell(len(looks))
    took_s = time.monotonic() - began
    if why := _unhealthy(looks, health_rules(settings, None)):
        raise CameraError(f"camera {settings.camera.name}: {why}; then record again")
    usual = Baseline(median(look.brightness for look in looks), median(look.sharpness for look in looks))
    if mistakes := _too_unlike(looks, usual, settings, lines):
        raise SettingsError(mistakes)
    return Recorded(write_baseline(settings, place, usual, looks), usual, tuple(looks), took_s)


def baseline_sentence(camera: str, baseline: Baseline | None) -> str:
    """Say what the pictures of a camera are compared with; None when nothing was recorded."""
    if baseline is None:
        return f"{camera}: no baseline, focus and brightness are not checked (`edge-inspector camera baseline`)"
    light, sharp = baseline.brightness, baseline.sharpness
    return f"{camera}: pictures are compared with brightness {light:.0f} and sharpness {sharp:.2f}"


def baseline_sentences(recorded: Recorded, settings: LineSettings) -> Iterator[str]:
    """Say what was recorded, for the person who did it."""
    usual, looks = recorded.usual, recorded.looks
    light, sharp = [look.brightness for look in looks], [look.sharpness for look in looks]
    health = settings.image_health
    margin = usual.brightness * health.brightness_tolerance
    lowest, highest = max(0.0, usual.brightness - margin), min(255.0, usual.brightness + margin)
    yield f"{len(looks)} pictures of {settings.camera.name} in {recorded.took_s:.1f} s"
    yield f"brightness {usual.brightness:.0f} of 255 (from {min(light):.0f} to {max(light):.0f})"
    yield (
        f"sharpness {usual.sharpness:.2f}: grey values between neighbouring pixels "
        f"(from {min(sharp):.2f} to {max(sharp):.2f})"
    )
    yield (
        f"black pixels at most {max(look.dark_share for look in looks):.1%}, "
        f"saturated at most {max(look.bright_share for look in looks):.1%}"
    )
    yield f"wrong brightness: below {lowest:.0f} or above {highest:.0f}"
    yield f"out of focus: sharpness below {usual.sharpness * (1 - health.sharpness_tolerance):.2f}"
    yield f"kept in {recorded.file}; the line uses it from its next start on"


def _unhealthy(looks: Sequence[Look], rules: HealthRules) -> str | None:
    """Return what is wrong with the pictures themselves, and the next step; None when nothing is."""
    n, policies = len(looks), rules.policies
    black = sum(look.dark_share >= rules.black_share for look in looks)
    saturated = sum(look.bright_share >= rules.saturated_share for look in looks)
    repeats = sum(one.fingerprint == other.fingerprint for one, other in pairwise(looks))
    if n < MIN_PICTURES:
        return f"gave {n} pictures, {MIN_PICTURES} are the least; let it give more"
    if black and policies["black"] != "metric":  # who only counts them knows that they are usual here
        return f"{black} of {n} pictures are black; take the cap off, check the lamp and the exposure"
    if saturated and policies["saturated"] != "metric":
        return f"{saturated} of {n} pictures are saturated; shorten the exposure, keep stray light away"
    # A folder or a simulated camera may repeat some; one picture alone says nothing of what is usual.
    if repeats == n - 1 or (repeats and policies["stuck"] != "metric"):
        return f"{repeats} of {n} pictures are exactly the one before; check that it delivers live pictures"
    if median(look.sharpness for look in looks) == 0 or median(look.brightness for look in looks) == 0:
        return "the pictures show nothing but one grey, focus cannot be seen in them; put a part before the camera"
    return None


def _too_unlike(looks: Sequence[Look], usual: Baseline, settings: LineSettings, lines: LineMap) -> list[Mistake]:
    """Return the tolerances that these very pictures would break."""
    health = settings.image_health
    light = max(abs(look.brightness / usual.brightness - 1) for look in looks)
    blur = max(1 - look.sharpness / usual.sharpness for look in looks)
    found = []
    for key, seen, allowed in (
        ("brightness_tolerance", light, health.brightness_tolerance),
        ("sharpness_tolerance", blur, health.sharpness_tolerance),
    ):
        if seen > allowed:
            what = (
                f"{allowed:g} is too small for these pictures, which differ by up to {seen:.2f} from their median: "
                f"some would be refused; make light and parts steadier, or set {min(0.99, seen * _ROOM):.2f}"
            )
            found.append(lines.mistake(("image_health", key), what))
    return found
