"""Reading the files of a bundle's folder, comparing each with the manifest. Knows no JSON."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from edge_inspector.bundle.manifest import MANIFEST_FILE, FileEntry
from edge_inspector.bundle.signature import SIGNATURE_FILE
from edge_inspector.core.errors import BundleError

NEXT = "copy the bundle again from where it was made, or export it again"
"""What to do about damage: nothing in a bundle is repaired by hand."""


class FolderFiles:
    """The files of a bundle that lies open in a folder.

    Args:
        folder: May itself be a link, nothing inside it may.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, path: str) -> str:
        """Return how messages call a file of the bundle."""
        return str(self._folder / path)

    def read(self, path: str, limit: int) -> bytes:
        """Return at most `limit` + 1 bytes of a file.

        Raises:
            BundleError: No such file, no permission, or not a plain file.
        """
        return read_plain(self._folder / path, limit)

    def holds(self, path: str) -> bool:
        """Return whether there is something of that name."""
        return os.path.lexists(self._folder / path)

    def check_listing(self, files: Mapping[str, FileEntry]) -> None:
        """Raise BundleError unless here are exactly the manifest's files: none missing, none added, no links."""
        found: set[str] = set()
        for root, directories, names in os.walk(self._folder, followlinks=False):
            for name in (*directories, *names):
                path = Path(root, name)
                if path.is_symlink():
                    raise BundleError(f"{path}: is a link, and a bundle holds only files of its own; {NEXT}")
            found.update(Path(root, name).relative_to(self._folder).as_posix() for name in names)
        compare_listing(str(self._folder), found, files)


def compare_listing(bundle: str, found: set[str], files: Mapping[str, FileEntry]) -> None:
    """Raise BundleError unless the files found are those of the manifest, itself and its signature."""
    if missing := sorted(set(files) - found):
        raise BundleError(f"{bundle}: lacks {len(missing)} of {len(files)} files, first {missing[0]}; {NEXT}")
    if added := sorted(found - set(files) - {MANIFEST_FILE, SIGNATURE_FILE}):
        raise BundleError(
            f"{bundle}: holds {len(added)} files that the manifest does not list, first {added[0]!a}; "
            f"remove them, or {NEXT}"
        )


def check_content(place: str, content: bytes, entry: FileEntry) -> None:
    """Raise BundleError when a file's bytes differ from its entry in size or sha256."""
    if len(content) != entry.size:
        more = "more than " if len(content) > entry.size else ""
        size = entry.size if more else len(content)
        raise BundleError(f"{place}: has {more}{size} bytes, but the manifest says {entry.size}; {NEXT}")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != entry.sha256:
        raise BundleError(
            f"{place}: is damaged: its sha256 is {sha256[:12]}…, but the manifest says {entry.sha256[:12]}…; {NEXT}"
        )


def read_plain(path: Path, limit: int) -> bytes:
    """Return at most `limit` + 1 bytes of a plain file; never follows a link, never waits on a pipe.

    Raises:
        BundleError: No such file, no permission, or not a plain file.
    """
    try:
        with open_plain(path, os.O_NOFOLLOW) as file:
            return file.read(limit + 1)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); check the disk, then {NEXT}") from error


def open_plain(path: Path, flags: int = 0) -> BinaryIO:
    """Open a plain file for reading, without waiting on a pipe.

    Raises:
        BundleError: No such file, no permission, or not a plain file.
    """
    try:
        # NONBLOCK: opening a pipe without a writer would otherwise wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    file = open(descriptor, "rb")  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise BundleError(f"{path}: is not a plain file; {NEXT}")
    return file
