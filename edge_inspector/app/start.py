"""From a configuration file to a running line, or to everything that is wrong with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.app.baseline_file import baseline_path, load_baseline
from edge_inspector.app.main import Daemon
from edge_inspector.app.planning import place_of
from edge_inspector.app.regions import region_mistakes
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.core.errors import ProcessError, SettingsError
from edge_inspector.core.logs import get_log
from edge_inspector.decide.image_health import Baseline
from edge_inspector.observe.logs import configure_logging
from edge_inspector.run.scheduling import stand_behind, take_place
from edge_inspector.settings.against_bundle import BundleFacts, check_against_bundle
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.load import load_line_with_lines
from edge_inspector.settings.performance import missing_cores

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A configuration and its bundle, checked against each other."""

    settings: LineSettings
    bundle: Bundle
    baseline: Baseline | None = None
    """How the line's pictures usually look; None when it was not recorded."""


def prepare(config: Path) -> Ready:
    """Load and check everything that can be checked without hardware.

    Raises:
        SettingsError: Every mistake in the file, with its line; or a baseline that is damaged or of another camera.
        BundleError: The bundle is missing or damaged.
    """
    settings, lines = load_line_with_lines(config)
    baseline = load_baseline(settings)
    bundle = load_bundle(settings.model.bundle)
    manifest = bundle.manifest
    facts = BundleFacts(manifest.labels, manifest.tile_hw, manifest.channels, manifest.limits)
    mistakes = check_against_bundle(settings, facts, lines) + region_mistakes(settings, manifest, lines)
    offered = os.sched_getaffinity(0)
    mistakes += [lines.mistake(path, what) for path, what in missing_cores(settings.performance, offered)]
    if mistakes:
        raise SettingsError(sorted(mistakes, key=lambda mistake: mistake.line or 0))
    return Ready(settings, bundle, baseline)


def run_line(config: Path) -> int:
    """Run the daemon of one line; returns its exit code."""
    ready = prepare(config)
    configure_logging(ready.settings.log, ready.settings.line, "main")
    if ready.baseline is None:
        file = baseline_path(ready.settings)
        log.info("no_baseline", detail=f"focus and brightness are not checked until `camera baseline` writes {file}")
    daemon = Daemon(_settled_here(ready.settings), ready.bundle, config, ready.baseline)
    status = daemon.run()
    if daemon.failure:
        error = ProcessError(daemon.failure)
        error.exit_code = status
        raise error
    return status


def _settled_here(settings: LineSettings) -> LineSettings:
    """Put main in its place, before it makes threads; returns settings that name the other processes' cores.

    They would start with main's cores otherwise, and null means all that this program may use.
    """
    offered = sorted(os.sched_getaffinity(0))
    stand_behind()
    for what in take_place(place_of(settings, "main")):
        log.warning("place_refused", detail=what)
    cores = settings.performance.cores
    named = cores.model_copy(update={"inspect": cores.inspect or offered, "camera": cores.camera or offered})
    performance = settings.performance.model_copy(update={"cores": named})
    return settings.model_copy(update={"performance": performance})
