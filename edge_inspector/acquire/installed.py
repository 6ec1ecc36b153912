"""Where the camera makers' packages say that their GenTL producers are. Loads none of them."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "GENICAM_GENTL64_PATH"
"""Folders, parted by colons; set by the packages at login."""


def installed_producers() -> list[str]:
    """Return the .cti files in the folders that the variable names, each once, sorted."""
    return sorted({str(path) for folder in _folders() for path in folder.glob("*.cti")})


def where_searched() -> str:
    """Return in words where producers were looked for and why there is none; of folders that hold some, only that."""
    if VARIABLE not in os.environ:
        return f"{VARIABLE} is not set"
    folders = _folders()
    if not folders:
        return f"{VARIABLE} is empty"
    return f"{VARIABLE} names {', '.join(f'{folder} ({_state(folder)})' for folder in folders)}"


def _folders() -> list[Path]:
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    return list(dict.fromkeys(Path(name.strip()) for name in named if name.strip()))


def _state(folder: Path) -> str:
    if folder.is_file():
        return "a file; the variable names folders"
    if not folder.exists():
        return "no such folder"
    try:
        n_others = sum(1 for _ in folder.iterdir())
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    n_producers = len(list(folder.glob("*.cti")))
    if n_producers:
        return f"{n_producers} .cti file{'s' * (n_producers > 1)}"
    return f"no .cti file among {n_others}" if n_others else "an empty folder"
