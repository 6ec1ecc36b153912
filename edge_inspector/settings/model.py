"""`model:` and `tiling:` which bundle judges, on what, in which pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from edge_inspector.settings.lines import KeyPath
from edge_inspector.settings.section import AnyPath, Section

GPU_PROVIDERS = ("cuda", "tensorrt")
"""Those that need a GPU."""


class TensorRtSettings(Section):
    """How TensorRT compiles the model. The engine is compiled anew when any of this changes."""

    builder_level: int = Field(default=3, ge=0, le=5)
    """How long it searches for fast code: 0 for seconds and slow code, 5 for the longest build."""
    workspace_mib: int | None = Field(default=None, ge=16, le=1_048_576)
    """Most GPU memory it may use besides the weights, in MiB; null for all. For a GPU that others use too."""


class ModelSettings(Section):
    """The bundle and the hardware it runs on."""

    bundle: AnyPath
    """Folder of the model bundle, or the same packed as one .zip; relative to this file."""
    trusted_keys: list[AnyPath] = Field(default=[], max_length=64)
    """Public keys of those whose bundles are taken, or folders of them: NAME.pub, as `python -m export keys new` makes
    it."""
    unsigned: Literal["refuse", "allow"] = "refuse"
    """`allow` takes also a bundle that no trusted key signed; state, events and metrics then say so. A signature that
    is wrong is always refused."""
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    """Which graph of the bundle judges. int8 is faster on most CPUs; not every bundle has one. fp16 is the fp32 graph
    in half precision, for tensorrt alone."""
    provider: Literal["cpu", "openvino", "cuda", "tensorrt", "null"] = "cpu"
    """Where it must run. If it cannot run there, the line is not ready: there is no silent fall-back. `openvino` is
    the CPU too, by a library that the extra of that name brings. `"null"` (in quotes) asks no model and calls every
    tile good: it measures the line itself, on drawn or replayed pictures."""
    device_id: int = Field(default=0, ge=0, le=63)
    """Which GPU, for cuda and tensorrt, as `nvidia-smi` numbers them."""
    threads: int | None = Field(default=None, ge=1, le=256)
    """Threads of one inference on the CPU; null for the number of cores."""
    chunk: int = Field(default=8, ge=1, le=256)
    """Largest number of tiles in one inference call; 8 to 16 is best on a CPU."""
    tensorrt: TensorRtSettings = TensorRtSettings()
    """For `provider: tensorrt`; elsewhere nothing of it counts."""

    @property
    def graph(self) -> str:
        """Name of the bundle's graph that judges: fp16 has none of its own."""
        return "fp32" if self.precision == "fp16" else self.precision


def model_faults(model: ModelSettings) -> Iterator[tuple[KeyPath, str]]:
    """Yield what does not fit together, each with the place of the setting."""
    if model.precision == "fp16" and model.provider != "tensorrt":
        what = f"fp16 is for `provider: tensorrt`, and {model.provider} would compute in fp32: write fp32 or int8"
        yield ("model", "precision"), what


class TilingSettings(Section):
    """How a frame is cut. The tile size is the bundle's."""

    overlap: int = Field(default=0, ge=0, le=4096)
    """Pixels that neighbouring tiles share at least; edge tiles are pushed inward and may share more."""
