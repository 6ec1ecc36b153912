"""What a GPU does: the line beside a bare binding, latency at 500 strips a second, cameras, parity, memory.

Not one of the sections that every run measures: `scripts/bench --gpu` asks for it, on a computer that has a GPU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bench import Bench
from benchmarks.figures import Row, at_least, at_most, percentile, sandwich_ratios, spread
from benchmarks.gpu_ways import CAMERAS, Loaded, Scores, Way, flips, used_mb, ways
from benchmarks.line import Knobs, Line, demand_judged
from benchmarks.subject import Subject
from edge_inspector.core.errors import EngineError
from edge_inspector.infer.gpu_libraries import load_libraries
from edge_inspector.infer.providers import make_session
from edge_inspector.infer.runtime import Hardware

SECTION = "gpu"
STRIPS_HZ = 500.0
P99_MS = 5.0
SHARE = 0.9


def why_not(bench: Bench) -> str | None:
    """Return why nothing can be measured here; None where there is a GPU with its libraries."""
    graph = (bench.tiny().bundle / "model.onnx").read_bytes()
    try:
        make_session(graph, Hardware("cuda"))
    except EngineError as error:
        return str(error)
    return None


def measure(bench: Bench) -> list[Row]:
    """Return the figures of every way in which the shipped model and the small net run on the GPU."""
    rows = []
    for subject in (bench.lite0(), bench.tiny()):
        precisions = Way("cuda", "fp32").bundle(subject).manifest.precisions
        on_cpu = Loaded(Way("cpu", "fp32"), subject, bench.folder).scores()
        for way in ways(tuple(precisions)):
            if way.provider == "tensorrt" and (missing := load_libraries("tensorrt")):
                rows.append(Row(SECTION, f"{subject.title}, {way.title}", None, note="; ".join(missing)))
                continue
            bench.say(f"{subject.title} on {way.title}")
            rows += _of_way(bench, subject, way, on_cpu)
    return rows


def _of_way(bench: Bench, subject: Subject, way: Way, on_cpu: Scores) -> list[Row]:
    title, state = f"{subject.title}, {way.title}", bench.folder / "gpu-state"
    before_mb = used_mb()
    loaded = Loaded(way, subject, state / "engines")  # compiled here: the lines below find it
    taken_mb = used_mb() - before_mb
    rows = [
        Row(
            SECTION, f"{title}: GPU memory", taken_mb, "MB", note="weights, buffers, workspace; first with the context"
        ),
        *_parity(title, loaded, on_cpu),
        *_cameras(title, loaded, bench.scale.scan_s),
    ]
    return [*rows, *_beside_bare(bench, subject, way, loaded, state), *_paced(bench, subject, way, state)]


def _parity(title: str, loaded: Loaded, on_cpu: Scores) -> list[Row]:
    here = loaded.scores()
    worst, others = float(np.abs(here - on_cpu).max()), flips(here, on_cpu, loaded.limit)
    n = len(here)
    return [
        Row(SECTION, f"{title}: largest difference of a score to the CPU's", worst, n=n * loaded.n_tiles),
        Row(SECTION, f"{title}: verdicts that are others than the CPU's", others, "frames", n=n),
    ]


def _cameras(title: str, loaded: Loaded, seconds: float) -> list[Row]:
    return [
        Row(SECTION, f"{title}: {n} cameras, one process", loaded.rate_of_cameras(n, seconds), "tiles/s", None, True)
        for n in CAMERAS
    ]


def _beside_bare(bench: Bench, subject: Subject, way: Way, loaded: Loaded, state: Path) -> list[Row]:
    """Sandwich windows of a line between windows of the bare binding."""
    bare, line = [loaded.bare_rate(bench.scale.window_s)], []
    for _ in range(bench.scale.sandwiches):
        with Line(subject, _knobs(subject, way, state)) as each:
            line.append(each.window(bench.scale.warm_up_s, bench.scale.window_s).per_s)
            each.stop()
        bare.append(loaded.bare_rate(bench.scale.window_s))
    ratio, low, high = spread(sandwich_ratios(bare, line))
    n, name = len(line), f"{subject.title}, {way.title}"
    note = "buffers ready on the device, nothing uploaded, nothing brought back"
    return [
        Row(SECTION, f"{name}: line over a bare binding", ratio, "", at_least(SHARE), True, n, low, high, note=note),
        Row(SECTION, f"{name}: line", spread(line)[0], "tiles/s", None, True, n),
        Row(SECTION, f"{name}: engine alone", loaded.engine_rate(bench.scale.window_s), "tiles/s", None, True),
    ]


def _paced(bench: Bench, subject: Subject, way: Way, state: Path) -> list[Row]:
    n = bench.scale.camera_frames
    with Line(subject, _knobs(subject, way, state, STRIPS_HZ)) as line:
        verdicts = line.verdicts(n, STRIPS_HZ)
        line.stop()
    demand_judged(verdicts)
    took_ms = [verdict.trigger_to_receipt_ms for verdict in verdicts]
    name = f"{subject.title}, {way.title}: frame to verdict at {STRIPS_HZ:g} strips/s of {subject.n_tiles} tiles"
    return [
        Row(SECTION, f"{name}, p50", percentile(took_ms, 50), "ms", n=n),
        Row(SECTION, f"{name}, p99", percentile(took_ms, 99), "ms", at_most(P99_MS), n=n),
    ]


def _knobs(subject: Subject, way: Way, state: Path, rate_hz: float | None = None) -> Knobs:
    return Knobs(rate_hz=rate_hz, sections={"model": way.model(subject), "state_dir": str(state)})
