"""What a source says of its pictures, before any of them was opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge_inspector.core.errors import UsageError
from export.data.picture import Label, Split

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Files that are pictures, whatever the case of their suffix; those that the line replays."""


@dataclass(frozen=True, slots=True)
class Runs:
    """A mask, or one class of it, as run lengths of a CSV."""

    where: str
    """File and line, for errors."""
    text: str
    """`start length start length …`, starts from 1, down the columns."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture as its source names it."""

    where: str
    """What to look at when something is wrong: the file, or a line of a CSV."""
    file: Path
    label: Label | None
    """None: the mask says it."""
    group: str = ""
    """Empty: the rule of `--group-by` says it."""
    key: str = ""
    """Name inside the source without its label and its suffix: what sub-folder, mask and group go by."""
    mask: Path | None = None
    runs: tuple[Runs, ...] = ()
    """The mask, where the source has run lengths; none with label OK: no defect."""
    split: Split | None = None
    """None: nobody said."""
    cls: str = ""
    time_s: float | None = None
    """When it was taken, seconds since 1970; None: ask the file."""
    facts: tuple[tuple[str, str], ...] = ()
    """Other keys that a group may go by."""


@dataclass(slots=True)
class Source:
    """Everything that was found, and what is wrong with it."""

    kind: str
    found: list[Found] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a person should know, though nothing is wrong."""


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder and its sub-folders, by name; hidden ones are left out.

    Raises:
        UsageError: The folder cannot be read.
    """
    try:
        files = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.is_dir()]
    except OSError as error:
        raise UsageError(f"{folder} cannot be read ({error.strerror}); check its path and permissions") from error
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def masks_by_key(folder: Path) -> dict[str, Path]:
    """Return the masks of a folder by their name without suffix; empty when there is no such folder."""
    if not folder.is_dir():
        return {}
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in list_pictures(folder)}
