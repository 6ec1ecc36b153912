"""The seams: Protocols of one to three methods. `app` joins the parts, mypy checks them there."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from edge_inspector.core.frame import U8, Arrival, Index
from edge_inspector.core.verdict import TileResults


class SourceEnded(Exception):  # noqa: N818 - like StopIteration, an ending, not an error
    """Raised by `Camera.fetch` when a finite source (replay without loop) has played everything."""


class Camera(Protocol):
    """A source of pictures. `with camera:` arms it, then `fetch` until the block ends; one thread only.

    Entering raises CameraNotFoundError or CameraFormatError; it may be entered again after it was left.
    """

    def __enter__(self) -> Self:
        """Connect, check size and format against the configuration, arm."""
        ...

    @property
    def discarded(self) -> int:
        """Buffers so far that were no trigger of their own."""
        ...

    def fetch(self, timeout_s: float) -> Arrival | None:
        """Return what became of the next trigger; None if no trigger came within the time.

        Never blocks longer than `timeout_s` (a broken picture is an arrival, not a wait). Pixels stay valid
        until the next call. Raises CameraLostError when the camera is gone, SourceEnded at the end of a folder.
        """
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disarm and disconnect; never raises."""
        ...


class Progress(Protocol):
    """Called between chunks of a long inference, so that the heartbeat is fed by the work itself."""

    def __call__(self) -> None:
        """Must return within a millisecond."""
        ...


class Engine(Protocol):
    """A loaded model. `verify` before the first `run`, and again after every error; one thread."""

    @property
    def tile_ns(self) -> int:
        """Time the last run spent cutting tiles."""
        ...

    @property
    def infer_ns(self) -> int:
        """Time the last run spent in the model."""
        ...

    def run(self, frame: U8, progress: Progress, tiles: Index | None = None, heat_from: float = 0.0) -> TileResults:
        """Score tiles of one frame.

        Args:
            frame: Shape (h, w, c), RGB or grey, the size the engine was built for.
            progress: Called after each chunk of tiles.
            tiles: Places in the grid of the tiles to score, ascending; None for all.
            heat_from: Where no tile's score reaches it nobody reads the heat, and it may be 0; 0 for all heat.

        Returns:
            Views of the engine's own buffers, valid until the next call.

        Raises:
            EngineError: The run failed. The engine may be asked again after `verify` succeeded.
        """
        ...

    def verify(self) -> None:
        """Assert the provider and replay the golden tiles; raises EngineError on the first difference."""
        ...
