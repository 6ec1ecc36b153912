"""Metrics of which program and which models run; declared here, part of a line's metrics."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from edge_inspector.observe.figures import ModelFigures
from edge_inspector.observe.record_metrics import Declare


class ModelMetrics:
    """What runs, and who made it."""

    def __init__(self, declare: Declare, lock: AbstractContextManager[Any]) -> None:
        """Declare everything; `lock` makes one moment of a scrape."""
        self._lock = lock
        labels = ("version", "line", "recipe", "camera", "model", "model_sha256")
        self._build = declare("gauge", "build_info", "1; what runs here", *labels)
        text = "1 while a trusted key signed the bundle, 0 where none did and that is allowed"
        self._signed = declare("gauge", "bundle_signed", text, "camera", "signer")
        text = "How long compiling the newest engine took, or takes so far; 0 where none was compiled"
        self._compiling = declare("gauge", "engine_build_seconds", text)

    def set_compiling(self, seconds: float) -> None:
        """Say how long the newest engine took to compile, or takes so far."""
        with self._lock:
            self._compiling.set(seconds)

    def set(self, version: str, line: str, recipe: str, models: Iterable[ModelFigures]) -> None:
        """Say what runs: one series for each camera's model, replaced when a model or the recipe changes.

        Args:
            version: Of this program.
            line: Its name.
            recipe: Its recipe.
            models: One for each camera.
        """
        with self._lock:
            self._build.clear()
            self._signed.clear()
            for model in models:
                self._build.set(1, version, line, recipe, model.camera, model.model, model.model_sha256)
                self._signed.set(bool(model.signer), model.camera, model.signer)
