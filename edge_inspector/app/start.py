"""From a configuration file to a running line, or to everything that is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

from edge_inspector.app.baseline_file import baseline_path, load_baseline
from edge_inspector.app.fits import misfits
from edge_inspector.app.main import Daemon
from edge_inspector.app.planning import place_of
from edge_inspector.app.ready import Ready, ReadyView
from edge_inspector.app.trust import trust_of
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import Trust
from edge_inspector.bundle.store import hold
from edge_inspector.core.errors import (
    BundleError,
    EdgeInspectorError,
    ProcessError,
    SettingsError,
    UsageError,
)
from edge_inspector.core.logs import get_log
from edge_inspector.observe.logs import configure_logging
from edge_inspector.observe.notify import Notifier
from edge_inspector.run.scheduling import stand_behind, take_place
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import LineMap
from edge_inspector.settings.load import load_line_with_lines
from edge_inspector.settings.performance import missing_cores

log = get_log(__name__)

STAYS_DOWN = (UsageError.exit_code, BundleError.exit_code, SettingsError.exit_code)
"""Exit codes after which the unit is not started again (`RestartPreventExitStatus=`)."""
_STATUS_CHARS = 500
"""Of an error in the status line: a person reads it on one screen."""


def prepare(config: Path) -> Ready:
    """Load and check everything that can be checked without hardware.

    Raises: as `prepare_settings`.
    """
    return prepare_settings(*load_line_with_lines(config))


def prepare_settings(settings: LineSettings, lines: LineMap, precision: str | None = None) -> Ready:
    """Load and check what settings name.

    Args:
        settings: Of the line.
        lines: Of its file.
        precision: Of the graphs that are loaded; None for those that the settings name.

    Raises:
        SettingsError: Every mistake in the file, with its line; or a baseline that is damaged or of another camera.
        BundleError: A bundle is missing or damaged, or nobody who is trusted signed it.
        KeysError: A key that is to be trusted cannot be read.
    """
    baselines = [load_baseline(view, place) for place, view in enumerate(settings.views())]
    bundles: dict[tuple[Path, str, Trust], Bundle] = {}
    views = []
    for view, baseline in zip(settings.views(), baselines, strict=True):
        path, graph, trust = asked = view.model.bundle, precision or view.model.graph, trust_of(view.model)
        if asked not in bundles:
            bundles[asked] = load_bundle(path, graph, trust=trust)
        views.append(ReadyView(view, bundles[asked], baseline))
    mistakes = misfits(settings.views(), views, lines)
    offered = os.sched_getaffinity(0)
    mistakes += [lines.mistake(path, what) for path, what in missing_cores(settings.performance, offered)]
    if mistakes:
        raise SettingsError(sorted(mistakes, key=lambda mistake: mistake.line or 0))
    return Ready(settings, tuple(views))


def run_line(config: Path) -> int:
    """Run the daemon of one line; returns its exit code. What ends it with an error the service manager hears too."""
    notifier = Notifier(dict(os.environ))  # a copy: the daemon takes the words away, lest a child believes it is meant
    notifier.status("starting")
    try:
        return _run_line(config)
    except EdgeInspectorError as error:
        notifier.status(status_of(error))
        raise


def status_of(error: EdgeInspectorError) -> str:
    """Return an error as one line for `systemctl status`: what is wrong first, and whether it is tried again."""
    first, *more = str(error).splitlines() or [type(error).__name__]
    others = f" (and {len(more)} more, see the log)" if more else ""
    is_tried = error.exit_code not in STAYS_DOWN
    then = "it is tried again" if is_tried else "it stays down until that is repaired and it is started by hand"
    return f"failed: {first[:_STATUS_CHARS]}{others}; exit code {error.exit_code}, {then}"


def _run_line(config: Path) -> int:
    ready = prepare(config)
    for view in ready.views:
        hold(view.bundle.path)
    configure_logging(ready.settings.log, ready.settings.line, "main")
    for place, view in enumerate(ready.views):
        if view.baseline is None:
            file, camera = baseline_path(view.settings, place), view.settings.camera.name
            detail = f"focus and brightness are not checked until `camera baseline` writes {file}"
            log.info("no_baseline", camera=camera, detail=detail)
    daemon = Daemon(_settled_here(ready.settings), ready.views, config)
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
