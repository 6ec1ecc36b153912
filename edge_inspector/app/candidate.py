"""The process of one engine in one precision while a bundle is qualified: it loads and proves, then waits to be asked.

It judges as the inspect process does, with its code, rules, cores and priority; nothing is sent or written.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_inspector.app.judges import load_views, prove_views
from edge_inspector.app.labelled import Picture, Sizes
from edge_inspector.app.plans import InspectPlan
from edge_inspector.bundle.golden import GoldenTile
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.core.frame import NO_TRAVEL, U8, ArrivalKind, FrameShape
from edge_inspector.core.look import Look
from edge_inspector.core.verdict import Reason
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.run.judge import Eye, Judge
from edge_inspector.run.part import Intake, Part, View
from edge_inspector.run.probe import Teller, enter_probe
from edge_inspector.run.scheduling import Place, stand_behind, take_place
from edge_inspector.run.worker import all_at_once

BESIDE_NICE = 10
"""A tenth of a core that a running line wants."""


@dataclass(frozen=True, slots=True)
class CandidatePlan:
    """What the process is given."""

    inspect: InspectPlan
    """Of the cameras that share the model, with this candidate's provider and precision."""
    sizes: Sizes
    """Of labelled pictures, which are the first camera's."""
    pictures: tuple[Picture, ...]
    is_beside: bool
    """A line inspects on this computer meanwhile, and comes first."""


def main(start_fd: int, ask_fd: int, tell_fd: int, parent_pid: int) -> int:
    """Load, prove, and do what is asked until nobody asks any more."""
    plan, tell = enter_probe(start_fd, ask_fd, tell_fd, parent_pid)
    cv2.setNumThreads(1)  # as the inspect process
    if plan.is_beside:
        stand_behind()
    take_place(Place(nice=BESIDE_NICE) if plan.is_beside else plan.inspect.cores)
    work = _Work(plan, tell)
    try:
        work.serve()
    except (BundleError, EngineError) as error:
        tell(error=str(error), at=work.at, kind=type(error).__name__)
    except Exception as error:  # noqa: BLE001 - see tests/test_layout.py
        tell(error=f"{type(error).__name__}: {error}", at=work.at, kind="")
    return 0


class _Work:
    """What one candidate does, step by step."""

    def __init__(self, plan: CandidatePlan, tell: Teller) -> None:
        self.at = "load"
        """How far it is: `load`, `proof`, `work`."""
        self._plan, self._tell = plan, tell
        self._tile_judge: Judge | None = None

    def serve(self) -> None:
        began_s = time.monotonic()
        views = load_views(self._plan.inspect)
        loaded_s, self.at = time.monotonic(), "proof"
        workers = prove_views(self._plan.inspect, views)
        proven_s, self.at = time.monotonic(), "work"
        engines = [engine for view in views for engine in view.engines if isinstance(engine, OnnxEngine)]
        self._tell(
            load_s=loaded_s - began_s,
            proof_s=proven_s - loaded_s,
            tolerance_used=max(engine.tolerance_used for engine in engines),
            memory_mib=memory_mib(),
            n_tiles=sum(len(view.engines[0].corners_yx) for view in views),
            chunks=list(engines[0].chunk_sizes),
        )
        self._line_judge = Judge(workers[0][:1], None)
        shapes = [view.layout.frame for view in self._plan.inspect.views]
        pixels = [mosaic(view.bundle.golden, shape) for view, shape in zip(views, shapes, strict=True)]
        timed = [Judge([replace(eye, look=_in_any_case(eye)) for eye in eyes], None) for eyes in workers]
        for asked in self._tell.asked():
            if "turn_s" in asked:
                self._tell(**turn(timed, pixels, asked["turn_s"]))
            else:
                wanted = self._plan.pictures[asked["first"] : asked["first"] + asked["n"]]
                self._tell(outcomes=[self._outcome(picture) for picture in wanted])

    def _outcome(self, picture: Picture) -> str:
        pixels = self._plan.sizes.read(picture)
        if picture.is_tile and self._tile_judge is None:
            self._tile_judge = tile_judge(self._plan)
        judge = self._tile_judge if picture.is_tile else self._line_judge
        assert judge is not None  # made above
        return str(_judged(judge, [pixels]))


