"""From a frame to tile scores and heat maps."""

from __future__ import annotations

import copy
import time

import numpy as np

from edge_inspector.bundle.load import Bundle
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import U8, FrameShape, Index
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import TileResults
from edge_inspector.decide.evidence import Margin
from edge_inspector.infer.chunks import chunk_sizes
from edge_inspector.infer.fit import check_frame, check_graph
from edge_inspector.infer.golden import first_difference, tolerance_used
from edge_inspector.infer.heat import HeatProbe, blends
from edge_inspector.infer.load import load_runtime
from edge_inspector.infer.runtime import Batch, Hardware, RunFailed, TellBuild
from edge_inspector.tile.cut import cut_tiles

_CPU = Hardware()


class OnnxEngine:
    """A bundle's graph in a library that runs it, for frames of one size. One thread; `verify` before the first `run`.

    Args:
        bundle: The model and what it must answer to its golden tiles.
        frame: Size of every frame. A grey frame serves an RGB model: the grey value is repeated.
        overlap: Pixels that neighbouring tiles share at least.
        hardware: Where the graph runs, and with what.
        chunk: Largest number of tiles in one inference call.
        corners_yx: Shape (n_tiles, 2), top-left corners of the tiles to score; None for a grid over the whole frame.
        may_skip: `run` will be asked for some of the tiles only: every chunk size that may come is bound and proven.
        reads_heat: The rules take scores apart by their heat: `verify` also measures how one follows from the other.
        tell_build: Called before an engine is compiled, which takes minutes, and after it.

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
        hardware: Hardware = _CPU,
        chunk: int = 8,
        corners_yx: Index | None = None,
        may_skip: bool = False,
        reads_heat: bool = False,
        tell_build: TellBuild = lambda _: None,
    ) -> None:
        manifest = bundle.manifest
        self.provider_name = hardware.provider
        """What was asked for; `verify` asserts that it came."""
        self.tile_hw = manifest.tile_hw
        """Tile height and width, in pixels."""
        whole_yx, self._reads_heat = check_frame(manifest, frame, overlap), reads_heat
        self.corners_yx = whole_yx if corners_yx is None else corners_yx
        """Shape (n_tiles, 2), top-left corner of each tile in frame pixels: the grid, in the order of the results."""
        self.chunk_sizes = chunk_sizes(len(self.corners_yx), chunk)
        """Tiles of each inference call of a frame, in order."""
        self.tile_ns = 0
        """How long the last `run` spent cutting tiles."""
        self.infer_ns = 0
        """How long the last `run` spent in the model."""
        self.tolerance_used = 0.0
        """How much of the tolerance the worst golden tile took in the last `verify`; up to 1."""
        self.margin: Margin | None = None
        """How scores follow from heat, measured by `verify`; None unless `reads_heat`."""
        self._bundle, self._frame_hwc = bundle, frame.hwc
        n_tiles = len(self.corners_yx)
        self._sizes_of = {n: chunk_sizes(n, chunk) for n in range(1 if may_skip else n_tiles, n_tiles + 1)}
        sizes = {size for sizes in self._sizes_of.values() for size in sizes}
        self._runtime = load_runtime(bundle, hardware, sizes, tell_build)
        check_graph(self._runtime, manifest)
        self._make_buffers()

    def twin(self) -> OnnxEngine:
        """Return an engine on the same graph with buffers of its own, for one more thread; `verify` it too.

        Several may be made at a time.
        """
        other = copy.copy(self)
        other._runtime = self._runtime.twin()
        other._make_buffers()
        return other

    def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
        """Score tiles of one frame.

        Args:
            frame: Shape (h, w, c), RGB or grey, the size the engine was built for.
            progress: Called after each chunk of tiles.
            tiles: Places in the grid of the tiles to score, ascending; None for all. Not None needs `may_skip`.
            heat_from: Heat may be 0 in chunks of which no tile's score reaches it; 0 for all heat.

        Returns:
            Views of the engine's own buffers, valid until the next call of `run` or `verify`.

        Raises:
            EngineError: The run failed, or the engine was not verified since it was made or since its last failure.
            ValueError: The frame has another size, or the engine was not made for so many tiles.
        """
        if not self._is_verified:
            raise EngineError(
                f"{self._bundle.label} has not replayed its golden tiles on {self.provider_name} since it was loaded "
                "or last failed; nothing is judged before it has: verify it first"
            )
        if frame.shape != self._frame_hwc or frame.dtype != np.uint8:
            raise ValueError(f"frame must be uint8 {self._frame_hwc}, but is {frame.dtype} {frame.shape}")
        corners_yx = self.corners_yx if tiles is None else self.corners_yx[tiles]
        if len(corners_yx) not in self._sizes_of:
            raise ValueError(
                f"made for {len(self.corners_yx)} tiles of a frame (may_skip: fewer), not {len(corners_yx)}"
            )
        self.tile_ns = self.infer_ns = first = 0
        for size in self._sizes_of[len(corners_yx)]:
            batch = self._batches[first, size]
            began_ns = time.monotonic_ns()
            cut_tiles(frame, corners_yx[first : first + size], self.tile_hw, out=batch.tiles)
            cut_ns = time.monotonic_ns()
            self._run_batch(batch, heat_from)
            self.tile_ns += cut_ns - began_ns
            self.infer_ns += time.monotonic_ns() - cut_ns
            first += size
            progress()
        return self._results if tiles is None else TileResults(self._scores[:first], self._heat[:first], tiles)

    def verify(self) -> None:
        """Assert the provider and replay the golden tiles at every chunk size, which also warms each of them up.

        Every chunk is filled, by repeating golden tiles, so the sizes that judge parts are the ones that are proven.

        Raises:
            EngineError: Another provider, a failed run, the first answer outside the bundle's tolerance, or scores that
                do not follow from the heat though the rules need it.
        """
        self._is_verified, self.tolerance_used = False, 0.0
        self._runtime.assert_place()
        probe = HeatProbe()
        by_size = {size: batch for (_, size), batch in self._batches.items()}
        for batch in by_size.values():
            self._replay_golden(batch, probe)
        if self._reads_heat:
            self.margin = self._measured(probe, by_size[max(by_size)])
        self._runtime.assert_settled()
        self._is_verified = True

    def _make_buffers(self) -> None:
        """Bind a batch for each chunk that may come: an input buffer per size, outputs straight into the results."""
        self._is_verified = False
        n_tiles, manifest = len(self.corners_yx), self._bundle.manifest
        self._scores = np.full((n_tiles, len(manifest.labels)), np.nan, np.float32)
        self._heat = np.full((n_tiles, *manifest.heat_hw), np.nan, np.float32)
        self._results = TileResults(self._scores, self._heat)
        inputs: dict[int, U8] = {}
        self._batches: dict[tuple[int, int], Batch] = {}
        """By the row of the first tile and the number of tiles."""
        for sizes in self._sizes_of.values():
            first = 0
            for size in sizes:
                if (first, size) not in self._batches:
                    tiles = inputs.setdefault(size, np.zeros((size, *manifest.tile_hwc), np.uint8))
                    rows = slice(first, first + size)
                    outputs = {manifest.scores_name: self._scores[rows], manifest.heat_name: self._heat[rows]}
                    self._batches[first, size] = self._runtime.bind(tiles, outputs)
                first += size

    def _replay_golden(self, batch: Batch, probe: HeatProbe) -> None:
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
            used = tolerance_used(chosen, scores, heat, self._bundle.tolerance)
            self.tolerance_used = max(self.tolerance_used, used)
            probe.add(scores, heat)

    def _measured(self, probe: HeatProbe, batch: Batch) -> Margin:
        """Return how scores follow from heat, by the golden tiles and, where they are too much alike, by blends."""
        scores, heat = batch.outputs
        mixed = [] if probe.has_enough else blends(self._bundle.golden)
        for start in range(0, len(mixed), len(batch)):
            for place in range(len(batch)):
                batch.tiles[place] = mixed[(start + place) % len(mixed)]
            self._run_batch(batch)
            probe.add(scores, heat)
        found = probe.fit()
        if isinstance(found, str):
            raise EngineError(
                f"the heat map of {self._bundle.label} does not tell where its score comes from: {found}. Zones and "
                "ignored areas within a tile need that: leave them out (regions.roi and areas that hold whole tiles "
                "work without), or use a bundle whose network ends in pooling and one linear layer"
            )
        return found

    def _run_batch(self, batch: Batch, heat_from: float = 0.0) -> None:
        try:
            batch.run(heat_from)
        except RunFailed as error:
            self._is_verified = False  # what failed once is not trusted until it has proven itself again
            raise EngineError(
                f"{self._bundle.label} failed on {self.provider_name} with a chunk of {len(batch)} tiles: "
                f"{error}. It must replay its golden tiles before it judges again; if this comes back, "
                "look at how much memory is free"
            ) from error
