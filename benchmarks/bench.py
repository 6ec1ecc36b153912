"""What every section is given: how much to measure, on what, and where to say how far it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Window
from benchmarks.subject import Subject, make_subject
from benchmarks.tiny_net import write_tiny_net

ROOT = Path(__file__).resolve().parent.parent
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    sandwiches: int = 4
    window_s: float = 4.0
    warm_up_s: float = 1.5
    scan_s: float = 2.0
    cpu_windows: int = 5
    cpu_window_s: float = 10.0
    paced_rounds: int = 4
    paced_frames: int = 252
    """In each round; all rounds together are the thousand that a 99th percentile needs."""
    publish_rounds: int = 4
    publish_s: float = 8.0
    kills: int = 5
    starts: int = 5
    small_frames: int = 20_000
    long_frames: int = 200_000
    heartbeats: int = 200
    engine_rounds: int = 8
    camera_frames: int = 2_000
    """Twice the thousand that a 99th percentile needs."""
    bystander_s: float = 2.0


QUICK = Scale(
    sandwiches=2,
    window_s=2.0,
    warm_up_s=0.5,
    scan_s=0.5,
    cpu_windows=2,
    cpu_window_s=4.0,
    paced_rounds=1,
    paced_frames=60,
    publish_rounds=1,
    publish_s=3.0,
    kills=1,
    starts=2,
    small_frames=4_000,
    long_frames=6_000,
    heartbeats=30,
    engine_rounds=3,
    camera_frames=300,
    bystander_s=1.0,
)
"""To see that everything runs: the figures mean little."""


@dataclass(slots=True)
class Bench:
    """The bench of one run. Subjects are made when first asked for, in a folder that goes with the run."""

    folder: Path
    scale: Scale
    say: Callable[[str], None]
    _subjects: dict[str, Subject] = field(default_factory=dict)

    def lite0(self) -> Subject:
        """Return the shipped model, EfficientNet-Lite0, on colour strips."""
        return self._subject("EfficientNet-Lite0", ROOT / "models" / "bsdata-pitting", (256, 1600))

    def tiny(self) -> Subject:
        """Return the small net on grey strips."""
        return self._subject("tiny net", self._tiny_bundle(), (256, 1600))

    def one_tile(self) -> Subject:
        """Return the small net on frames of one tile."""
        return self._subject("tiny net, one tile", self._tiny_bundle(), (256, 256))

    def _tiny_bundle(self) -> Path:
        folder = self.folder / "bundles" / "tiny-net"
        return folder if folder.exists() else write_tiny_net(folder)

    def _subject(self, title: str, bundle: Path, frame_hw: tuple[int, int]) -> Subject:
        if title not in self._subjects:
            self.say(f"drawing frames for {title}")
            folder = self.folder / "frames" / title.replace(" ", "-")
            self._subjects[title] = make_subject(title, bundle, folder, frame_hw)
        return self._subjects[title]


Measure = Callable[[], Window]


def interleaved(
    outer: Mapping[str, Measure], inner: Mapping[str, Measure], times: int, say: Callable[[str], None]
) -> dict[str, list[Window]]:
    """Measure everything in turns, so that whatever else runs on the machine falls on all of them.

    Args:
        outer: Measured before the first and after every turn of `inner`: `times` + 1 windows each.
        inner: Measured `times` times.
        times: Sandwiches.
        say: Told how far it is.
    """
    found: dict[str, list[Window]] = {name: [] for name in (*outer, *inner)}
    for turn in range(times + 1):
        # Every other turn backwards: nobody is always the first after a pause.
        for name in list(outer)[:: 1 if turn % 2 else -1]:
            found[name].append(outer[name]())
        for name in inner if turn < times else ():
            found[name].append(inner[name]())
        if turn < times:
            rates = ", ".join(f"{name} {windows[-1].per_s:.0f}/s" for name, windows in found.items())
            say(f"round {turn + 1} of {times}: {rates}")
    return found
