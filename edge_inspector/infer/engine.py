"""From a frame to tile scores and heat maps."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

from edge_inspector.bundle.load import Bundle
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, FrameShape
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import TileResults
from edge_inspector.infer.batch import BoundBatch
from edge_inspector.infer.chunks import chunk_sizes
from edge_inspector.infer.fit import check_frame, check_graph
from edge_inspector.infer.golden import first_difference
from edge_inspector.infer.providers import (
    RUNTIME_ERRORS,
    ProviderName,
    TensorRtProfile,
    assert_provider,
    first_line,
    make_session,
)
from edge_inspector.tile.cut import cut_tiles


class OnnxEngine:
    """A model on ONNX Runtime, for frames of one size. Used from one thread; `verify` before the first `run`.

    Args:
        bundle: The model and what it must answer to its golden tiles.
        frame: Size of every frame. A grey frame serves an RGB model: the grey value is repeated.
        overlap: Pixels that neighbouring tiles share at least.
        provider: Where every node must run.
        device_id: Which GPU, for cuda and tensorrt.
        threads: Threads of one inference on the CPU; None for every core that this process may use.
        chunk: Largest number of tiles in one inference call.
        cache_dir: Folder of compiled engines, for tensorrt alone; None elsewhere.

    Raises:
        EngineError: The provider refuses the model.
        BundleError: The graph is not what the manifest says.
        SettingsError: The frame does not fit the tiles.
    """

    def __init__(
        self,
        bundle: Bundle,
        frame: FrameShape,
        *,
        overlap: int = 0,
        provider: ProviderName = "cpu",
        device_id: int = 0,
        threads: int | None = None,
        chunk: int = 8,
        cache_dir: Path | None = None,
    ) -> None:
        manifest = bundle.manifest
        self.provider_name: ProviderName = provider
        """What was asked for; `verify` asserts that it came."""
        self.tile_hw = manifest.tile_hw
        """Tile height and width, in pixels."""
        self.corners_yx = check_frame(manifest, frame, overlap)
        """Shape (n_tiles, 2), top-left corner of each tile in frame pixels, in the order of the results."""
        self.chunk_sizes = chunk_sizes(len(self.corners_yx), chunk)
        """Tiles of each inference call of a frame, in order."""
        self.tile_ns = 0
        """How long the last `run` spent cutting tiles."""
        self.infer_ns = 0
        """How long the last `run` spent in ONNX Runtime."""
        self._bundle = bundle
        self._frame_hwc = frame.hwc
        profile = None
        if cache_dir is not None:
            profile = TensorRtProfile(manifest.input_name, manifest.tile_hwc, self.chunk_sizes[0], cache_dir)
        self._session = make_session(bundle.model_bytes, provider, device_id, threads, profile)
        check_graph(self._session, manifest)
        n_tiles = len(self.corners_yx)
        self._results = TileResults(
            scores=np.full((n_tiles, len(manifest.labels)), np.nan, np.float32),
            heat=np.full((n_tiles, *manifest.heat_hw), np.nan, np.float32),
        )
        self._batches = self._bind(self._session)
        self._is_verified = False

    def run(self, frame: U8, progress: Progress) -> TileResults:
        """Score every tile of one frame.

        Args:
            frame: Shape (h, w, c), RGB or grey, the size the engine was built for.
            progress: Called after each chunk of tiles.

        Returns:
            Views of the engine's own buffers, valid until the next call of `run` or `verify`.

        Raises:
            EngineError: The run failed, or the engine was not verified since it was made or since its last failure.
            ValueError: The frame has another size.
        """
        if not self._is_verified:
            raise EngineError(
                f"{self._bundle.label} has not replayed its golden tiles on {self.provider_name} since it was loaded "
                "or last failed; nothing is judged before it has: verify it first"
            )
        if frame.shape != self._frame_hwc or frame.dtype != np.uint8:
            raise ValueError(f"frame must be uint8 {self._frame_hwc}, but is {frame.dtype} {frame.shape}")
        self.tile_ns = self.infer_ns = 0
        first = 0
        for batch in self._batches:
            began_ns = time.monotonic_ns()
            cut_tiles(frame, self.corners_yx[first : first + len(batch)], self.tile_hw, out=batch.tiles)
            cut_ns = time.monotonic_ns()
            self._run_batch(batch)
            self.tile_ns += cut_ns - began_ns
            self.infer_ns += time.monotonic_ns() - cut_ns
            first += len(batch)
            progress()
        return self._results

    def verify(self) -> None:
        """Assert the provider and replay the golden tiles at every chunk size, which also warms each of them up.

        Every chunk is filled, by repeating golden tiles, so the sizes that judge parts are the ones that are proven.

        Raises:
            EngineError: Another provider, a failed run, or the first answer outside the bundle's tolerance.
        """
        self._is_verified = False
        assert_provider(self._session, self.provider_name)
        for batch in {len(batch): batch for batch in self._batches}.values():
            self._replay_golden(batch)
        self._is_verified = True

    def _bind(self, session: ort.InferenceSession) -> tuple[BoundBatch, ...]:
        """Bind one batch per chunk: an input buffer per size, outputs straight into the results."""
        manifest = self._bundle.manifest
        buffers = {n: np.zeros((n, *manifest.tile_hwc), np.uint8) for n in set(self.chunk_sizes)}
        batches, first = [], 0
        for n in self.chunk_sizes:
            outputs = {
                manifest.scores_name: self._results.scores[first : first + n],
                manifest.heat_name: self._results.heat[first : first + n],
            }
            batches.append(BoundBatch(session, manifest.input_name, buffers[n], outputs))
            first += n
        return tuple(batches)

    def _replay_golden(self, batch: BoundBatch) -> None:
        golden = self._bundle.golden
        scores, heat = batch.outputs
        for start in range(0, len(golden), len(batch)):
            chosen = [golden[(start + i) % len(golden)] for i in range(len(batch))]
            for place, tile in enumerate(chosen):
                batch.tiles[place] = tile.pixels
            self._run_batch(batch)
            difference = first_difference(chosen, scores, heat, self._bundle.tolerance)
            if difference is not None:
                raise EngineError(
                    f"{self._bundle.label} answers otherwise on {self.provider_name} in chunks of {len(batch)} than "
                    f"where it was exported: {difference}. Nothing is judged with it: export the bundle again with "
                    "the versions of this machine, or run it on another provider (model.provider)"
                )

    def _run_batch(self, batch: BoundBatch) -> None:
        try:
            batch.run()
        except RUNTIME_ERRORS as error:
            self._is_verified = False  # what failed once is not trusted until it has proven itself again
            raise EngineError(
                f"{self._bundle.label} failed on {self.provider_name} with a chunk of {len(batch)} tiles: "
                f"{first_line(error)}. It must replay its golden tiles before it judges again; if this comes back, "
                "look at the machine's memory and at the driver (nvidia-smi)"
            ) from error
