"""Files that are whole or not there, whatever ends the program while it writes."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
from contextlib import suppress
from pathlib import Path

from edge_inspector.core.errors import UsageError


def put_whole(file: Path, content: bytes, mode: int = 0o666) -> None:
    """Put `content` in place of `file` at once: readers see the old one or the new one, never a half.

    Of two that write it at the same time the later one stays. What a killed one left beside it is removed by the next.

    Args:
        file: In a folder that is there.
        content: All of it.
        mode: Who may read it, from the first byte on; the umask takes off its part.

    Raises:
        OSError: The disk is full, or the folder may not be written; the file is as it was.
    """
    _remove_left(file)
    draft, handle = _make_draft(file, mode)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(handle)
            draft.replace(file)  # while it is locked: a writer beside this one would take it for a leftover
    finally:
        draft.unlink(missing_ok=True)  # there only when something ended the writing, Ctrl-C too


def write_whole(file: Path, content: bytes | str, mode: int = 0o666) -> None:
    """Do the same; text is written as UTF-8.

    Raises:
        UsageError: The same, in words.
    """
    try:
        put_whole(file, content.encode() if isinstance(content, str) else content, mode)
    except OSError as error:
        raise UsageError(f"{file} could not be written ({error.strerror}); make room or change its folder") from error


def _make_draft(file: Path, mode: int) -> tuple[Path, int]:
    """Return a new file beside `file`, open and locked: the lock ends with the process, however that ends."""
    while True:
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}.tmp")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with suppress(OSError):  # a file system without locks: there no leftover is removed either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return draft, handle
        os.close(handle)  # another writer locked it first, and removed it


def _remove_left(file: Path) -> None:
    """Remove the drafts of `file` that no process holds."""
    for left in file.parent.glob(f"{glob.escape(file.name)}.{'[0-9a-f]' * 8}.tmp"):
        with suppress(OSError):  # being written, another user's, or gone meanwhile
            handle = os.open(left, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)
