"""One model on one provider of a GPU: what it does in this process, beside the least that anyone could do."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.subject import Subject
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.frame import FrameShape
from edge_inspector.core.verdict import TileResults
from edge_inspector.decide.limits import merged_limits
from edge_inspector.infer.device_batch import DeviceBatch
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.runtime import Hardware, ProviderName, TensorRtOptions

CAMERAS = (1, 2, 4, 8, 16)
Scores = npt.NDArray[np.float32]
"""Shape (n_frames, n_tiles, n_labels), OK first."""


@dataclass(frozen=True, slots=True)
class Way:
    """A provider and a precision."""

    provider: ProviderName
    precision: str

    @property
    def title(self) -> str:
        return f"{self.provider} {self.precision}"

    def model(self, subject: Subject) -> dict[str, object]:
        """Return the block `model` of a line's configuration."""
        return {
            "bundle": str(subject.bundle),
            "unsigned": "allow",
            "provider": self.provider,
            "precision": self.precision,
        }

    def bundle(self, subject: Subject) -> Bundle:
        """Return the bundle with the graph that judges."""
        graph = "fp32" if self.precision == "fp16" else self.precision
        return load_bundle(subject.bundle, graph, trust=ANYONE)

    def hardware(self, engines: Path) -> Hardware:
        """Return where it runs."""
        return Hardware(
            self.provider, cache_dir=engines, tensorrt=TensorRtOptions(half=self.precision == "fp16")
        )  # fmt: skip


def ways(precisions: Sequence[str]) -> list[Way]:
    """Return every way in which a bundle's graphs run on a GPU."""
    found = [Way("cuda", "fp32"), Way("tensorrt", "fp32"), Way("tensorrt", "fp16")]
    return [*found, Way("tensorrt", "int8")] if "int8" in precisions else found


class Loaded:
    """A verified engine and its frames."""

    def __init__(self, way: Way, subject: Subject, engines: Path) -> None:
        """Load and prove it; compiles for minutes where no engine is there."""
        self.bundle, self.frames = way.bundle(subject), np.load(subject.array)
        self.engine = OnnxEngine(self.bundle, FrameShape(*subject.frame_hwc), hardware=way.hardware(engines))
        self.engine.verify()
        self.n_tiles = len(self.engine.corners_yx)
        labels = self.bundle.manifest.labels
        self.limit = float(merged_limits(labels, self.bundle.manifest.limits, {}, "")[1:].min())

    def bare_rate(self, seconds: float) -> float:
        """Return tiles a second of the bare binding on buffers that are ready on the device."""
        batches = [self.engine._batches[place] for place in sorted(self.engine._batches)]

        def once(_: int) -> None:
            for batch in batches:
                assert isinstance(batch, DeviceBatch)
                batch.buffers.score()

        return self._rate(once, seconds)

    def engine_rate(self, seconds: float) -> float:
        """Return tiles a second of the engine: cut, upload, score, and bring back what is read."""
        return self._rate(lambda i: self._run(self.engine, i), seconds)

    def rate_of_cameras(self, n_cameras: int, seconds: float) -> float:
        """Return tiles a second of so many engines on one loaded graph, each in a thread of its own."""
        engines = [self.engine.twin() for _ in range(n_cameras)]
        for engine in engines:
            engine.verify()
        counts, begin, ends = [0] * n_cameras, threading.Barrier(n_cameras + 1), threading.Event()

        def work(place: int) -> None:
            begin.wait()
            while not ends.is_set():
                self._run(engines[place], counts[place])
                counts[place] += 1

        threads = [threading.Thread(target=work, args=(place,)) for place in range(n_cameras)]
        for thread in threads:
            thread.start()
        begin.wait()
        began = time.perf_counter()
        time.sleep(seconds)
        ends.set()
        for thread in threads:
            thread.join()
        return sum(counts) * self.n_tiles / (time.perf_counter() - began)

    def scores(self) -> Scores:
        """Return the scores of all frames."""
        return np.stack([self._run(self.engine, i).scores.copy() for i in range(len(self.frames))])

    def _run(self, engine: OnnxEngine, i: int) -> TileResults:
        return engine.run(self.frames[i % len(self.frames)], _nothing, None, self.limit)

    def _rate(self, once: Callable[[int], object], seconds: float) -> float:
        once(0)
        began, n = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            once(n)
            n += 1
        return n * self.n_tiles / passed


def _nothing() -> None: ...


def flips(here: Scores, there: Scores, limit: float) -> int:
    """Return for how many frames another answer is given to whether any tile reaches the limit."""
    rejected = [(1.0 - scores[..., 0] >= limit).any(axis=1) for scores in (here, there)]
    return int((rejected[0] != rejected[1]).sum())


def used_mb() -> float:
    """Return the GPU memory that is taken, by whomever, in MB; the CUDA runtime must be loaded."""
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    if status := ctypes.CDLL("libcudart.so.13").cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total)):
        raise RuntimeError(f"cudaMemGetInfo: CUDA error {status}")
    return (total.value - free.value) / 1e6
