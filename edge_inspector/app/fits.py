"""Whether settings fit the bundles that judge by them."""

from __future__ import annotations

from collections.abc import Sequence

from edge_inspector.app.ready import ReadyView
from edge_inspector.app.regions import region_mistakes
from edge_inspector.bundle.manifest import Manifest
from edge_inspector.core.errors import Mistake
from edge_inspector.settings.against_bundle import BundleFacts, check_against_bundle
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import LineMap


def misfits(settings: Sequence[LineSettings], views: Sequence[ReadyView], lines: LineMap) -> list[Mistake]:
    """Return what of settings does not fit the bundles of a line, in the order of the lines; empty when all fits.

    Args:
        settings: One for each camera, as if it were the only one.
        views: The same cameras, with their bundles.
        lines: Of the whole file.
    """
    found = []
    for place, (one, view) in enumerate(zip(settings, views, strict=True)):
        of_view = lines if place == 0 else lines.below(("more_views", place - 1))
        found += misfits_of(one, view.bundle.manifest, of_view)
    return sorted(found, key=lambda mistake: mistake.line or 0)


def misfits_of(settings: LineSettings, manifest: Manifest, lines: LineMap) -> list[Mistake]:
    """Return what of one camera's settings does not fit its bundle."""
    facts = BundleFacts(manifest.labels, manifest.tile_hw, manifest.channels, manifest.limits)
    return check_against_bundle(settings, facts, lines) + region_mistakes(settings, manifest, lines)
