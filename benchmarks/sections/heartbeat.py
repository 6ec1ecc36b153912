"""How evenly a line's heartbeat comes, idle and while the model never rests, as a client receives it."""

from __future__ import annotations

import time
from itertools import pairwise

from benchmarks.bench import Bench
from benchmarks.ear import Silent
from benchmarks.figures import Row, percentile
from benchmarks.line import START_S, Knobs, Line

SECTION = "heartbeat"
CASES = {"idle": Knobs(rate_hz=0.1), "model at full load": Knobs()}


def measure(bench: Bench) -> list[Row]:
    """Return the periods' median and 99th percentile; the lease is ten times the period."""
    n = bench.scale.heartbeats
    rows = []
    for name, knobs in CASES.items():
        with Line(bench.lite0(), knobs) as line:
            gaps = _gaps_ms(line, n)
        for percent in (50, 99):
            value = percentile(gaps, percent)
            full = f"{name}: p{percent} between heartbeats"
            rows.append(Row(SECTION, full, value, "ms", None, False, n, min(gaps), max(gaps), grain=10.0))
        bench.say(f"{name}: p50 {rows[-2].value:.1f}, p99 {rows[-1].value:.1f} ms")
    return rows


def _gaps_ms(line: Line, n: int) -> list[float]:
    line.ear.drain()
    moments: list[int] = []
    ends = time.monotonic() + START_S + n
    while len(moments) <= n:
        if time.monotonic() > ends:
            raise Silent(f"only {len(moments)} of {n} heartbeats came in time")
        heard = line.ear.next(1.0)
        if heard is not None and heard.kind == "hb":
            moments.append(heard.utc_us)
    return [(later - former) / 1000 for former, later in pairwise(moments)]
