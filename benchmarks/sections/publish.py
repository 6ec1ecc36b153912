"""From the decision to ten subscribers, without a model: paced, and as fast as the line goes."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.bench import ROOT, Bench
from benchmarks.ear import Silent
from benchmarks.figures import Bar, Row, at_most, percentile, spread
from benchmarks.line import LINE, START_S, Knobs, Line

SECTION = "publish"
SUBSCRIBERS = 10
RATES_HZ = ((100.0, 1.0), (500.0, 1.0), (None, 6.0))
"""Frames a second and the bar of the 99th percentile, in ms."""


def measure(bench: Bench) -> list[Row]:
    """Return p50 and p99 at each rate, the paced ones beside a socket that does nothing but publish as often."""
    rows = []
    for rate_hz, most_ms in RATES_HZ:
        system: list[list[float]] = []
        bare: list[list[float]] = []
        for _ in range(bench.scale.publish_rounds):
            system.append(_system_ms(bench, rate_hz))
            if rate_hz is not None:
                bare.append(_bare_ms(bench, rate_hz))
        rows += _rows(bench, rate_hz, system, bare, at_most(most_ms))
    return rows


def _rows(
    bench: Bench, rate_hz: float | None, system: list[list[float]], bare: list[list[float]], bar: Bar
) -> list[Row]:
    name = "saturated" if rate_hz is None else f"{rate_hz:g}/s"
    verdicts = sum(map(len, system)) // SUBSCRIBERS
    per_s = verdicts / len(system) / bench.scale.publish_s
    rows = []
    for percent in (50, 99):
        value, low, high = spread([percentile(each, percent) for each in system])
        note = f"{SUBSCRIBERS} subscribers, {verdicts} verdicts, {per_s:.0f}/s"
        if bare:
            least, *_ = spread([percentile(each, percent) for each in bare])
            note += f"; a bare socket {least:.2f} ms, of the same rounds"
        full, most = f"{name}: p{percent} decision to subscriber", bar if percent == 99 else None
        rows.append(Row(SECTION, full, value, "ms", most, False, len(system), low, high, note=note, grain=0.1))
    bench.say(f"{name}: p50 {rows[0].value:.2f}, p99 {rows[1].value:.2f} ms; {rows[1].note}")
    return rows


def _system_ms(bench: Bench, rate_hz: float | None) -> list[float]:
    knobs = Knobs(rate_hz=rate_hz, is_null=True, waits_for=SUBSCRIBERS)
    with Line(bench.tiny(), knobs, listens=False) as line:
        return _delays_ms(line.signals, bench.scale.publish_s)


def _bare_ms(bench: Bench, rate_hz: float) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.publisher", "--line", LINE]
    command += ["--subscribers", str(SUBSCRIBERS), "--rate-hz", str(rate_hz)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as publisher:
        try:
            assert publisher.stdout is not None
            return _delays_ms(publisher.stdout.readline().strip(), bench.scale.publish_s)
        finally:
            publisher.kill()


def _delays_ms(signals: str, seconds: float) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.listeners", "--signals", signals, "--line", LINE]
    command += ["--sockets", str(SUBSCRIBERS), "--seconds", str(seconds)]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=START_S + seconds, check=True)
    except subprocess.SubprocessError as error:
        raise Silent(f"the subscribers heard too little: {error}") from error
    return [delay / 1000 for delay in json.loads(done.stdout)]
