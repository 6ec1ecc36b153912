"""An engine without a model: what a line costs apart from the inference. For measuring, never for a product."""

from __future__ import annotations

import time

import numpy as np

from edge_inspector.bundle.load import Bundle
from edge_inspector.core.frame import U8, FrameShape, Index
from edge_inspector.core.ports import Progress
from edge_inspector.core.verdict import TileResults
from edge_inspector.decide.evidence import Margin
from edge_inspector.infer.chunks import chunk_sizes
from edge_inspector.infer.fit import check_frame
from edge_inspector.tile.cut import cut_tiles


class NullEngine:
    """Cuts the tiles as an engine does and calls each one good without looking at it.

    The settings allow it for drawn and replayed pictures alone, and its verdicts carry the simulated flag.

    Args:
        bundle: Gives the tile size, the labels and the size of the heat map; its graph is not loaded.
        frame: Size of every frame.
        overlap: Pixels that neighbouring tiles share at least.
        chunk: Largest number of tiles cut at once.
        corners_yx: Shape (n_tiles, 2), top-left corners of the tiles; None for a grid over the whole frame.

    Raises:
        SettingsError: The frame does not fit the tiles.
    """

    def __init__(
        self, bundle: Bundle, frame: FrameShape, *, overlap: int = 0, chunk: int = 8, corners_yx: Index | None = None
    ) -> None:
        manifest = bundle.manifest
        self.tile_hw = manifest.tile_hw
        """Tile height and width, in pixels."""
        whole_yx = check_frame(manifest, frame, overlap)
        self.corners_yx = whole_yx if corners_yx is None else corners_yx
        """Shape (n_tiles, 2), top-left corner of each tile in frame pixels."""
        self.tile_ns = 0
        """How long the last `run` spent cutting tiles."""
        self.infer_ns = 0
        """Always 0."""
        self.margin = Margin(scale=1.0, shift=0.0)
        """Of heat that is 0 everywhere: nothing is ever taken from a score."""
        self._chunk = chunk
        n_tiles = len(self.corners_yx)
        self._tiles = np.empty((min(n_tiles, chunk), *manifest.tile_hwc), np.uint8)
        self._scores = np.zeros((n_tiles, len(manifest.labels)), np.float32)
        self._scores[:, 0] = 1.0
        self._heat = np.zeros((n_tiles, *manifest.heat_hw), np.float32)

    def run(
        self,
        frame: U8,
        progress: Progress,
        tiles: Index | None = None,
        heat_from: float = 0.0,  # noqa: ARG002 - it is 0 anyway
    ) -> TileResults:
        """Cut the tiles of a frame; returns the same scores for each of them: surely good."""
        corners_yx = self.corners_yx if tiles is None else self.corners_yx[tiles]
        n_tiles = len(corners_yx)
        began_ns, first = time.monotonic_ns(), 0
        for size in chunk_sizes(n_tiles, self._chunk):
            cut_tiles(frame, corners_yx[first : first + size], self.tile_hw, out=self._tiles[:size])
            first += size
            progress()
        self.tile_ns = time.monotonic_ns() - began_ns
        return TileResults(self._scores[:n_tiles], self._heat[:n_tiles], tiles)

    def verify(self) -> None:
        """Do nothing: there is no model that could answer otherwise."""
