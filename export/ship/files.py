"""Files and folders of this room that are whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import UsageError
from export.whole_file import write_whole


def write_json(file: Path, values: dict[str, Any]) -> None:
    """Write JSON in one piece."""
    write_whole(file, (json.dumps(values, indent=1) + "\n").encode())


def read_json(file: Path, step: str) -> dict[str, Any]:
    """Return what `write_json` wrote.

    Raises:
        UsageError: It is not there or damaged; names the step that makes it.
    """
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise UsageError(f"{file} does not exist; run first: python -m export {step}") from error
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{file} is damaged ({error}); run again: python -m export {step}") from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `folder` when the block ends well, and is gone when it does not.

    Raises:
        UsageError: `folder` is there already, or the disk refuses.
    """
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists; name a new folder, or remove it first: a bundle is never written over")
    draft: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        yield draft
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError as error:
        raise UsageError(f"{folder} could not be written ({error.strerror}); make room or change its folder") from error
    finally:
        if draft is not None:
            with suppress(OSError):
                shutil.rmtree(draft, ignore_errors=True)
