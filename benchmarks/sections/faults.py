"""Main stopped for two seconds; the inspect process killed: what a subscriber notices."""

from __future__ import annotations

import signal
import time
from functools import partial

from benchmarks.bench import Bench
from benchmarks.ear import Heard
from benchmarks.figures import Row, at_most, spread
from benchmarks.line import JUDGED, START_S, Knobs, Line
from benchmarks.sections.paced import ALL
from edge_inspector.client.wire import Flag

SECTION = "faults"
RATE_HZ = 50.0
BEFORE_S = 3.0
STOP_S = 2.0
DELAYED_MS = 50.0
"""Slower than the slowest before by so much: a part that waits for main waits up to 2 s, a busy core costs less."""
STEADY_S = 10.5
"""A process that ran for 10 s is replaced at once; one that dies sooner is held back a moment: not measured."""


def measure(bench: Bench) -> list[Row]:
    """Return what a stopped main and a killed inspect process cost."""
    return [*_stopped_main(bench), *_killed_inspect(bench)]


def _stopped_main(bench: Bench) -> list[Row]:
    """Stop main while it holds pictures for evidence of every frame: the worst moment."""
    with Line(bench.tiny(), Knobs(rate_hz=RATE_HZ, keep=ALL)) as line:
        before = line.verdicts(round(BEFORE_S * RATE_HZ), RATE_HZ)
        line.send(signal.SIGSTOP)
        began = time.monotonic()
        during: list[Heard] = []
        while time.monotonic() - began < STOP_S:
            heard = line.ear.next(0.05)
            if heard is not None and heard.kind == "verdict":
                during.append(heard)
        line.send(signal.SIGCONT)
        after = line.verdicts(round(BEFORE_S * RATE_HZ), RATE_HZ, skip=0)
        last = line.stop()
    slowest = max(verdict.trigger_to_receipt_ms for verdict in before)
    delayed = [v for v in (*during, *after) if v.trigger_to_receipt_ms > slowest + DELAYED_MS]
    dropped = sum(v.body["reason"] not in JUDGED for v in (*during, *after)) + last["in_flight"]
    earlier = sum(v.body["reason"] not in JUDGED for v in before)
    worst = max((v.trigger_to_receipt_ms for v in during), default=STOP_S * 1000)
    n = len(during)
    note = f"slowest {worst:.1f} ms, before {slowest:.1f}; {n} verdicts in {STOP_S:g} s; evidence of every frame"
    told = f"{RATE_HZ:g}/s; {earlier} in the {BEFORE_S:g} s before"
    return [
        Row(SECTION, "main stopped for 2 s: frames dropped", dropped, "parts", at_most(0), n=n, note=told),
        Row(SECTION, "main stopped for 2 s: verdicts delayed", len(delayed), "parts", at_most(0), n=n, note=note),
    ]


def _killed_inspect(bench: Bench) -> list[Row]:
    nexts, judgeds = [], []
    for turn in range(bench.scale.kills):
        with Line(bench.lite0(), Knobs(rate_hz=10.0)) as line:
            time.sleep(STEADY_S)
            line.ear.drain()
            line.send(signal.SIGKILL, "inspect")
            killed_us = time.time_ns() // 1000
            heard = line.ear.until(
                partial(_is_fresh_judged, since_us=killed_us),
                START_S,
                "a verdict after the kill",
            )
            nexts.append((next(m for m in heard if _is_fresh(m, killed_us)).utc_us - killed_us) / 1e6)
            judgeds.append((heard[-1].utc_us - killed_us) / 1e6)
        bench.say(f"kill {turn + 1} of {bench.scale.kills}: next verdict {nexts[-1]:.2f} s, judged {judgeds[-1]:.2f} s")
    rows = []
    for name, values in (("next verdict", nexts), ("next part that the model judged", judgeds)):
        median, low, high = spread(values)
        full = f"inspect killed: {name}"
        rows.append(Row(SECTION, full, median, "s", at_most(1.0), False, len(values), low, high, note="10 strips/s"))
    return rows


def _is_fresh_judged(heard: Heard, since_us: int) -> bool:
    return _is_fresh(heard, since_us) and heard.body["reason"] in JUDGED


def _is_fresh(heard: Heard, since_us: int) -> bool:
    """Return whether this is a verdict sent after that moment and for the first time."""
    is_first = not heard.header.flags & Flag.REPLAYED
    return heard.kind == "verdict" and is_first and heard.header.t_utc_us > since_us
