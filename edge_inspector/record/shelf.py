"""The evidence folder on disk: what lies in it, in which order, how big; writing and removing whole sets."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_DAY = re.compile(r"[0-9]{8}")
# Name of the part, the camera's where there are several, and what it is.
_OURS = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9_-]{0,95})(\.json|(\.[a-z0-9][a-z0-9-]{0,31})?(\.jpg|\.png|\.annotated\.jpg))"
)
TMP = ".tmp"


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """The files of one part."""

    day: str
    """`YYYYMMDD`, the folder."""
    evidence_id: str
    names: tuple[str, ...]
    n_bytes: int


class Shelf:
    """Sets of evidence in `<folder>/<day>/`, oldest first; used from one thread.

    The index is built once by reading the folder and then kept in memory: a full folder has tens of thousands of files.
    Every write and removal works relative to an opened day folder that is not a link, so a folder or file that
    was replaced by a link leads nowhere. All methods raise OSError as the disk gives it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sets: dict[tuple[str, str], EvidenceSet] = {}
        self.n_bytes = 0
        """Bytes of all files in the folder, also of those that are not evidence."""

    def open(self) -> None:
        """Make the folder, remove what a crash left half written, and learn what is there."""
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        found: dict[tuple[str, str], list[tuple[str, os.stat_result]]] = {}
        n_bytes = 0
        for path in _files_below(self._folder):
            if path.name.endswith(TMP):
                path.unlink()
                continue
            info = path.lstat()
            n_bytes += info.st_size
            match = _OURS.fullmatch(path.name)
            if match and path.parent.parent == self._folder and _DAY.fullmatch(path.parent.name):
                found.setdefault((path.parent.name, match[1]), []).append((path.name, info))
        # The order of writing; the folder's day and the id settle files of the same clock tick.
        by_age = sorted(found, key=lambda key: (min(info.st_mtime_ns for _, info in found[key]), key))
        self._sets = {
            key: EvidenceSet(*key, tuple(name for name, _ in found[key]), sum(i.st_size for _, i in found[key]))
            for key in by_age
        }
        self.n_bytes = n_bytes

    def __len__(self) -> int:
        """Return the number of sets."""
        return len(self._sets)

    def has(self, day: str, evidence_id: str) -> bool:
        """Return whether a set of that name is there."""
        return (day, evidence_id) in self._sets

    def free_bytes(self) -> int:
        """Return what a program without privileges may still write to this disk."""
        info = os.statvfs(self._folder)
        return info.f_bavail * info.f_frsize

    def put(self, day: str, evidence_id: str, blobs: Mapping[str, bytes]) -> tuple[Path, ...]:
        """Write a set so that it is whole or not there, also after a power cut; returns its paths.

        Raises:
            OSError: Nothing of it is left, as far as the disk allows.
        """
        with self._opened_day(day) as day_fd:
            done: list[str] = []
            try:
                for name, data in blobs.items():
                    _write_durably(day_fd, name, data)
                    done.append(name)
                os.fsync(day_fd)
            except OSError:
                for name in done:
                    with contextlib.suppress(OSError):
                        os.unlink(name, dir_fd=day_fd)
                raise
        n_bytes = sum(map(len, blobs.values()))
        self._sets[(day, evidence_id)] = EvidenceSet(day, evidence_id, tuple(blobs), n_bytes)
        self.n_bytes += n_bytes
        return tuple(self._folder / day / name for name in blobs)

    def evict_oldest(self) -> int:
        """Remove the oldest set as a whole; returns its bytes, 0 when there is none."""
        key = next(iter(self._sets), None)
        if key is None:
            return 0
        oldest = self._sets[key]
        # A person may have removed files, or the whole day, by hand: that is as good.
        with contextlib.suppress(FileNotFoundError), self._opened_day(oldest.day, create=False) as day_fd:
            for name in oldest.names:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=day_fd)
        del self._sets[key]
        self.n_bytes -= oldest.n_bytes
        with contextlib.suppress(OSError):  # not empty, or gone
            (self._folder / oldest.day).rmdir()
        return oldest.n_bytes

    @contextlib.contextmanager
    def _opened_day(self, day: str, create: bool = True) -> Iterator[int]:
        place = self._folder / day
        if create and not place.is_dir():
            place.mkdir(mode=0o750, parents=True)
            _fsync_folder(self._folder)
        day_fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield day_fd
        finally:
            os.close(day_fd)


def _write_durably(day_fd: int, name: str, data: bytes) -> None:
    """Write under another name, sync, then rename: a final name never stands for half a file."""
    tmp = name + TMP
    file_fd = os.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640, dir_fd=day_fd)
    try:
        with open(file_fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file_fd)
        os.rename(tmp, name, src_dir_fd=day_fd, dst_dir_fd=day_fd)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(tmp, dir_fd=day_fd)
        raise


def _fsync_folder(folder: Path) -> None:
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)


def _files_below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder, onerror=_raise):  # does not follow links
        for name in names:
            yield Path(place, name)


def _raise(error: OSError) -> None:
    raise error
