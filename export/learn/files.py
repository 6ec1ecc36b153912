"""Files that are whole or not there, whatever ends the program while it writes."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from edge_inspector.core.errors import UsageError
from export.whole_file import put_whole

UNREADABLE = (
    OSError,
    RuntimeError,
    EOFError,
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What torch raises on a damaged file of tensors: it has no error of its own for it, and its words tell how to load a
file that should not be trusted."""


def write_whole(file: Path, content: bytes) -> None:
    """Put `content` in place of `file` at once; the folder is made.

    Raises:
        UsageError: The disk is full or refuses; what was there before stays.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        put_whole(file, content)
    except OSError as error:
        raise cannot_write(file, error) from error


def cannot_write(file: Path, error: OSError) -> UsageError:
    """Return the error for a person: what could not be written, and that nothing is lost."""
    return UsageError(
        f"{file} cannot be written ({error.strerror or error}); free space or change permissions, "
        "then run the same command again: it goes on where it stopped"
    )


def write_json(file: Path, values: object) -> None:
    """Write a JSON file at once, the same bytes for the same values."""
    write_whole(file, (json.dumps(values, indent=1) + "\n").encode())


def write_tensors(file: Path, values: object) -> None:
    """Write tensors at once; the bytes do not depend on the file's name."""
    out = io.BytesIO()
    torch.save(values, out)
    write_whole(file, out.getvalue())


def check_sums(file: Path) -> None:
    """Raise ValueError when a checksum in a file of tensors is wrong: torch writes them, and never looks at them.

    A file of torch's older form has none.
    """
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as packed:
        if (damaged := packed.testzip()) is not None:
            raise ValueError(f"{damaged} is damaged")


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Own a folder while the block runs; the lock ends with the process, however that ends.

    Raises:
        UsageError: Another process works in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"{folder} cannot be used as a run folder ({error.strerror}); name another") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UsageError(f"another training works in {folder}; wait for it, or name another folder") from error
    finally:
        os.close(handle)
