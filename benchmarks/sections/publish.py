"""From the decision to ten subscribers, without a model: paced, and as fast as the line goes."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.bench import ROOT, Bench
from benchmarks.ear import Silent
from benchmarks.figures import Row, at_most, percentile, spread
from benchmarks.line import LINE, START_S, Knobs, Line

SECTION = "publish"
SUBSCRIBERS = 10
RATES_HZ = ((100.0, 1.0), (500.0, 1.0), (None, 6.0))
"""Frames a second and the bar of the 99th percentile, in ms."""


def measure(bench: Bench) -> list[Row]:
    """Return p50 and p99 at each rate."""
    rows = []
    for rate_hz, most_ms in RATES_HZ:
        rounds = [_delays_ms(bench, rate_hz) for _ in range(bench.scale.publish_rounds)]
        name = "saturated" if rate_hz is None else f"{rate_hz:g}/s"
        verdicts = sum(map(len, rounds)) // SUBSCRIBERS
        for percent in (50, 99):
            value, low, high = spread([percentile(each, percent) for each in rounds])
            bar = at_most(most_ms) if percent == 99 else None
            per_s = verdicts / len(rounds) / bench.scale.publish_s
            note = f"{SUBSCRIBERS} subscribers, {verdicts} verdicts, {per_s:.0f}/s"
            full = f"{name}: p{percent} decision to subscriber"
            rows.append(Row(SECTION, full, value, "ms", bar, False, len(rounds), low, high, note=note, grain=0.1))
        bench.say(f"{name}: p50 {rows[-2].value:.2f}, p99 {rows[-1].value:.2f} ms")
    return rows


def _delays_ms(bench: Bench, rate_hz: float | None) -> list[float]:
    knobs = Knobs(rate_hz=rate_hz, is_null=True, waits_for=SUBSCRIBERS)
    seconds = bench.scale.publish_s
    with Line(bench.tiny(), knobs, listens=False) as line:
        command = [sys.executable, "-m", "benchmarks.listeners", "--signals", line.signals, "--line", LINE]
        command += ["--sockets", str(SUBSCRIBERS), "--seconds", str(seconds)]
        try:
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=START_S + seconds, check=True)
        except subprocess.SubprocessError as error:
            raise Silent(f"the subscribers heard too little: {error}") from error
    return [delay / 1000 for delay in json.loads(done.stdout)]
