"""From the start of the program to ready; memory of all processes, and whether it grows."""

from __future__ import annotations

import time

from benchmarks.bench import Bench
from benchmarks.figures import Row, at_most, spread
from benchmarks.line import START_S, Knobs, Line
from benchmarks.processes import pss_mb

SECTION = "start"
SETTLE_FRAMES = 2_000
"""Frames until every buffer has its size."""


def measure(bench: Bench) -> list[Row]:
    """Return the time to ready, the memory, and its growth."""
    return [*_ready_and_memory(bench), _growth(bench)]


def _ready_and_memory(bench: Bench) -> list[Row]:
    seconds, memory = [], []
    shares: dict[str, float] = {}
    for turn in range(bench.scale.starts):
        with Line(bench.lite0(), Knobs(rate_hz=10.0)) as line:
            seconds.append(line.ready_s)
            time.sleep(2.0)
            shares = {name: pss_mb(pid) for name, pid in line.family().items()}
            memory.append(sum(shares.values()))
        bench.say(f"start {turn + 1} of {bench.scale.starts}: ready {seconds[-1]:.2f} s, {memory[-1]:.0f} MB")
    ready, low, high = spread(seconds)
    mb, least, most = spread(memory)
    n = len(seconds)
    note = ", ".join(f"{name} {share:.0f}" for name, share in shares.items())
    return [
        Row(SECTION, "program start to ready", ready, "s", at_most(2.0), False, n, low, high, note="client's view"),
        Row(SECTION, "PSS of all processes, one camera", mb, "MB", at_most(500), False, n, least, most, note=note),
    ]


def _growth(bench: Bench) -> Row:
    frames = bench.scale.small_frames
    with Line(bench.one_tile(), Knobs()) as line:
        before = _memory_at(line, min(SETTLE_FRAMES, frames // 2))
        after = _memory_at(line, frames)
    note = f"from frame {SETTLE_FRAMES} to {frames}: {before:.0f} to {after:.0f} MB"
    name = f"growth over {frames:,} frames of one tile"
    return Row(SECTION, name, after - before, "MB", at_most(5.0), note=note, grain=3.0)


def _memory_at(line: Line, seq: int) -> float:
    """Wait until so many parts have a verdict, and return the memory of all processes in MB."""
    line.ear.until(lambda heard: heard.header.seq >= seq, 10 * START_S, f"verdict {seq}")
    return sum(pss_mb(pid) for pid in line.family().values())
