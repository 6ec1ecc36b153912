"""What the journal, and clients that ask for all they can, cost a verdict; beside a bare socket."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.askers import asking
from benchmarks.bench import ROOT, Bench
from benchmarks.ear import Silent
from benchmarks.figures import Row, at_most, percentile, spread
from benchmarks.line import LINE, START_S, Knobs, Line

SECTION = "journal"
SUBSCRIBERS = 20
RATE_HZ = 500.0
WARM_UP_S = 3.0
"""Rows to replay, and clients that have connected."""


@dataclass(slots=True)
class Way:
    """One way of running: one list of delays a round."""

    delays_ms: list[list[float]] = field(default_factory=list)
    over_1_ms: list[float] = field(default_factory=list)
    """Share of verdicts whose way from decision to sent took over 1 ms, as the line itself tells."""
    unsent: int = 0
    """Verdicts that were committed too late, or refused."""


def measure(bench: Bench) -> list[Row]:
    """Return the delays of a line with quiet clients, of one with clients that ask and ask, and of a bare socket."""
    quiet, busy, bare = Way(), Way(), Way()
    asked: list[dict[str, float]] = []
    for _ in range(bench.scale.publish_rounds):
        _listen(bench, quiet)
        asked.append(_listen(bench, busy, is_busy=True))
        bare.delays_ms.append(_bare_ms(bench, SUBSCRIBERS, RATE_HZ))
        told = {
            name: percentile(way.delays_ms[-1], 99) for name, way in (("quiet", quiet), ("busy", busy), ("bare", bare))
        }
        bench.say(", ".join(f"{name} p99 {ms:.2f} ms" for name, ms in told.items()) + f"; {asked[-1]}")
    rows = [row for name, way in (("quiet", quiet), ("busy", busy)) for row in _rows(name, way, bare)]
    for name, unit in (("replayed", "verdicts/s"), ("acks", "acks/s")):
        value, low, high = spread([each[name] for each in asked])
        rows.append(Row(SECTION, f"busy: {name}", value, unit, None, True, len(asked), low, high, grain=100.0))
    return [*rows, _ceiling(bench)]


def _ceiling(bench: Bench) -> Row:
    """Return how many verdicts a second one subscriber gets at most, over what a bare socket gives it."""
    system, bare = [], []
    for _ in range(bench.scale.publish_rounds):
        with (
            Line(bench.tiny(), Knobs(is_null=True, waits_for=1), listens=False) as line,
            _listeners(line.signals, 1, 0, bench.scale.publish_s) as listeners,
        ):
            system.append(len(_delays_ms(listeners, bench)) / bench.scale.publish_s)
        bare.append(len(_bare_ms(bench, 1, 0.0)) / bench.scale.publish_s)
    ratios = [a / b for a, b in zip(system, bare, strict=True)]
    value, low, high = spread(ratios)
    note = (
        f"{spread(system)[0]:.0f} verdicts/s with everything that a line does but a model; bare {spread(bare)[0]:.0f}"
    )
    return Row(SECTION, "ceiling, over a bare socket", value, "", None, True, len(ratios), low, high, note=note)


def _rows(name: str, way: Way, bare: Way) -> list[Row]:
    clients = f"{SUBSCRIBERS} subscribers" + (", one reads nothing; acks and replays" if name == "busy" else "")
    rows = []
    for percent in (50, 99):
        value, low, high = spread([percentile(each, percent) for each in way.delays_ms])
        other, *_ = spread([percentile(each, percent) for each in bare.delays_ms])
        note = f"{clients}; {RATE_HZ:g}/s; a bare socket {other:.2f} ms"
        full = f"{name}: p{percent} decision to subscriber"
        rows.append(Row(SECTION, full, value, "ms", None, False, len(way.delays_ms), low, high, note=note, grain=0.1))
    value, low, high = spread([100 * share for share in way.over_1_ms])
    note = "of all verdicts; 99 % within 1 ms are twice what is asked for"
    full = f"{name}: decision to sent over 1 ms"
    rows.append(
        Row(SECTION, full, value, "%", at_most(1.0), False, len(way.over_1_ms), low, high, note=note, grain=1.0)
    )
    rows.append(Row(SECTION, f"{name}: not sent in time", way.unsent, "verdicts", None, n=len(way.over_1_ms)))
    return rows


def _listen(bench: Bench, way: Way, is_busy: bool = False) -> dict[str, float]:
    """Add one round to a way; returns what the clients had a second."""
    seconds = bench.scale.publish_s
    stalled = int(is_busy)
    knobs = Knobs(rate_hz=RATE_HZ, is_null=True, waits_for=SUBSCRIBERS)
    with Line(bench.tiny(), knobs, listens=False) as line, ExitStack() as stack:
        listeners = stack.enter_context(_listeners(line.signals, SUBSCRIBERS - stalled, stalled, seconds + WARM_UP_S))
        clients = {}
        if is_busy:
            for what in ("replay", "ack"):
                clients[what] = stack.enter_context(asking(what, line.service, seconds + WARM_UP_S))
        delays = _delays_ms(listeners, bench)
        figures = line.figures()
        asked = {what: json.loads(_line_of(process)) for what, process in clients.items()}
    way.delays_ms.append(delays[int(len(delays) * WARM_UP_S / (seconds + WARM_UP_S)) :])
    sent = figures['stage_duration_seconds_count{stage="publish"}']
    way.over_1_ms.append(1 - figures['stage_duration_seconds_bucket{le="0.001",stage="publish"}'] / sent)
    way.unsent += round(figures["journal_rows_late_total"] + figures["journal_rows_refused_total"])
    if not is_busy:
        return {}
    return {"replayed": asked["replay"]["rows_per_s"], "acks": asked["ack"]["answers_per_s"]}


def _line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise Silent("a client of the service endpoint ended before its time")
    return line


def _bare_ms(bench: Bench, subscribers: int, rate_hz: float) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.publisher", "--line", LINE]
    command += ["--subscribers", str(subscribers), "--rate-hz", str(rate_hz)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as publisher:
        try:
            assert publisher.stdout is not None
            address = publisher.stdout.readline().strip()
            with _listeners(address, subscribers, 0, bench.scale.publish_s) as listeners:
                return _delays_ms(listeners, bench)
        finally:
            publisher.kill()


def _delays_ms(listeners: subprocess.Popen[bytes], bench: Bench) -> list[float]:
    """Return what the subscribers found, when their time is over."""
    try:
        out, _ = listeners.communicate(timeout=START_S + WARM_UP_S + bench.scale.publish_s)
    except subprocess.TimeoutExpired:
        listeners.kill()
        out, _ = listeners.communicate()
    if listeners.returncode:
        raise Silent(f"the subscribers heard too little and ended with {listeners.returncode}")
    return [delay / 1000 for delay in json.loads(out)]


def _listeners(signals: str, sockets: int, stalled: int, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.listeners", "--signals", signals, "--line", LINE]
    command += ["--sockets", str(sockets), "--stalled", str(stalled), "--seconds", str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
