"""From a configuration file to a running line, or to everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_inspector.app.main import Daemon
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.core.errors import ProcessError, SettingsError
from edge_inspector.core.logs import get_log
from edge_inspector.observe.logs import configure_logging
from edge_inspector.settings.against_bundle import BundleFacts, check_against_bundle
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.load import load_line_with_lines

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A configuration and its bundle, checked against each other."""

    settings: LineSettings
    bundle: Bundle


def prepare(config: Path) -> Ready:
    """Load and check everything that can be checked without hardware.

    Raises:
        SettingsError: Every mistake in the file, with its line.
        BundleError: The bundle is missing or damaged.
    """
    settings, lines = load_line_with_lines(config)
    bundle = load_bundle(settings.model.bundle)
    manifest = bundle.manifest
    facts = BundleFacts(manifest.labels, manifest.tile_hw, manifest.channels, manifest.limits)
    mistakes = check_against_bundle(settings, facts, lines)
    if mistakes:
        raise SettingsError(mistakes)
    return Ready(settings, bundle)


def run_line(config: Path) -> int:
    """Run the daemon of one line; returns its exit code."""
    ready = prepare(config)
    configure_logging(ready.settings.log, ready.settings.line, "main")
    daemon = Daemon(ready.settings, ready.bundle, config)
    status = daemon.run()
    if daemon.failure:
        error = ProcessError(daemon.failure)
        error.exit_code = status
        raise error
    return status