def tile_judge(plan: CandidatePlan) -> Judge:
    """Return what judges single tiles by the first camera's limits: one over its limit is enough."""
    first = plan.inspect.views[0]
    layout = replace(first.layout, frame=plan.sizes.tile)
    alone = replace(first, layout=layout, regions=None, overlap=0, min_defect_tiles=1, min_area_px=0)
    inspect = replace(plan.inspect, views=(alone,), profile="latency")
    [eyes] = prove_views(inspect, load_views(inspect))
    return Judge([replace(eye, look=None) for eye in eyes], None)


def mosaic(golden: Sequence[GoldenTile], shape: FrameShape) -> U8:
    """Return a picture that is covered with golden tiles, so that it costs what real ones cost."""
    tiles = [tile.pixels for tile in golden]
    height, width = tiles[0].shape[:2]
    down, across = -(-shape.height // height), -(-shape.width // width)
    chosen = [tiles[place % len(tiles)] for place in range(down * across)]
    rows = [np.concatenate(chosen[row * across : (row + 1) * across], axis=1) for row in range(down)]
    pixels = np.concatenate(rows)[: shape.height, : shape.width]
    if shape.channels == 1 and pixels.shape[2] == 3:
        pixels = pixels.mean(axis=2, keepdims=True).astype(np.uint8)
    return np.ascontiguousarray(pixels)


def turn(judges: Sequence[Judge], pixels: Sequence[U8], turn_s: float) -> dict[str, Any]:
    """Judge parts for so long, one worker for each judge; returns how many, in which time, and the time of each.

    The first part of each worker counts for nothing: the other candidates have used the caches since the last turn.
    """
    times: list[list[int]] = [[] for _ in judges]
    all_at_once([partial(_loop, judge, pixels, 0.0, []) for judge in judges])
    began_ns = time.perf_counter_ns()
    calls = [partial(_loop, judge, pixels, turn_s, own) for judge, own in zip(judges, times, strict=True)]
    all_at_once(calls)
    wall_s = (time.perf_counter_ns() - began_ns) / 1e9
    part_us = [us for own in times for us in own]
    return {"parts": len(part_us), "wall_s": wall_s, "part_us": part_us}


def memory_mib() -> float:
    """Return the memory of this process; pages that others use too count by their share, where the kernel tells."""
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            rows = Path("/proc/self", file).read_text().splitlines()
        except OSError:
            continue
        for row in rows:
            if row.startswith(key):
                return int(row.split()[1]) / 1024
    return 0.0


def _loop(judge: Judge, pixels: Sequence[U8], turn_s: float, times: list[int]) -> None:
    ends_ns = time.perf_counter_ns() + round(turn_s * 1e9)
    now_ns = time.perf_counter_ns()
    while now_ns < ends_ns or not times:
        began_ns = now_ns
        _judged(judge, pixels)
        now_ns = time.perf_counter_ns()
        times.append((now_ns - began_ns) // 1000)


def _judged(judge: Judge, pixels: Sequence[U8]) -> str:
    """Return the outcome of one part; raises EngineError where the model failed."""
    now_ns = time.monotonic_ns()
    views = tuple(View(ArrivalKind.FRAME, 1, now_ns, "host", one, -1, 0) for one in pixels)
    part = Part(1, views, now_ns, "host", NO_TRAVEL, Intake((), ()))
    judgement = judge.judge(part, _no_progress, 0).judgement
    if judgement.reason is Reason.MODEL_ERROR:
        raise judge.failure or EngineError("the model failed on a part; the golden tiles were answered again after it")
    return judgement.outcome


def _in_any_case(eye: Eye) -> Any:
    """Return the look at a picture, which costs time, without what it says: every tile is asked about."""

    def look(pixels: U8) -> Look:
        if eye.look is not None:
            eye.look(pixels)
        return Look()

    return look


def _no_progress() -> None: ...


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:5])))
