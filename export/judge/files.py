"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

from edge_inspector.core.errors import UsageError


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file in one piece: readers see the old one or the new one, never a half.

    Raises:
        UsageError: The disk is full, or the folder may not be written; the file is as it was.
    """
    draft = file.with_name(file.name + ".tmp")
    data = content.encode() if isinstance(content, str) else content
    try:
        with draft.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"{file} could not be written ({error.strerror}); make room or change its folder") from error
    except KeyboardInterrupt:
        draft.unlink(missing_ok=True)
        raise
