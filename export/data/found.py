"""What a source says of its pictures, before any of them was opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edge_inspector.core.errors import UsageError
from export.data.picture import Label, Split

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Files that are pictures, whatever the case of their suffix; those that the line replays."""

OF_DESKTOPS = ("Thumbs.db", "desktop.ini")
"""What file managers leave in folders of pictures."""


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
    return [path for path in files_below(folder) if path.suffix.lower() in SUFFIXES]


def note_others(folders: Iterable[Path], notes: list[str]) -> None:
    """Note the files of folders that are none of the pictures: a person may take them for some."""
    others = [path for folder in folders for path in files_below(folder) if path.suffix.lower() not in SUFFIXES]
    if others := [path for path in others if path.name not in OF_DESKTOPS]:
        notes.append(
            f"{len(others)} files are no PNG, JPEG, BMP or TIFF and are left out, first {shown(others[0])}; save "
            "pictures among them as one of these"
        )


def masks_by_key(folder: Path, problems: list[str]) -> dict[str, Path]:
    """Return the masks of a folder by their name without suffix; empty when there is no such folder.

    Args:
        folder: Of the masks.
        problems: Gets a line for each name that two masks have.
    """
    masks: dict[str, Path] = {}
    for path in list_pictures(folder) if folder.is_dir() else []:
        key = path.relative_to(folder).with_suffix("").as_posix()
        if (other := masks.setdefault(key, path)) != path:
            problems.append(f"{path}: {other} is a mask of the same picture; remove one")
    return masks


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder, by name, through links too; nothing hidden, and each folder once."""
    files, seen = list[Path](), set[tuple[int, int]]()
    try:
        for place, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
            status = os.stat(place)
            if (key := (status.st_dev, status.st_ino)) in seen:  # a link back up, or to what was read
                folders.clear()
                continue
            seen.add(key)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            files += [Path(place, name) for name in names if not name.startswith(".")]
    except OSError as error:
        raise UsageError(f"{folder} cannot be read ({error.strerror}); check its path and permissions") from error
    return sorted(files)


def shown(path: Path) -> str:
    """Return a path that any page can hold, though its name may be no UTF-8."""
    return str(path).encode(errors="backslashreplace").decode()


def _raise(error: OSError) -> None:
    raise error
