"""Frame to verdict at 60 % of capacity, beside a bare loop paced the same; with evidence; beside a neighbour."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.ear import Heard, Silent
from benchmarks.figures import Row, at_most, percentile
from benchmarks.line import JUDGED, Knobs, Line
from benchmarks.neighbour import busy_neighbour
from benchmarks.rival import Rival
from benchmarks.scraper import scraping
from benchmarks.sections.throughput import PROFILES, system_window
from benchmarks.subject import Subject

SECTION = "paced"
SHARE = 0.6
SLOW_RUN_MS = 30.0
ALL = ("PASS", "REJECT", "UNKNOWN")


@dataclass(slots=True)
class Paced:
    """Latencies of one way of running, one list per round, in ms."""

    rounds: list[list[float]] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    """Of a line: trigger to send, as its own verdicts tell it."""
    dropped: int = 0
    """Of a line: parts that were not judged, or are missing."""

    def at(self, percent: float) -> float:
        """Return a percentile of all rounds together."""
        return percentile([ms for each in self.rounds for ms in each], percent)

    def by_round(self, percent: float) -> list[float]:
        """Return the percentile of each round."""
        return [percentile(each, percent) for each in self.rounds]

    @property
    def n(self) -> int:
        """Frames of all rounds."""
        return sum(map(len, self.rounds))


def measure(bench: Bench) -> list[Row]:
    """Return the latencies of both models in the latency profile."""
    return [row for subject in (bench.lite0(), bench.tiny()) for row in _paced(bench, subject)]


def _paced(bench: Bench, subject: Subject) -> list[Row]:
    ways = {name: Paced() for name in ("bare", "system", "evidence", "bare beside", "system beside")}
    n = bench.scale.paced_frames
    kept = Knobs(keep=ALL)
    with Rival("benchmarks.bare", subject.task(**PROFILES["latency"])) as bare:
        rate_hz = SHARE * _capacity(bench, subject, bare)
        with busy_neighbour():
            beside_hz = SHARE * _capacity(bench, subject, bare)  # at the other rate both would stand in a queue
        bench.say(f"{subject.title}: paced at {rate_hz:.1f} strips/s, beside the neighbour at {beside_hz:.1f}")
        for turn in range(bench.scale.paced_rounds):
            former = bare.pace(rate_hz, n // 2)
            _listen(ways["system"], subject, Knobs(rate_hz=rate_hz), n)
            ways["bare"].rounds.append(former + bare.pace(rate_hz, n - n // 2))
            _listen(ways["evidence"], subject, Knobs(rate_hz=rate_hz, keep=kept.keep), n, scrapes=True)
            with busy_neighbour():
                ways["bare beside"].rounds.append(bare.pace(beside_hz, n))
                _listen(ways["system beside"], subject, Knobs(rate_hz=beside_hz), n)
            told = ", ".join(
                f"{name} {way.by_round(50)[-1]:.1f}/{way.by_round(99)[-1]:.1f}" for name, way in ways.items()
            )
            bench.say(f"round {turn + 1} of {bench.scale.paced_rounds}: p50/p99 ms: {told}")
    return _rows(subject.title, ways, rate_hz, beside_hz)


def _capacity(bench: Bench, subject: Subject, bare: Rival) -> float:
    """Return the strips a second that both bare loop and system can do."""
    bare_rate = bare.run(bench.scale.window_s).per_s
    return min(bare_rate, system_window(bench, subject, Knobs()).per_s) / subject.n_tiles


def _listen(way: Paced, subject: Subject, knobs: Knobs, n: int, scrapes: bool = False) -> None:
    """Add one round of a line to `way`."""
    assert knobs.rate_hz is not None
    with Line(subject, knobs) as line, ExitStack() as stack:
        if scrapes:
            stack.enter_context(scraping(line.metrics_port))
        verdicts = line.verdicts(n, knobs.rate_hz)
        last = line.stop()
    way.rounds.append([verdict.trigger_to_receipt_ms for verdict in verdicts])
    way.sent += [verdict.body["latency_us"] / 1000 for verdict in verdicts]
    way.dropped += _dropped(verdicts, last)


def _dropped(verdicts: list[Heard], last: dict[str, int]) -> int:
    """Return how many parts were not judged; the totals of the last heartbeat count those that nobody heard of."""
    gaps = verdicts[-1].header.seq - verdicts[0].header.seq + 1 - len(verdicts)
    if last["in_flight"]:
        raise Silent(f"{last['in_flight']} parts have no verdict")
    return gaps + max(last["unknowns"], sum(verdict.body["reason"] not in JUDGED for verdict in verdicts))


def _rows(title: str, ways: dict[str, Paced], rate_hz: float, beside_hz: float) -> list[Row]:
    bare, system, evidence = ways["bare"], ways["system"], ways["evidence"]
    beside, bare_beside = ways["system beside"], ways["bare beside"]
    more = 10.0 if bare.at(50) > SLOW_RUN_MS else 6.0
    plus = f"{rate_hz:.1f} strips/s"
    dropped = sum(way.dropped for way in (system, evidence))
    return [
        _difference(title, system, bare, 50, 2.0, plus),
        _difference(title, system, bare, 99, more, plus),
        Row(
            SECTION, f"{title}: parts not judged", dropped, "parts", at_most(0), n=system.n + evidence.n,
            note=f"{beside.dropped} more beside the neighbour",
        ),
        _quotient(title, "evidence of all and a scrape a second", evidence, system, "without", 1.2),
        _quotient(title, "beside a busy neighbour", beside, bare_beside, f"bare at {beside_hz:.1f} strips/s too", 1.5),
    ]  # fmt: skip


def _difference(title: str, way: Paced, bare: Paced, percent: int, most_ms: float, note: str) -> Row:
    value = way.at(percent) - bare.at(percent)
    each = [a - b for a, b in zip(way.by_round(percent), bare.by_round(percent), strict=True)]
    note = f"{way.at(percent):.1f} (sent {percentile(way.sent, percent):.1f}), bare {bare.at(percent):.1f} ms; {note}"
    name = f"{title}: p{percent} frame to verdict, over bare"
    return Row(SECTION, name, value, "ms", at_most(most_ms), False, way.n, min(each), max(each), note=note, grain=1.0)


def _quotient(title: str, name: str, way: Paced, other: Paced, other_name: str, most: float) -> Row:
    each = [a / b for a, b in zip(way.by_round(99), other.by_round(99), strict=True)]
    note = f"{way.at(99):.1f} ms, {other_name} {other.at(99):.1f}"
    value = way.at(99) / other.at(99)
    return Row(
        SECTION, f"{title}: p99, {name}", value, "", at_most(most), False, way.n, min(each), max(each), note=note
    )
