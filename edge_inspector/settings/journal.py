"""`journal:` every verdict, kept before it is sent."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from edge_inspector.settings.lines import KeyPath
from edge_inspector.settings.section import AnyPath, Section

LEAST_SEGMENTS = 4
"""One is written, one is ready, one is being copied, and what is kept."""


class JournalSettings(Section):
    """The record from which clients get verdicts that they missed. It is bounded: the oldest go first."""

    folder: AnyPath | None = None
    """Where it lies, relative to this file; left out: `journal` in `state_dir`. On a file system of its own no other
    program can take its room."""
    max_mb: int = Field(default=1024, ge=4, le=1_000_000)
    """It never takes more disk; a verdict takes about 1.5 kB, for the newest 2 x `segment_mb` up to 8 kB."""
    segment_mb: int = Field(default=16, ge=1, le=1024)
    """Disk that is reserved at once; twice as much from the start."""


def journal_faults(journal: JournalSettings) -> Iterator[tuple[KeyPath, str]]:
    """Return what does not fit together, with the key it is told at."""
    least = LEAST_SEGMENTS * journal.segment_mb
    if journal.max_mb < least:
        yield (
            ("journal", "max_mb"),
            f"{journal.max_mb} MB are fewer than {LEAST_SEGMENTS} segments of {journal.segment_mb}: one is written, "
            f"one ready, one copied; at least {least}, or lower journal.segment_mb",
        )
