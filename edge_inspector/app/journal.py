"""The journal as main sees it: where it lies, which run of numbers goes on, and what clients must be told of it."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.settings.line import LineSettings


def journal_folder(settings: LineSettings) -> Path:
    """Return the folder of the line's journal."""
    return settings.state_dir / "journal"
