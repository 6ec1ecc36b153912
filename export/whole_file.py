"""Files that are whole or not there, whatever ends the program while it writes."""

from __future__ import annotations

import os
from pathlib import Path

from edge_inspector.core.errors import UsageError


def put_whole(file: Path, content: bytes, mode: int = 0o666) -> None:
    """Put `content` in place of `file` at once: readers see the old one or the new one, never a half.

    Args:
        file: In a folder that is there.
        content: All of it.
        mode: Who may read it, from the first byte on; the umask takes off its part.

    Raises:
        OSError: The disk is full, or the folder may not be written; the file is as it was.
    """
    draft = file.with_name(file.name + ".tmp")
    try:
        draft.unlink(missing_ok=True)  # of a program that was killed, with whatever rights it had
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
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
