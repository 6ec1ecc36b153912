"""Tiles a second of all real processes together, over a bare `session.run` loop in a process of its own."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.bench import CORES, Bench, interleaved
from benchmarks.figures import Bar, Row, Window, at_least, sandwich_ratios, spread
from benchmarks.line import Knobs, Line
from benchmarks.rival import Rival
from benchmarks.subject import Subject

SECTION = "throughput"
CHUNK = 8
"""The line's default."""
PROFILES: dict[str, dict[str, object]] = {
    "latency": {"workers": 1, "intra": CORES, "spin": False, "chunk": CHUNK},
    "throughput": {"workers": CORES, "intra": 1, "spin": False, "chunk": CHUNK},
}
"""The bare loop of each profile: the same threads, nothing else."""


def measure(bench: Bench) -> list[Row]:
    """Return the ratios for both profiles and both models."""
    rows = []
    for subject, bar in ((bench.lite0(), at_least(0.95)), (bench.tiny(), at_least(0.88))):
        best = _best_bare(bench, subject)
        for profile in PROFILES:
            rows += _against_bare(bench, subject, profile, best, bar)
    return rows


def system_window(bench: Bench, subject: Subject, knobs: Knobs) -> Window:
    """Return what a line started for this window did in it."""
    with Line(subject, knobs) as line:
        return line.window(bench.scale.warm_up_s, bench.scale.window_s)


def _best_bare(bench: Bench, subject: Subject) -> dict[str, object]:
    """Return the settings with which the bare loop is fastest: chunk, threads, spinning."""
    settings: list[dict[str, object]] = [
        {"workers": workers, "intra": intra, "spin": spin, "chunk": chunk}
        for workers, intra, spin in ((1, CORES, False), (1, CORES, True), (CORES, 1, False))
        for chunk in (1, 2, 4, CHUNK)
    ]
    rates = []
    for each in settings:
        with Rival("benchmarks.bare", subject.task(**each)) as rival:
            rates.append(rival.run(bench.scale.scan_s).per_s)
    best = settings[rates.index(max(rates))]
    bench.say(f"{subject.title}: fastest bare loop {max(rates):.0f} tiles/s with {in_words(best)}")
    return best


def _against_bare(bench: Bench, subject: Subject, profile: str, best: dict[str, object], bar: Bar) -> list[Row]:
    bench.say(f"{subject.title}, profile {profile}")
    with ExitStack() as stack:
        bare = stack.enter_context(Rival("benchmarks.bare", subject.task(**PROFILES[profile])))
        fastest = bare
        if best != PROFILES[profile]:
            fastest = stack.enter_context(Rival("benchmarks.bare", subject.task(**best)))
        outer = {"bare": lambda: bare.run(bench.scale.window_s)}
        if fastest is not bare:
            outer["best"] = lambda: fastest.run(bench.scale.window_s)
        inner = {"system": lambda: system_window(bench, subject, Knobs(profile=profile))}
        found = interleaved(outer, inner, bench.scale.sandwiches, bench.say)
    found.setdefault("best", found["bare"])
    name = f"{subject.title}, {profile}"
    system = _rates(found["system"])
    return [
        _row(found, "bare", f"{name}: system over bare loop", bar),
        _cpu_row(found, f"{name}: CPU time of the bare loop over the system's"),
        _row(found, "best", f"{name}: system over the fastest bare loop", None, f"fastest: {in_words(best)}"),
        Row(
            SECTION, f"{name}: system", spread(system)[0], "tiles/s", None, True, len(system), min(system), max(system)
        ),
    ]


def _row(found: dict[str, list[Window]], outer: str, name: str, bar: Bar | None, note: str = "") -> Row:
    ratios = sandwich_ratios(_rates(found[outer]), _rates(found["system"]))
    value, low, high = spread(ratios)
    cpu_ms, bare_cpu_ms = (spread([w.cpu_ms for w in found[who]])[0] for who in ("system", outer))
    note = f"bare {spread(_rates(found[outer]))[0]:.0f} tiles/s; CPU per tile" + (f"; {note}" if note else "")
    return Row(SECTION, name, value, "", bar, True, len(ratios), low, high, cpu_ms, bare_cpu_ms, note)


def _cpu_row(found: dict[str, list[Window]], name: str) -> Row:
    """Return the same ratio in CPU time: it hardly depends on what else runs on the machine."""
    ratios = sandwich_ratios([w.cpu_ms for w in found["bare"]], [w.cpu_ms for w in found["system"]])
    value, low, high = spread([1 / ratio for ratio in ratios])
    return Row(SECTION, name, value, "", None, True, len(ratios), low, high)


def _rates(windows: list[Window]) -> list[float]:
    return [window.per_s for window in windows]


def in_words(settings: dict[str, object]) -> str:
    """Return settings of a bare loop as a person says them."""
    threads = f"{settings['workers']}x{settings['intra']} threads"
    return f"chunk {settings['chunk']}, {threads}, {'spinning' if settings['spin'] else 'not spinning'}"
