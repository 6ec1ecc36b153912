"""Each engine and precision that a CPU can run beside ONNX Runtime in fp32, with tiling and judgement, in one process.

Rounds alternate and the ratio of each is taken before the median. With one thread the CPU time counts, which neighbours
hardly change: it is what a worker of the throughput profile costs. On all cores the clock counts, as for one part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.bench import CORES, Bench
from benchmarks.figures import Bar, Row, at_least, spread
from benchmarks.sections.engine import cost, judging, wall_s
from benchmarks.subject import Subject
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import FrameShape
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.runtime import Hardware, ProviderName

SECTION = "engines"
ROUND_S = 0.3
"""Long beside the clock."""
WAYS: dict[str, tuple[ProviderName, str, Bar | None]] = {
    "ONNX Runtime fp32": ("cpu", "fp32", None),
    "ONNX Runtime int8": ("cpu", "int8", at_least(1.8)),
    "OpenVINO fp32": ("openvino", "fp32", None),
    "OpenVINO int8": ("openvino", "int8", at_least(2.5)),
}
"""The first is what the others are compared with."""


def measure(bench: Bench) -> list[Row]:
    """Return how many times as fast each is on the shipped model, by CPU time and by the clock."""
    subject = bench.lite0()
    return [row for threads in (1, CORES) for row in _ratios(bench, subject, threads)]


def _ratios(bench: Bench, subject: Subject, threads: int) -> list[Row]:
    by_cpu = threads == 1
    how = "one thread, CPU time" if by_cpu else f"{threads} threads, wall time"
    ways: dict[str, Callable[[], object]] = {}
    rows: list[Row] = []
    for name, (provider, precision, _) in WAYS.items():
        try:
            ways[name] = _way(subject, precision, Hardware(provider, threads=threads))
        except EngineError as why:
            rows.append(Row(SECTION, f"{name} over ONNX Runtime fp32, {how}", None, note=str(why)))
    first = next(iter(WAYS))
    repeats = max(1, int(ROUND_S / wall_s(ways[first])))
    rounds = [{name: cost(way, repeats) for name, way in ways.items()} for _ in range(bench.scale.engine_rounds)]
    for name in ways:
        at = 1 if by_cpu else 0
        ratio, low, high = spread([each[first][at] / each[name][at] for each in rounds])
        cpu_ms, base_cpu_ms = (spread([each[who][1] for each in rounds])[0] / subject.n_tiles for who in (name, first))
        if name != first:
            full = f"{name} over ONNX Runtime fp32, {how}"
            bar = WAYS[name][2] if by_cpu else None
            rows.append(Row(SECTION, full, ratio, "", bar, True, len(rounds), low, high, cpu_ms, base_cpu_ms))
    return rows


def _way(subject: Subject, precision: str, hardware: Hardware) -> Callable[[], object]:
    bundle = load_bundle(subject.bundle, precision, trust=ANYONE)
    engine = OnnxEngine(bundle, FrameShape(*subject.frame_hwc), hardware=hardware)
    engine.verify()
    return judging(bundle, engine, np.load(subject.array, mmap_mode="r")[0].copy())
