"""What a client noticed about the line that no single message says: something is missing, refused or silent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

AGAIN_S = 1.0
"""The same words are told at most so often: nonsense at line rate must not fill a disk."""

log = logging.getLogger("edge_inspector.client")


class NoticeName(StrEnum):
    """What was noticed."""

    GAP = "gap"
    """Verdicts `first` to `last` of `epoch` cannot be had: the line no longer keeps them, or left them out."""
    TAIL_LOST = "tail_lost"
    """The line lost verdicts after its last durable one (power cut); `first` to `last`, as far as known."""
    PARTS_LOST = "parts_lost"
    """Part numbers `first` to `last` may have no verdict; said by the line."""
    NEW_EPOCH = "new_epoch"
    """The line counts from 1 again, under `epoch`."""
    EPOCH_GONE = "epoch_gone"
    """The line keeps nothing of `epoch` any more; what came in it after `first` - 1 is not known."""
    REFUSED = "refused"
    """The line refused the connection (keys, protocol). Tried again with a fresh socket."""
    SILENT = "silent"
    """No heartbeat: whatever the connection looks like, nothing is inspected. Tried with a fresh socket."""
    UNANSWERED = "unanswered"
    """The service endpoint did not answer in time. Asked again through a fresh socket."""
    BAD_MESSAGE = "bad_message"
    """What came is not of this protocol; left out."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing noticed."""

    name: NoticeName
    detail: str
    """For a person."""
    epoch: int | None = None
    first: int | None = None
    """First seq of the range (`parts_lost`: first part number); None where there is no range."""
    last: int | None = None
    """Last of the range, included; None where it is not known."""


class Teller:
    """Tells notices to whoever wants to know; the log where nobody said so. One thread."""

    def __init__(self, on_notice: Callable[[Notice], None] | None) -> None:
        """Take who is told; None for the log."""
        self.on_notice = on_notice or _to_log
        self._said: dict[tuple[NoticeName, str], float] = {}

    def tell(self, name: NoticeName, detail: str) -> None:
        """Tell something that may come again and again."""
        now_s = time.monotonic()
        if now_s - self._said.get((name, detail), -AGAIN_S) < AGAIN_S:
            return
        if len(self._said) > 100:
            self._said.clear()
        self._said[name, detail] = now_s
        self.on_notice(Notice(name, detail))


def _to_log(notice: Notice) -> None:
    log.warning("%s: %s (epoch %s, %s to %s)", notice.name, notice.detail, notice.epoch, notice.first, notice.last)
