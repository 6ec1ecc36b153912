"""A program that judges frames beside the system, in a process of its own: takes orders as lines, answers with JSON.

Needs numpy alone: peers run it in environments that know nothing of this project.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Tiles = npt.NDArray[np.uint8]
"""Shape (n_tiles, h, w, c)."""
WARM_UP_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Task:
    """What to judge with; written as JSON by the bench."""

    model: str
    """Path of the ONNX graph: uint8 [n, h, w, c] in, scores and heat out."""
    frames: str
    """Path of an .npy, shape (n_frames, h, w, c), RGB or grey."""
    corners_yx: list[list[int]]
    tile_hw: list[int]
    options: dict[str, Any]
    """Of the contender: threads, chunk and so on."""

    def load_frames(self) -> Tiles:
        """Return the frames, shape (n_frames, h, w, c), in memory."""
        frames: Tiles = np.load(self.frames)
        return frames

    def cut(self, frame: Tiles) -> list[Tiles]:
        """Return the tiles of one frame, each (h, w, c), views of it."""
        height, width = self.tile_hw
        return [frame[y : y + height, x : x + width] for y, x in self.corners_yx]


def read_task() -> Task:
    """Return the task named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", type=Path)
    return Task(**json.loads(parser.parse_args().task.read_text()))


def serve(judge: Callable[[int], object], n_frames: int, n_tiles: int, workers: int = 1) -> None:
    """Obey orders from standard input until it ends.

    Args:
        judge: Judges the frame of that index, all its tiles; returns when it knows.
        n_frames: Indices go from 0 to here and begin again.
        n_tiles: Tiles of a frame.
        workers: Threads that judge at the same time when as many frames as possible are asked for.
    """
    for i in range(WARM_UP_FRAMES):
        judge(i % n_frames)
    _say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        if "seconds" in order:
            _say(_as_fast_as_possible(judge, n_frames, n_tiles, workers, order["seconds"]))
        else:
            _say(_paced(judge, n_frames, order["rate_hz"], order["frames"]))


def _as_fast_as_possible(
    judge: Callable[[int], object], n_frames: int, n_tiles: int, workers: int, seconds: float
) -> dict[str, float]:
    done = [0] * workers
    began, cpu = time.monotonic(), time.process_time()

    def work(me: int) -> None:
        while time.monotonic() - began < seconds:
            judge((me + done[me] * workers) % n_frames)
            done[me] += 1

    threads = [threading.Thread(target=work, args=(me,)) for me in range(1, workers)]
    for thread in threads:
        thread.start()
    work(0)
    for thread in threads:
        thread.join()
    wall_s, cpu_s, tiles = time.monotonic() - began, time.process_time() - cpu, sum(done) * n_tiles
    return {"per_s": tiles / wall_s, "cpu_ms": cpu_s * 1000 / tiles}


def _paced(judge: Callable[[int], object], n_frames: int, rate_hz: float, frames: int) -> dict[str, list[float]]:
    """Return, for each frame, the ms from the moment it was due to the moment it was judged."""
    latencies = []
    start = time.monotonic()
    for i in range(frames):
        due = start + i / rate_hz
        while (left := due - time.monotonic()) > 0:
            time.sleep(left)
        judge(i % n_frames)
        latencies.append((time.monotonic() - due) * 1000)
    return {"latencies_ms": latencies}


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
