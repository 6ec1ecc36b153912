"""From decided to sent: alone, beside a flood of log lines, a storm of scrapes, and a full disk for evidence."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from benchmarks.bench import Bench
from benchmarks.ear import Heard, Silent
from benchmarks.figures import Row, at_most, percentile
from benchmarks.line import JUDGED, Knobs, Line, demand_judged
from benchmarks.noting import VARIABLE as NOTES
from benchmarks.noting import took_ms
from benchmarks.operations.disturbances import broken_pictures, may_mount, on_full_disk, read_pipe, unread_pipe
from benchmarks.scraper import scraping
from edge_inspector.run.failpoint import VARIABLE as FAILPOINTS

RATE_HZ = 100.0
WARM_UP_S = 2.0
MOST_MS = 2.0
STORM_PER_S = 50.0
MOST_UNJUDGED = 0.5
ALL = ("PASS", "REJECT", "UNKNOWN")
FLOOD = "journal.before_commit=log"
"""An error and a line of information of the inspect process with each part, between its decision and its sending."""


@dataclass(slots=True)
class Way:
    """One way of running: one list of times a round, in ms."""

    rounds: list[list[float]] = field(default_factory=list)
    unsent: int = 0
    """Verdicts whose row was refused or committed too late: they have no time to sent."""
    untold: int = 0
    """Verdicts whose time never reached main."""
    unjudged: int = 0
    """Parts that no model was asked about, though their picture was whole."""
    remarks: list[str] = field(default_factory=list)
    """What shows that the disturbance took place, a sentence a round."""

    def at(self, percent: float) -> float:
        """Return a percentile of all rounds together."""
        return percentile([ms for each in self.rounds for ms in each], percent)


Disturb = Callable[[Bench, Way, ExitStack], None]


def disturbed_rows(section: str, bench: Bench) -> list[Row]:
    """Return the 99th percentile of each way, measured in turns."""
    ways: dict[str, Disturb] = {
        "alone": _alone,
        "log flood, read": _flood_read,
        "log flood, nobody reads": _flood_unread,
        f"{STORM_PER_S:g} scrapes a second": _storm,
    }
    if can_mount := may_mount():
        ways["full disk for evidence of every part"] = _full_disk
    found = {name: Way() for name in ways}
    for turn in range(bench.scale.publish_rounds):
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            with ExitStack() as stack:
                ways[name](bench, found[name], stack)
        told = ", ".join(f"{name} {percentile(way.rounds[-1], 99):.2f}" for name, way in found.items())
        bench.say(f"round {turn + 1} of {bench.scale.publish_rounds}: p99 decided to sent, ms: {told}")
    rows = [_row(section, name, way, found["alone"]) for name, way in found.items()]
    if not can_mount:
        why = "left out: this user may not mount a small disk in a namespace (unshare)"
        name = "full disk for evidence of every part"
        rows.append(Row(section, _name(name), None, "ms", at_most(MOST_MS), note=why))
    return rows


def _name(way: str) -> str:
    return f"p99 decided to sent, {way}"


def _row(section: str, name: str, way: Way, alone: Way) -> Row:
    value, each = way.at(99), [percentile(times, 99) for times in way.rounds]
    note = f"p50 {way.at(50):.2f}, most {way.at(100):.2f} ms; {RATE_HZ:g} parts/s"
    if way is not alone:
        note = f"{value / alone.at(99):.2f} times that alone; {note}"
    note += f"; {way.unsent} not sent in time" if way.unsent else ""
    note += f"; {way.untold} not told to main" if way.untold else ""
    note += f"; {way.unjudged} not judged" if way.unjudged else ""
    note += f"; {way.remarks[-1]}" if way.remarks else ""
    n, bar = sum(map(len, way.rounds)), at_most(MOST_MS)
    return Row(section, _name(name), value, "ms", bar, False, n, min(each), max(each), note=note, grain=0.3)


def _alone(bench: Bench, way: Way, _: ExitStack) -> None:
    verdicts, _ = _listen(bench, way, Knobs(rate_hz=RATE_HZ))
    _demand_judged(way, verdicts)


def _storm(bench: Bench, way: Way, _: ExitStack) -> None:
    verdicts, _ = _listen(bench, way, Knobs(rate_hz=RATE_HZ), scrapes_per_s=STORM_PER_S)
    _demand_judged(way, verdicts)


def _flood_read(bench: Bench, way: Way, stack: ExitStack) -> None:
    log_fd, reader = read_pipe(stack)
    try:
        _flood(bench, way, log_fd)
    finally:
        os.close(log_fd)
    n_lines = int(reader.communicate()[0])
    way.remarks.append(f"{n_lines} lines read, {n_lines / _seconds(bench):.0f}/s; every second picture broken")


def _flood_unread(bench: Bench, way: Way, stack: ExitStack) -> None:
    _flood(bench, way, unread_pipe(stack))
    way.remarks.append("the pipe is full from the start; every second picture broken")


def _flood(bench: Bench, way: Way, log_fd: int) -> None:
    folder = broken_pictures(bench.one_tile().pictures, bench.folder / "broken", round(RATE_HZ * _seconds(bench)))
    height, width, channels = bench.one_tile().frame_hwc
    camera = {
        "kind": "replay",
        "folder": str(folder),
        "frame": {"width": width, "height": height, "channels": channels},
        "rate_hz": RATE_HZ,
        "loop": True,
        "wait_for_subscribers": 1,
    }
    sections = {"camera": camera, "log": "info"}
    verdicts, _ = _listen(bench, way, Knobs(sections=sections, environment={FAILPOINTS: FLOOD}, log_fd=log_fd))
    n_broken = sum(verdict.body["reason"] == "frame_invalid" for verdict in verdicts)
    if not 0.4 < n_broken / len(verdicts) < 0.6:
        raise Silent(f"{n_broken} of {len(verdicts)} pictures were broken, half was wanted")


def _full_disk(bench: Bench, way: Way, _: ExitStack) -> None:
    folder = bench.folder / "full"
    folder.mkdir(exist_ok=True)
    evidence = {"folder": str(folder), "keep": list(ALL), "quota_mb": 500, "min_free_mb": 0}
    knobs = Knobs(rate_hz=RATE_HZ, sections={"evidence": evidence}, before=on_full_disk(folder))
    verdicts, figures = _listen(bench, way, knobs)
    _demand_judged(way, verdicts)
    dropped = {name: n for name, n in figures.items() if name.startswith("evidence_dropped_total") and n}
    refused = sum(n for name, n in dropped.items() if "disk_" in name)
    if not refused or figures.get("evidence_written_total"):
        raise Silent(f"the disk for evidence was to be full: {dropped}")
    behind = sum(dropped.values()) - refused
    way.remarks.append(f"evidence of {refused:.0f} parts refused by the disk, of {behind:.0f} dropped in front of it")


def _listen(bench: Bench, way: Way, knobs: Knobs, scrapes_per_s: float = 0.0) -> tuple[list[Heard], dict[str, float]]:
    """Add one round of a line to `way`; returns its verdicts and the numbers of its page at the end."""
    path = bench.folder / "took.bin"
    environment = os.environ | (knobs.environment or {}) | {NOTES: str(path)}
    noting = replace(knobs, program="benchmarks.noting", environment=environment)
    with Line(bench.one_tile(), noting) as line, ExitStack() as stack:
        if scrapes_per_s:
            scrapes = stack.enter_context(scraping(line.metrics_port, scrapes_per_s))
        began = time.monotonic()
        time.sleep(_seconds(bench))
        stack.close()
        if scrapes_per_s:
            way.remarks.append(f"{scrapes.answers / (time.monotonic() - began):.1f} answers/s")
        figures, heard = line.figures(), line.ear.drain()
        last = line.stop()
    times, n_skipped = took_ms(path), round(WARM_UP_S * RATE_HZ)
    way.rounds.append(times[n_skipped:])
    way.untold += last["head_seq"] - len(times)
    way.unsent += round(figures["journal_rows_late_total"] + figures["journal_rows_refused_total"])
    return [each for each in heard if each.kind == "verdict"], figures


def _demand_judged(way: Way, verdicts: list[Heard]) -> None:
    """Count the parts that no model was asked about, as an overrun on a busy machine; most were to be judged."""
    n_odd = sum(verdict.body["reason"] not in JUDGED for verdict in verdicts)
    way.unjudged += n_odd
    if n_odd > MOST_UNJUDGED * len(verdicts):
        demand_judged(verdicts)


def _seconds(bench: Bench) -> float:
    return WARM_UP_S + bench.scale.publish_s
