"""What the system costs without a model: CPU time of all processes per strip, at 100 strips a second."""

from __future__ import annotations

import time

from benchmarks.bench import Bench
from benchmarks.figures import Bar, Row, at_most, spread
from benchmarks.line import Knobs, Line
from benchmarks.processes import CpuTime
from benchmarks.subject import Subject

SECTION = "cpu"
RATE_HZ = 100.0


def measure(bench: Bench) -> list[Row]:
    """Return ms per 1600x256 strip, colour and grey."""
    return [
        *_per_strip(bench, bench.lite0(), "colour", at_most(2.0)),
        *_per_strip(bench, bench.tiny(), "mono", at_most(1.5)),
    ]


def _per_strip(bench: Bench, subject: Subject, colour: str, bar: Bar) -> list[Row]:
    windows: list[dict[str, CpuTime]] = []
    strips: list[int] = []
    with Line(subject, Knobs(rate_hz=RATE_HZ, is_null=True)) as line:
        time.sleep(bench.scale.warm_up_s)
        for _ in range(bench.scale.cpu_windows):
            line.ear.drain()
            before, began_us = line.cpu(), time.time_ns() // 1000
            time.sleep(bench.scale.cpu_window_s)
            after, ended_us = line.cpu(), time.time_ns() // 1000
            heard = [m for m in line.ear.drain() if m.kind == "verdict"]
            windows.append({name: after[name] - before[name] for name in before})
            strips.append(sum(began_us <= m.header.t_utc_us < ended_us for m in heard))
            bench.say(f"{colour}: {_ms(windows[-1], strips[-1]):.2f} ms per strip, {_shares(windows[-1], strips[-1])}")
    values = [_ms(window, n) for window, n in zip(windows, strips, strict=True)]
    median, low, high = spread(values)
    middle = values.index(sorted(values)[len(values) // 2])
    name = f"{colour} strip, no model, {RATE_HZ:g}/s: all processes"
    note = f"user + system, ms: {_shares(windows[middle], strips[middle])}"
    return [Row(SECTION, name, median, "ms", bar, False, len(values), low, high, note=note)]


def _ms(window: dict[str, CpuTime], n: int) -> float:
    return sum(time.total_s for time in window.values()) * 1000 / n


def _shares(window: dict[str, CpuTime], n: int) -> str:
    return ", ".join(
        f"{name} {spent.user_s * 1000 / n:.2f} + {spent.system_s * 1000 / n:.2f}" for name, spent in window.items()
    )
