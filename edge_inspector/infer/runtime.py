"""The seam between the engine and the libraries that run a graph: what every one of them gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from edge_inspector.core.frame import F32, U8

ProviderName = Literal["cpu", "openvino", "cuda", "tensorrt"]


@dataclass(frozen=True, slots=True)
class TensorRtOptions:
    """How TensorRT compiles a graph. Each makes another engine."""

    half: bool = False
    """It may compute the fp32 graph in half precision."""
    builder_level: int = 3
    """How long it searches for fast code, 0 to 5."""
    workspace_mib: int | None = None
    """Most GPU memory that it may use while it searches and runs; None for all."""


@dataclass(frozen=True, slots=True)
class Build:
    """The making of a compiled engine, which takes minutes: told when it begins and when it has ended."""

    what: str
    """Which model, for people."""
    why: str
    """Why it must be made: there was none, or what did not fit."""
    former_s: float | None
    """How long it took the last time here; None where nobody knows."""
    took_s: float | None = None
    """How long it took; None while it goes on."""


TellBuild = Callable[[Build], None]
"""Called before an engine is built and after it; returns at once."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where a graph runs, and with what."""

    provider: ProviderName = "cpu"
    """Where every node must run."""
    device_id: int = 0
    """Which GPU, for cuda and tensorrt."""
    threads: int | None = None
    """Threads of one inference on the CPU; None for every core that this process may use."""
    spin: bool = False
    """Threads turn while they wait for each other: for cores that nobody else uses."""
    cache_dir: Path | None = None
    """Folder of all compiled engines, for tensorrt, which needs one; unused elsewhere."""
    tensorrt: TensorRtOptions = TensorRtOptions()
    """Unused elsewhere."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output of a loaded graph."""

    name: str
    kind: str
    """Type of its elements: `uint8`, `float32`."""
    shape: tuple[int | None, ...]
    """None for a dimension that the graph leaves open."""


class RunFailed(Exception):  # noqa: N818 - what happened to one run; the engine makes the error of it
    """Raised by `Batch.run`; the text is the library's own first line."""


class Batch(Protocol):
    """One inference call of a fixed size, with its buffers bound once. Used from one thread."""

    @property
    def tiles(self) -> U8:
        """Shape (n, h, w, c); filled by the caller before each run."""
        ...

    @property
    def outputs(self) -> Sequence[F32]:
        """The arrays that `bind` was given, in their order; NaN where a run gave no answer."""
        ...

    def __len__(self) -> int:
        """Return the number of tiles of one run."""
        ...

    def run(self, heat_from: float = 0.0) -> None:
        """Score what is in `tiles`.

        Args:
            heat_from: Where no tile's score reaches it, nobody will read the heat, and it may be 0 instead of what the
                graph gave. 0 brings it always.

        Raises:
            RunFailed: The library could not. What the outputs hold then is no answer.
        """
        ...


class Runtime(Protocol):
    """A graph, loaded where it was asked to run or not at all. Each thread runs batches of its own `twin`."""

    @property
    def inputs(self) -> Sequence[Tensor]:
        """What the graph takes."""
        ...

    @property
    def outputs(self) -> Sequence[Tensor]:
        """What the graph gives."""
        ...

    def assert_place(self) -> None:
        """Check that the graph still runs where it was asked to; cheap, for asking again after every error.

        Raises:
            EngineError: It runs elsewhere, or nothing on its device can be trusted any more.
        """
        ...

    def assert_settled(self) -> None:
        """Check, when every size of chunk has run, that nothing is left to be compiled while parts are judged.

        Raises:
            EngineError: Something was compiled though all should have been there.
        """
        ...

    def twin(self) -> Runtime:
        """Return the same graph for one more thread, whose batches run beside this one's; itself where one serves all.

        Raises:
            EngineError: It cannot be had once more, as for want of memory.
        """
        ...

    def bind(self, tiles: U8, outputs: dict[str, F32]) -> Batch:
        """Return a batch that runs from one buffer into others.

        Args:
            tiles: Shape (n, h, w, c), C-contiguous.
            outputs: Output of the graph to the array it is written to, float32, first dimension n. They may be slices
                of larger arrays, so that the answers of all batches of a frame stand side by side.
        """
        ...
