"""`model:` and `tiling:` which bundle judges, on what, in which pieces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_inspector.settings.section import AnyPath, Section


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
    precision: Literal["fp32", "int8"] = "fp32"
    """Which graph of the bundle judges. int8 is faster on most CPUs; not every bundle has one."""
    provider: Literal["cpu", "openvino", "cuda", "tensorrt", "null"] = "cpu"
    """Where it must run. If it cannot run there, the line is not ready: there is no silent fall-back. `openvino` is
    the CPU too, by a library that the extra of that name brings. `"null"` (in quotes) asks no model and calls every
    tile good: it measures the line itself, on drawn or replayed pictures."""
    device_id: int = Field(default=0, ge=0, le=63)
    """Which GPU, for cuda and tensorrt."""
    threads: int | None = Field(default=None, ge=1, le=256)
    """Threads of one inference on the CPU; null for the number of cores."""
    chunk: int = Field(default=8, ge=1, le=256)
    """Largest number of tiles in one inference call; 8 to 16 is best on a CPU."""


class TilingSettings(Section):
    """How a frame is cut. The tile size is the bundle's."""

    overlap: int = Field(default=0, ge=0, le=4096)
    """Pixels that neighbouring tiles share at least; edge tiles are pushed inward and may share more."""
