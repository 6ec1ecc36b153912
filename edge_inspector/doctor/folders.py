"""Folders that a line writes to: whether it may, what is left, how long a sync takes, and what the disk says."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.doctor.row import Row

MB = 1_000_000
SLOW_S = 0.1
"""A disk that syncs some bytes in more than that delays the journal's rows and so verdicts."""
MOST_FILES = 50_000
"""Files of an evidence folder that are counted, in about a quarter of a second; then the answer is `at least`."""
_NETWORKED = {"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "glusterfs"}
_FORGETS = {"tmpfs", "ramfs", "overlay"}


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system below a folder."""

    kind: str
    """As /proc/mounts calls it; `unknown` where that cannot be read."""
    device: str
    free_bytes: int
    is_read_only: bool


def disk_of(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> Disk:
    """Return the disk of a folder that is there. Raises OSError."""
    found = os.statvfs(folder)
    status = os.stat(folder)
    wanted = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    kind, device = "unknown", "unknown"
    with suppress(OSError):
        for row in mounts.read_text(errors="replace").splitlines():
            before, _, after = row.partition(" - ")
            if before.split()[2] == wanted:
                kind, device = after.split()[:2]
    return Disk(kind, device, found.f_bavail * found.f_frsize, bool(found.f_flag & os.ST_RDONLY))


def nearest(folder: Path) -> Path:
    """Return a folder, or what is there of the way to it: what is missing the line makes."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def missing_row(name: str, folder: Path) -> Row | None:
    """Return the row of a folder that is not there; None for one that is."""
    if folder.is_dir():
        return None
    above = nearest(folder)
    if folder.exists():
        return Row.failed(name, f"{folder} is no folder", "move it away, or name another")
    if os.access(above, os.W_OK | os.X_OK, effective_ids=True):
        return Row.ok(name, f"{folder} is not there yet; the line makes it in {above}, which may be written")
    return Row.failed(name, f"{folder} is not there, and {above} may not be written by {user()}",
                      "make it, and give it to the line's user (chown)")  # fmt: skip


def write_row(name: str, folder: Path) -> Row:
    """Write a file of its own name, sync and remove it; says how long the sync took."""
    path = folder / f".doctor-{os.getpid()}-{secrets.token_hex(4)}"
    began_s = time.monotonic()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, b"edge-inspector doctor\n" * 200)
            os.fsync(fd)
        finally:
            os.close(fd)
            os.unlink(path)
    except OSError as error:
        return Row.failed(name, f"{folder} cannot be written by {user()}: {error.strerror}",
                          "free the disk, mount it to be written, or give the folder to the line's user")  # fmt: skip
    took_s = time.monotonic() - began_s
    seen = f"{folder}: {user()} wrote, synced and removed a file in {took_s * 1000:.1f} ms"
    if took_s > SLOW_S:
        return Row.warning(name, seen, "a disk that slow delays verdicts: look at its health (smartctl) and its load")
    return Row.ok(name, seen)


def disk_row(name: str, folder: Path, sys: Path = Path("/sys")) -> Row:
    """Return what a folder's file system is, and what it says of itself."""
    disk = disk_of(folder)
    seen = f"{folder} is on {disk.kind} ({disk.device}), {disk.free_bytes // MB} MB free"
    if disk.is_read_only:
        return Row.failed(name, f"{seen}, READ-ONLY", "find out why (journalctl -k), mend the disk, mount it again")
    with suppress(OSError, ValueError):
        n = int((sys / "fs/ext4" / Path(disk.device).name / "errors_count").read_text())
        if n:
            return Row.warning(name, f"{seen}; it has counted {n} errors", "save what is on it, and check it (e2fsck)")
    if disk.kind in _NETWORKED:
        return Row.warning(
            name, f"{seen}, over a network", "use a disk of this computer: a network that hangs stops parts"
        )
    if disk.kind in _FORGETS:
        return Row.warning(name, f"{seen}, which forgets at a restart", "use a disk")
    return Row.ok(name, seen)


def room_row(name: str, folder: Path, used_bytes: int, most_bytes: int, keep_free_bytes: int) -> Row:
    """Return whether a folder can grow to its limit.

    Args:
        name: Of the row.
        folder: That is there.
        used_bytes: What is in it now.
        most_bytes: What it may grow to.
        keep_free_bytes: What must stay free beside it.
    """
    free = disk_of(folder).free_bytes
    needs = max(0, most_bytes - used_bytes) + keep_free_bytes
    seen = f"{used_bytes // MB} of {most_bytes // MB} MB used, {free // MB} MB free"
    if free < keep_free_bytes:
        return Row.warning(name, f"{seen}, less than the {keep_free_bytes // MB} that must stay free: nothing is kept",
                           "free the disk")  # fmt: skip
    if free < needs:
        return Row.warning(name, f"{seen}: the disk is full before the limit is reached ({needs // MB} MB needed)",
                           "free the disk, or lower the limit")  # fmt: skip
    return Row.ok(name, seen)


def used_bytes(folder: Path) -> tuple[int, int]:
    """Return bytes and files below a folder; at most MOST_FILES are looked at."""
    n_bytes = n_files = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                n_bytes += os.lstat(Path(place, name)).st_size
            n_files += 1
            if n_files >= MOST_FILES:
                return n_bytes, n_files
    return n_bytes, n_files


def user() -> str:
    """Return who asks."""
    import pwd

    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
