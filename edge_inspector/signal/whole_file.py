"""Files that are there whole or not at all, with a mode of their own whatever the umask says."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_inspector.core.errors import KeysError

PRIVATE = 0o600
"""For secrets, and for the list of who may connect."""
PUBLIC = 0o644
"""For what is meant to be handed on."""


def make_file(path: Path, text: str, mode: int) -> None:
    """Write a new file and see it on the disk.

    Raises:
        FileExistsError: There is one already; it is left as it is.
        KeysError: The folder does not take it.
    """
    with _draft(path, text, mode) as draft:
        os.link(draft, path)  # unlike a rename it fails where there is one


def replace_file(path: Path, text: str, mode: int) -> None:
    """Write a file in the place of the one that may be there; a reader sees the one or the other.

    Raises:
        KeysError: The folder does not take it.
    """
    with _draft(path, text, mode) as draft:
        os.replace(draft, path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other programs that change files of this folder out, so that none undoes what another one did.

    Raises:
        KeysError: The folder cannot be used.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KeysError(f"folder {folder} cannot be used: {error.strerror}; see to that path") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def _draft(path: Path, text: str, mode: int) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            _give_to_owner_of(path.parent, fd)
            os.fchmod(fd, mode)
            file.write(text)
            file.flush()
            os.fsync(fd)
        yield draft
        _sync(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise KeysError(f"{path} cannot be written: {error.strerror}; see to that folder") from error
    finally:
        with suppress(OSError):
            os.unlink(draft)


def _give_to_owner_of(folder: Path, fd: int) -> None:
    """Let root write for the service's user: a file that only root can read would lock the line out."""
    if os.geteuid() == 0:
        owner = os.stat(folder)
        os.fchown(fd, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
