"""Files and folders of this room that are whole or not there."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge_inspector.bundle.store import is_held
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

    A process that was killed cannot remove its own: the next one that writes the same `folder` does.

    Raises:
        UsageError: `folder` is there already, or the disk refuses.
    """
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists; name a new folder, or remove it first: a bundle is never written over")
    draft: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(folder)
        draft = Path(tempfile.mkdtemp(prefix=_draft_prefix(folder), dir=folder.parent))
        with _held(draft):
            yield draft
            draft.chmod(0o755)
            draft.rename(folder)
    except OSError as error:
        raise UsageError(f"{folder} could not be written ({error.strerror}); make room or change its folder") from error
    finally:
        if draft is not None:
            with suppress(OSError):
                shutil.rmtree(draft, ignore_errors=True)


def _draft_prefix(folder: Path) -> str:
    # `draft` is in the name so that nothing a person hid beside the folder is ever taken for a leftover.
    return f".{folder.name}.draft-"


def _remove_left(folder: Path) -> None:
    """Remove the drafts of `folder` that no process holds; one that cannot be told stays."""
    for left in folder.parent.glob(f"{glob.escape(_draft_prefix(folder))}*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            if not is_held(left):
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _held(draft: Path) -> Iterator[None]:
    """Lock a draft while the block runs; the lock ends with the process, however that ends."""
    # A process's number in the name would say less: it comes again, and means nothing in a container beside this one.
    handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks: there every draft passes for held, and none is removed
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
