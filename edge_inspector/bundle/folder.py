"""Reading the files of a bundle's folder, comparing each with the manifest. Knows no JSON."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from edge_inspector.bundle.manifest import MANIFEST_FILE, FileEntry
from edge_inspector.core.errors import BundleError

_NEXT = "copy the bundle again from where it was made, or export it again"


def check_listing(folder: Path, files: Mapping[str, FileEntry]) -> None:
    """Raise BundleError unless the folder holds exactly the manifest's files: none missing, none added, no links."""
    found: set[str] = set()
    for root, directories, names in os.walk(folder, followlinks=False):
        for name in (*directories, *names):
            path = Path(root, name)
            if path.is_symlink():
                raise BundleError(f"{path}: is a link, and a bundle holds only files of its own; {_NEXT}")
        found.update(Path(root, name).relative_to(folder).as_posix() for name in names)
    if missing := sorted(set(files) - found):
        raise BundleError(f"{folder}: lacks {len(missing)} of {len(files)} files, first {missing[0]}; {_NEXT}")
    if added := sorted(found - set(files) - {MANIFEST_FILE}):
        raise BundleError(
            f"{folder}: holds {len(added)} files that the manifest does not list, first {added[0]!a}; "
            f"remove them, or {_NEXT}"
        )


def read_listed(folder: Path, entry: FileEntry) -> bytes:
    """Return a file's bytes, read once; these very bytes are what was hashed.

    Raises:
        BundleError: The file is missing, not a plain file, or differs in size or sha256 from the manifest.
    """
    path = folder / entry.path
    content = read_plain(path, entry.size)
    if len(content) != entry.size:
        more = "more than " if len(content) > entry.size else ""
        size = entry.size if more else len(content)
        raise BundleError(f"{path}: has {more}{size} bytes, but the manifest says {entry.size}; {_NEXT}")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != entry.sha256:
        raise BundleError(
            f"{path}: is damaged: its sha256 is {sha256[:12]}…, but the manifest says {entry.sha256[:12]}…; {_NEXT}"
        )
    return content


def read_plain(path: Path, limit: int) -> bytes:
    """Return at most `limit` + 1 bytes of a plain file; never follows a link, never waits on a pipe.

    Raises:
        BundleError: No such file, no permission, or not a plain file.
    """
    try:
        # NONBLOCK: opening a pipe without a writer would otherwise wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    try:
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BundleError(f"{path}: is not a plain file; {_NEXT}")
            return file.read(limit + 1)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); check the disk, then {_NEXT}") from error
