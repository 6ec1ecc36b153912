"""What the settings say of compiled engines."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.infer.runtime import TensorRtOptions
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.model import ModelSettings


def tensorrt_options(model: ModelSettings) -> TensorRtOptions:
    """Return how TensorRT compiles a model."""
    return TensorRtOptions(model.precision == "fp16", model.tensorrt.builder_level, model.tensorrt.workspace_mib)


def engines_folder(settings: LineSettings) -> Path:
    """Return where compiled engines lie: with the state, since a line without them stands still for minutes."""
    return settings.state_dir / "engines"
