"""What the engine costs beside the bare session it runs on.

$ python benchmarks/engine.py --bundle models/bsdata-pitting --frame 256x1600 --chunk 8

Both sides score the tiles of the same frame with the same session options; rounds alternate, and the ratio of each
round is taken before the median, so that what else runs on the machine falls on both. CPU time is counted too: it
hardly depends on neighbours.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules, judge
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.providers import make_session
from edge_inspector.tile.cut import cut_tiles


@click.command()
@click.option("--bundle", "folder", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--frame", default="256x1600", show_default=True, help="Height x width, in pixels.")
@click.option("--chunk", default=8, show_default=True)
@click.option("--threads", default=None, type=int, help="Default: every core this process may use.")
@click.option("--rounds", default=15, show_default=True)
def main(folder: Path, frame: str, chunk: int, threads: int | None, rounds: int) -> None:
    """Print the median ratio of the engine to a bare session, and of the whole judgement to it."""
    bundle = load_bundle(folder)
    height, width = (int(side) for side in frame.split("x"))
    shape = FrameShape(height, width, bundle.manifest.channels)
    good, bad = (_paved(bundle, shape, is_ok) for is_ok in (True, False))
    engine = OnnxEngine(bundle, shape, threads=threads, chunk=chunk)
    engine.verify()
    ways = {
        "bare session.run": _bare(bundle, engine, good, threads),
        "engine.run": lambda: engine.run(good, _nothing),
        "and judge, all tiles good": _judging(bundle, engine, good),
        "and judge, all tiles bad": _judging(bundle, engine, bad),
    }
    repeats = max(1, int(0.3 / _wall_s(ways["bare session.run"])))  # a round of 0.3 s: long beside the clock
    measured = [{name: _measure(way, repeats) for name, way in ways.items()} for _ in range(rounds)]
    print(
        f"{bundle.label}: {len(engine.corners_yx)} tiles in chunks {engine.chunk_sizes}, {rounds} rounds of {repeats}"
    )
    for name in ways:
        cost = [statistics.median(m[name][kind] for m in measured) for kind in (0, 1)]
        ratio = [statistics.median(m[name][kind] / m["bare session.run"][kind] for m in measured) for kind in (0, 1)]
        print(f"{name:26} wall {cost[0]:8.3f} ms  x{ratio[0]:.3f}   cpu {cost[1]:8.3f} ms  x{ratio[1]:.3f}")


def _nothing() -> None: ...


def _paved(bundle: Bundle, shape: FrameShape, is_ok: bool) -> U8:
    """Return a frame paved with a golden tile: what a judgement costs hangs on whether there is something to box."""
    tile = next(tile.pixels for tile in bundle.golden if (tile.label == "OK") == is_ok)
    times = (-(-shape.height // tile.shape[0]), -(-shape.width // tile.shape[1]), 1)
    return np.ascontiguousarray(np.tile(tile, times)[: shape.height, : shape.width])


def _bare(bundle: Bundle, engine: OnnxEngine, pixels: U8, threads: int | None) -> Callable[[], object]:
    """Return the least anyone could do: tiles already cut, one `run` per chunk, answers thrown away."""
    session = make_session(bundle.model_bytes, "cpu", threads=threads)
    tiles = cut_tiles(pixels, engine.corners_yx, engine.tile_hw)
    ends = np.cumsum(engine.chunk_sizes).tolist()
    chunks = [tiles[end - n : end] for n, end in zip(engine.chunk_sizes, ends, strict=True)]
    return lambda: [session.run(None, {bundle.manifest.input_name: chunk}) for chunk in chunks]


def _judging(bundle: Bundle, engine: OnnxEngine, pixels: U8) -> Callable[[], object]:
    labels = bundle.manifest.labels
    rules = Rules(labels, merged_limits(labels, bundle.manifest.limits, {}, ""))
    return lambda: judge(engine.run(pixels, _nothing), engine.corners_yx, engine.tile_hw, rules)


def _wall_s(way: Callable[[], object]) -> float:
    way()
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def _measure(way: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return (wall, CPU) milliseconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        way()
    return (time.perf_counter() - wall) * 1e3 / repeats, (time.process_time() - cpu) * 1e3 / repeats


if __name__ == "__main__":
    sys.exit(main())
