"""Whether the memory of a line grows over hundreds of thousands of frames."""

from __future__ import annotations

from functools import partial

from benchmarks.bench import Bench
from benchmarks.ear import Heard
from benchmarks.figures import Row, at_most
from benchmarks.line import START_S, Knobs, Line
from benchmarks.processes import rss_mb
from benchmarks.slope import slope_of

PER_FRAMES = 100_000
MOST_MB = 1.0
"""A line of ten parts a second judges 0.9 million a day."""
LOOKS = 200
SETTLE_FRAMES = 20_000
"""Until buffers, pools and the journal's segments have their size."""


def growth_rows(section: str, bench: Bench) -> list[Row]:
    """Return how much the resident memory grows, all processes together and each by itself."""
    frames, settle = bench.scale.long_frames, min(SETTLE_FRAMES, bench.scale.long_frames // 3)
    seen: list[int] = []
    sizes: list[dict[str, float]] = []
    with Line(bench.one_tile(), Knobs()) as line:
        for look in range(LOOKS + 1):
            seen.append(_wait(line, settle + look * (frames - settle) // LOOKS))
            sizes.append({name: rss_mb(pid) for name, pid in line.family().items()})
            if look % (LOOKS // 10) == 0:
                bench.say(f"frame {seen[-1]}: {_told(sizes[-1])}")
    names = list(sizes[0])
    ways = {"all processes": [sum(size.values()) for size in sizes]}
    ways |= {name: [size[name] for size in sizes] for name in names}
    rows = []
    for name, values in ways.items():
        slope = slope_of([n / PER_FRAMES for n in seen], values)
        bar = at_most(MOST_MB) if name == "all processes" else None
        note = f"{values[0]:.1f} to {values[-1]:.1f} MB, frames {seen[0]:,} to {seen[-1]:,}; 95 % interval"
        full, unit = f"growth of RSS over {frames:,} frames of one tile, {name}", f"MB per {PER_FRAMES:,}"
        # Of a process that did not grow at all nothing but the error of the sums is left.
        value, low, high = (round(each, 6) for each in (slope.value, slope.low, slope.high))
        rows.append(Row(section, full, value, unit, bar, False, len(values), low, high, note=note, grain=0.5))
    return rows


def _wait(line: Line, seq: int) -> int:
    """Wait until so many parts have a verdict; returns how many have."""
    heard = line.ear.until(partial(_is_at, seq), 10 * START_S, f"verdict {seq}")
    return heard[-1].header.seq


def _is_at(seq: int, heard: Heard) -> bool:
    return heard.header.seq >= seq


def _told(sizes: dict[str, float]) -> str:
    return ", ".join(f"{name} {mb:.1f} MB" for name, mb in sizes.items())
