"""What the engine costs beside the bare session it runs on, and the judgement beside that: in one process.

Both sides score the tiles of the same frame with the same session options; rounds alternate, and the ratio of each
round is taken before the median, so that what else runs on the machine falls on both.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.bench import Bench
from benchmarks.figures import Row, spread
from benchmarks.subject import DEFECT_EVERY, Subject
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules, judge
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.providers import make_session
from edge_inspector.infer.runtime import Hardware
from edge_inspector.tile.cut import cut_tiles

SECTION = "engine"
ROUND_S = 0.3
"""Long beside the clock."""


def measure(bench: Bench) -> list[Row]:
    """Return the ratios to a bare session, of the engine alone and with the judgement."""
    return [row for subject in (bench.lite0(), bench.tiny()) for row in _ratios(bench, subject)]


def _ratios(bench: Bench, subject: Subject) -> list[Row]:
    bundle = load_bundle(subject.bundle, trust=ANYONE)
    shape = FrameShape(*subject.frame_hwc)
    frames = np.load(subject.array)
    engine = OnnxEngine(bundle, shape)
    engine.verify()
    ways = {
        "bare": _bare(bundle, engine, frames[0]),
        "engine": lambda: engine.run(frames[0], _nothing),
        "engine and judgement, good frame": judging(bundle, engine, frames[0]),
        "engine and judgement, frame with a defect": judging(bundle, engine, frames[DEFECT_EVERY - 1]),
    }
    repeats = max(1, int(ROUND_S / wall_s(ways["bare"])))
    rounds = [{name: cost(way, repeats) for name, way in ways.items()} for _ in range(bench.scale.engine_rounds)]
    rows = []
    for name in ways:
        wall, low, high = spread([each[name][0] / each["bare"][0] for each in rounds])
        cpu_ms, bare_cpu_ms = (spread([each[who][1] for each in rounds])[0] for who in (name, "bare"))
        if name != "bare":
            full = f"{subject.title}: {name}, time over bare session"
            rows.append(Row(SECTION, full, wall, "", None, False, len(rounds), low, high, cpu_ms, bare_cpu_ms))
    return rows


def _nothing() -> None: ...


def _bare(bundle: Bundle, engine: OnnxEngine, pixels: U8) -> Callable[[], object]:
    """Return the least anyone could do: tiles already cut, one `run` per chunk, answers thrown away."""
    session = make_session(bundle.model_bytes, Hardware())
    tiles = cut_tiles(pixels, engine.corners_yx, engine.tile_hw)
    ends = np.cumsum(engine.chunk_sizes).tolist()
    chunks = [tiles[end - n : end] for n, end in zip(engine.chunk_sizes, ends, strict=True)]
    return lambda: [session.run(None, {bundle.manifest.input_name: chunk}) for chunk in chunks]


def judging(bundle: Bundle, engine: OnnxEngine, pixels: U8) -> Callable[[], object]:
    """Return what cuts, scores and judges one frame."""
    labels = bundle.manifest.labels
    rules = Rules(labels, merged_limits(labels, bundle.manifest.limits, {}, ""))
    return lambda: judge(engine.run(pixels, _nothing), engine.corners_yx, engine.tile_hw, rules)


def wall_s(way: Callable[[], object]) -> float:
    """Return how long the second call takes."""
    way()
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def cost(way: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return (wall, CPU) milliseconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        way()
    return (time.perf_counter() - wall) * 1e3 / repeats, (time.process_time() - cpu) * 1e3 / repeats
