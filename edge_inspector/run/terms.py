"""What may change while a line runs, as one whole: rules, limits, the gate's place, and what a verdict says of them.

Main writes new terms into one of two halves of the shared memory, then raises a word. The inspect process looks at
that word before it takes the next part, and each part carries the terms that were the newest then to its verdict: so
none is judged by half of the old ones and half of the new, however many are judged side by side. Nobody waits for
anybody. Since it is a state and no message, a process that is replaced finds in it what is in force, once.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_inspector.core.frame import U8
from edge_inspector.core.look import Look
from edge_inspector.core.verdict import Judgement, TileResults
from edge_inspector.decide.image_health import Policy
from edge_inspector.run.memory import TERMS_BYTES, LineMemory, Word
from edge_inspector.run.seams import Identity

_HEAD_BYTES = 8  # length and checksum
MOST_BYTES = TERMS_BYTES - _HEAD_BYTES


@dataclass(frozen=True, slots=True)
class Sight:
    """How the pictures of one camera are judged."""

    decide: Callable[[TileResults], Judgement]
    """The rules, pure."""
    look: Callable[[U8], Look] | None
    """Whether a picture, shape (h, w, c), may be judged at all, and which of its tiles; None: always, all."""
    stuck: Policy
    """What becomes of a part whose picture is exactly the one before."""
    heat_from: float = 0.0
    """Score below which `decide` reads no heat; 0 where it reads all."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a part is judged and told under."""

    who: Identity
    """What its verdict says."""
    sights: tuple[Sight, ...]
    """One for each camera."""


class TermsPost:
    """Main's end; one thread."""

    def __init__(self, memory: LineMemory, wake_fd: int) -> None:
        """Prepare.

        Args:
            memory: Of the line.
            wake_fd: eventfd that wakes the inspect process's loop.
        """
        self._memory, self._wake_fd = memory, wake_fd

    def publish(self, terms: bytes) -> int:
        """Have every part from the next one on judged under these; returns their number, for `first_part`.

        Raises:
            ValueError: More than MOST_BYTES.
        """
        if len(terms) > MOST_BYTES:
            raise ValueError(f"{len(terms)} bytes of terms are over {MOST_BYTES}")
        number = self._memory.read(Word.TERMS) + 1
        data = len(terms).to_bytes(4, "big") + zlib.crc32(terms).to_bytes(4, "big") + terms
        self._memory.terms[number % 2, : len(data)] = np.frombuffer(data, np.uint8)
        os.eventfd_write(self._wake_fd, 0)  # a lock of the kernel: who sees the number sees the bytes (`run/ring.py`)
        self._memory.write(Word.TERMS, number)
        os.eventfd_write(self._wake_fd, 1)
        return number

    def first_part(self, number: int) -> int | None:
        """Return the first part judged under terms of a number; None while nobody has taken them, 0 if nobody can."""
        taken = self._memory.read(Word.TERMS_TAKEN)
        if taken == -number:
            return 0
        if taken != number:
            return None
        os.eventfd_write(self._wake_fd, 0)
        return self._memory.read(Word.TERMS_FIRST)


class Following(Protocol):
    """The inspect loop's view of the terms; used by its thread alone."""

    def newest(self) -> Terms | None:
        """Return the newest terms; None while nothing was changed since the process was started. Costs nothing."""
        ...

    def taken(self, part_id: int) -> None:
        """Tell main that a part is, or the next one will be, judged under what `newest` gave; once is enough."""
        ...


class TermsReader:
    """The inspect process's end; one thread."""

    def __init__(
        self, memory: LineMemory, wake_fd: int, understand: Callable[[bytes], Terms], cannot: Callable[[str], None]
    ) -> None:
        """Prepare; what a predecessor took is taken by the first `newest`.

        Args:
            memory: Of the line.
            wake_fd: eventfd of the loop.
            understand: Makes terms of what main wrote; raises ValueError where that is impossible.
            cannot: Told then why; what was in force stays so.
        """
        self._memory, self._wake_fd, self._understand, self._cannot = memory, wake_fd, understand, cannot
        self._number = 0
        self._now: Terms | None = None
        self._is_told = True

    def newest(self) -> Terms | None:
        """Return the newest terms; None while nothing was changed since the process was started."""
        number = self._memory.read(Word.TERMS)
        if number != self._number and (data := self._read(number)) is not None:
            self._number = number
            try:
                self._now = self._understand(data)
                self._is_told = self._memory.read(Word.TERMS_TAKEN) == number
            except ValueError as error:
                self._is_told = True
                self._memory.write(Word.TERMS_TAKEN, -number)
                self._cannot(str(error))
        return self._now

    def taken(self, part_id: int) -> None:
        """Tell main the first part that is judged under the newest terms."""
        if not self._is_told:
            self._is_told = True
            self._memory.write(Word.TERMS_FIRST, part_id)
            os.eventfd_write(self._wake_fd, 0)
            self._memory.write(Word.TERMS_TAKEN, self._number)

    def _read(self, number: int) -> bytes | None:
        """Return the bytes of terms; None when main is writing the next but one already: its number comes soon."""
        os.eventfd_write(self._wake_fd, 0)
        half = self._memory.terms[number % 2]
        length = min(int.from_bytes(half[:4].tobytes(), "big"), MOST_BYTES)
        data: bytes = half[_HEAD_BYTES : _HEAD_BYTES + length].tobytes()
        return data if zlib.crc32(data) == int.from_bytes(half[4:_HEAD_BYTES].tobytes(), "big") else None


class Unchanging:
    """Terms of a process in which nothing changes."""

    def newest(self) -> Terms | None:
        """Return None."""
        return None

    def taken(self, part_id: int) -> None:
        """Do nothing."""
