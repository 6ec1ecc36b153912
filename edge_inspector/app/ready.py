"""A configuration that was checked with everything it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_inspector.bundle.load import Bundle
from edge_inspector.core.errors import UsageError
from edge_inspector.decide.image_health import Baseline
from edge_inspector.settings.line import LineSettings


@dataclass(frozen=True, slots=True)
class ReadyView:
    """One camera of a line, and what its pictures are judged by."""

    settings: LineSettings
    """As if it were the only camera of the line."""
    bundle: Bundle
    baseline: Baseline | None = None
    """How its pictures usually look; None when it was not recorded."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A configuration and its bundles, checked against each other."""

    settings: LineSettings
    views: tuple[ReadyView, ...]
    """One for each camera, in the order of the configuration."""


def as_written(settings: LineSettings, views: Sequence[ReadyView]) -> LineSettings:
    """Return settings of a running line as its file has them: which cores null means was found out at its start."""
    return settings.model_copy(update={"performance": views[0].settings.performance})


def view_named(settings: LineSettings, camera: str | None) -> tuple[int, LineSettings]:
    """Return place and settings of one camera of a line, as if it were the only one.

    Args:
        settings: Of the line.
        camera: Its name; None for the first.

    Raises:
        UsageError: No camera of the line has that name.
    """
    views = settings.views()
    for place, view in enumerate(views):
        if camera in (None, view.camera.name):
            return place, view
    names = ", ".join(view.camera.name for view in views)
    raise UsageError(f"the line has no camera {camera}; it has {names}")
