"""Who else on this computer may change what decides, or read what is secret."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from edge_inspector.core.errors import KeysError
from edge_inspector.doctor.row import Row

_NAME = "permissions"
_OTHERS_WRITE = stat.S_IWOTH
_READ_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


def open_to_others(what: str, path: Path) -> Iterator[Row]:
    """Yield what lets any user of this computer replace a file or folder: its mode, or that of a folder above it."""
    for place in (path, *Path(os.path.abspath(path)).parents):
        try:
            status = place.stat()
        except OSError:
            continue  # whether it is there is another check's business
        # In a folder with the sticky bit, such as /tmp, only the owner may replace what lies in it.
        is_guarded = place != path and status.st_mode & stat.S_ISVTX
        if status.st_mode & _OTHERS_WRITE and not is_guarded:
            yield Row.warning(
                _NAME,
                f"{place} may be written by every user (mode {_mode(status)}), who may then replace the {what}",
                f"sudo chmod o-w {place}",
            )


def secrets_open_to_others(folder: Path) -> Iterator[Row]:
    """Yield each secret key in a folder that others may read, and the folder if others may write it."""
    try:
        status = folder.stat()
        names = sorted(name for name in os.listdir(folder) if name.endswith(".key"))
    except OSError:
        return
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield Row.failed(
            _NAME,
            f"{folder} may be written by others (mode {_mode(status)}), who could let anybody in",
            f"sudo chmod 700 {folder}",
            KeysError.exit_code,
        )
    for name in names:
        found = (folder / name).stat()
        if found.st_mode & _READ_BY_OTHERS:
            yield Row.failed(
                _NAME,
                f"{folder / name} may be read by others (mode {_mode(found)}): they can speak as its owner",
                f"sudo chmod 600 {folder / name}, and make the key anew if others use this computer",
                KeysError.exit_code,
            )


def owner(path: Path) -> str:
    """Return whose a file is, by name where there is one. Raises OSError."""
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"
