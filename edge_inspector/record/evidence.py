"""Keeping evidence within its bounds: quota, free disk, and what to do when the disk says no."""

from __future__ import annotations

import errno
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from edge_inspector.core.logs import get_log
from edge_inspector.record.item import EvidenceFormat, EvidenceItem, day_of, encode, is_safe_id
from edge_inspector.record.shelf import Shelf

log = get_log(__name__)

DROP_REASONS = (
    "bad_id",  # an id that is not a plain file name
    "bad_item",  # a body that is not JSON, or a picture that cannot be encoded
    "duplicate",  # an id that is already kept: evidence is never overwritten
    "too_large",  # bigger than the quota, or the quota is taken by files that are not evidence
    "disk_low",  # less free disk than `min_free_mb` after the oldest went
    "disk_full",
    "read_only",
    "permission",
    "io_error",
)
"""Closed list of why a piece of evidence was not kept, for metrics."""

_REASON_OF_ERRNO = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "read_only",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
}


@dataclass(frozen=True, slots=True)
class EvidenceStatus:
    """What the store has done since it began, and what it holds."""

    written: int
    """Parts kept."""
    evicted: int
    """Parts removed to make room."""
    dropped: Mapping[str, int] = field(repr=False)
    """Parts not kept, by each of DROP_REASONS."""
    n_bytes: int
    """Bytes of all files in the folder."""
    quota_bytes: int
    free_bytes: int | None
    """Free disk; None when the disk does not say."""


class EvidenceStore:
    """Pictures of parts with their verdicts, in `<folder>/<day>/<evidence_id>.*`.

    `write` and `bound` are called from one thread; `status` from any.
    """

    def __init__(
        self,
        folder: Path,
        picture_format: EvidenceFormat = "jpeg",
        quota_bytes: int = 2_000_000_000,
        min_free_bytes: int = 1_000_000_000,
        annotated: bool = True,
    ) -> None:
        """Remember the bounds and look at the folder; a folder that cannot be used is tried again at each write.

        Args:
            folder: Made when it is not there.
            picture_format: `jpeg` (quality 92) or `png` (lossless).
            quota_bytes: The files in the folder never hold more.
            min_free_bytes: Nothing is written that would leave less free disk.
            annotated: Also a picture with tile frames and heat map.
        """
        self._shelf = Shelf(folder)
        self._folder = folder
        self._format = picture_format
        self._quota_bytes = quota_bytes
        self._min_free_bytes = min_free_bytes
        self._has_annotated = annotated
        self._is_open = False
        self._lock = threading.Lock()  # of the counters alone: `status` never waits for the disk of `write`
        self._written = self._evicted = self._n_bytes = 0
        self._dropped = dict.fromkeys(DROP_REASONS, 0)
        try:
            self._open()
        except OSError as error:
            log.warning("evidence_folder_unusable", folder=folder, error=error)

    def write(self, item: EvidenceItem) -> tuple[Path, ...] | None:
        """Keep an item; None when it was dropped, which is counted with its reason. Never raises for the disk.

        Returns:
            Paths of picture, annotated picture and JSON, as far as there are any; the JSON last. They survive a
            power cut from here on.
        """
        try:
            paths = self._write(item)
        except _Dropped as drop:
            self._drop(item, drop.reason, drop.detail)
            return None
        except OSError as error:
            # Somebody removed the folder: the next write makes it anew. Other errors do not pay for a new look.
            self._is_open = self._is_open and error.errno != errno.ENOENT
            self._drop(item, _REASON_OF_ERRNO.get(error.errno or 0, "io_error"), str(error))
            return None
        finally:
            with self._lock:
                self._n_bytes = self._shelf.n_bytes
        with self._lock:
            self._written += 1
        return paths

    def bound(self, quota_bytes: int, min_free_bytes: int) -> None:
        """Change the bounds; what is over a lower quota goes with the next write. The thread of `write`."""
        self._quota_bytes, self._min_free_bytes = quota_bytes, min_free_bytes

    def status(self) -> EvidenceStatus:
        """Return the counters now. Any thread."""
        try:
            free_bytes = self._shelf.free_bytes()
        except OSError:
            free_bytes = None
        with self._lock:
            dropped = MappingProxyType(dict(self._dropped))
            return EvidenceStatus(
                self._written, self._evicted, dropped, self._n_bytes, self._quota_bytes, free_bytes
            )  # fmt: skip

    def _open(self) -> None:
        self._shelf.open()
        self._is_open = True
        self._evict(self._shelf.n_bytes - self._quota_bytes)  # the quota may have been lowered since
        with self._lock:
            self._n_bytes = self._shelf.n_bytes

    def _write(self, item: EvidenceItem) -> tuple[Path, ...]:
        if not is_safe_id(item.evidence_id):
            raise _Dropped("bad_id", f"{item.evidence_id[:96]!r} is not a plain file name")
        if not self._is_open:
            self._open()
        try:
            day = day_of(item.captured_utc_us)
            blobs = encode(item, self._format, self._has_annotated)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise _Dropped("bad_item", str(error)) from error
        if self._shelf.has(day, item.evidence_id):
            raise _Dropped("duplicate", "kept already")
        self._make_room(sum(map(len, blobs.values())))
        return self._shelf.put(day, item.evidence_id, blobs)

    def _make_room(self, n_bytes: int) -> None:
        """Remove the oldest before anything is written, so that the bounds hold at every moment."""
        if n_bytes > self._quota_bytes:
            raise _Dropped("too_large", f"{n_bytes} bytes, quota is {self._quota_bytes}")
        self._evict(self._shelf.n_bytes + n_bytes - self._quota_bytes)
        if self._shelf.n_bytes + n_bytes > self._quota_bytes:
            raise _Dropped("too_large", "the folder is full of files that are not evidence")
        # Evicts what is missing and looks once more: some file systems free space late, and looking again after
        # each removal would empty the folder meanwhile.
        self._evict(self._min_free_bytes + n_bytes - self._shelf.free_bytes())
        free_bytes = self._shelf.free_bytes()
        if free_bytes - n_bytes < self._min_free_bytes:
            raise _Dropped("disk_low", f"{free_bytes} bytes free, {self._min_free_bytes} must stay")

    def _evict(self, missing_bytes: int) -> None:
        while missing_bytes > 0 and len(self._shelf):
            missing_bytes -= self._shelf.evict_oldest()
            with self._lock:
                self._evicted += 1

    def _drop(self, item: EvidenceItem, reason: str, detail: str) -> None:
        with self._lock:
            self._dropped[reason] += 1
        part = {key: item.body.get(key) for key in ("part_id", "seq")}
        log.warning("evidence_dropped", evidence_id=item.evidence_id, reason=reason, detail=detail, **part)


class _Dropped(Exception):  # noqa: N818 - not an error: the policy of a full shelf
    """Raised inside the store alone when an item is not to be kept."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail
