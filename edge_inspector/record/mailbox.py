"""Where evidence waits for the disk: bounded, and never in anybody's way."""

from __future__ import annotations

import threading
from collections import deque

from edge_inspector.record.item import EvidenceItem


class EvidenceMailbox:
    """Takes items from one thread to another. When it is full, the new item is dropped and counted.

    The new one and not the oldest: when a burst of bad parts comes, its first pictures show where it began.
    """

    def __init__(self, max_items: int) -> None:
        """Make an empty mailbox.

        Args:
            max_items: Frames that may wait; each holds its pixels, so this bounds memory.
        """
        if max_items < 1:
            raise ValueError(f"max_items must be at least 1, got {max_items}")
        self.max_items = max_items
        self._items: deque[EvidenceItem] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._dropped = 0

    def offer(self, item: EvidenceItem) -> bool:
        """Hand in an item; False when it was dropped (full, or closed). Never waits. Any thread."""
        with self._changed:
            if self._is_closed or len(self._items) >= self.max_items:
                self._dropped += 1
                return False
            self._items.append(item)
            self._changed.notify()
            return True

    def take(self, timeout_s: float) -> EvidenceItem | None:
        """Return the oldest item; None if none came in time, or at once when closed and empty. Any thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_closed, timeout_s)
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Accept nothing more and wake who waits; what was accepted can still be taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def depth(self) -> int:
        """Items waiting."""
        return len(self._items)

    @property
    def dropped(self) -> int:
        """Items refused so far."""
        return self._dropped

    @property
    def is_drained(self) -> bool:
        """True when closed and empty: the worker may end."""
        with self._changed:
            return self._is_closed and not self._items
