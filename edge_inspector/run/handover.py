"""From a child process to main: notes over a socket that keeps messages whole and never makes the sender wait."""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge_inspector.core.frame import F32

Note = dict[str, Any]

_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel, which may give less (net.core.wmem_max): about a second of verdicts with heat maps."""
_LENGTH_BYTES = 4
_HALF_MAX = 65504.0
"""Largest finite half-precision number."""
_RECEIVE_BYTES = 8 * 1024 * 1024
HELD_NOTES = 64
HELD_BYTES = 32 * 1024
"""What is kept for the next note that cannot wait. A message of that size fits every socket; at a heartbeat ten times
a second, lines of up to 640 parts a second wake main for heartbeats alone."""


def handover_pair() -> tuple[socket.socket, socket.socket]:
    """Return (main's end, the child's end). Both stay open in main, so a respawned child takes the same end."""
    receiver, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    receiver.setblocking(False)
    sender.setblocking(False)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    return receiver, sender


class NoteSender:
    """The child's end; one thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._end.setblocking(False)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.dropped = 0
        """Notes so far that main will never see."""

    def hold(self, note: Note, body: bytes | None = None) -> None:
        """Keep a note that can wait until the next one that cannot.

        Each message wakes main, and main at work beside a verdict on its way to the gate delays it.

        Args:
            note: JSON object with a `kind`.
            body: Its `body`, in JSON already; None for none.
        """
        packed = _packed(note, body)
        if len(self._held) >= HELD_NOTES or self._held_bytes + len(packed) > HELD_BYTES:
            self._send_held()
        self._held.append(packed)
        self._held_bytes += len(packed)

    def offer(self, note: Note, heat: F32 | None = None, body: bytes | None = None) -> bool:
        """Send a note behind those that were held, with the heat of its tiles if there is room for it.

        Args:
            note: JSON object with a `kind`.
            heat: Shape (n, h, w); sent in half precision, enough for a picture. None for no heat.
            body: As for `hold`.

        Returns:
            False if main is behind: this note is dropped.
        """
        self._send_held()
        was_sent = False
        if heat is not None:
            packed = np.clip(heat, -_HALF_MAX, _HALF_MAX).astype(np.float16)
            was_sent = self._send([_packed(note | {"heat_shape": packed.shape}, body), packed.tobytes()])
        # A frame of very many tiles: its verdict matters more than its heat.
        was_sent = was_sent or self._send([_packed(note, body)])
        self.dropped += not was_sent
        return was_sent

    def _send_held(self) -> None:
        if self._held and not self._send(self._held):
            self.dropped += len(self._held)
        self._held, self._held_bytes = [], 0

    def _send(self, pieces: list[bytes]) -> bool:
        try:
            self._end.send(b"".join(pieces))
        except OSError:  # EAGAIN: main is behind. EMSGSIZE: larger than a socket holds. EPIPE: main has gone
            return False
        return True


def _packed(note: Note, body: bytes | None) -> bytes:
    head = json.dumps(note, separators=(",", ":")).encode()
    if body is not None:  # spliced in: the verdict's own JSON is not made twice
        head = head[:-1] + b',"body":' + body + b"}"
    return len(head).to_bytes(_LENGTH_BYTES, "big") + head


class NoteReceiver:
    """Main's end; one thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._taken: deque[tuple[Note, F32 | None]] = deque()

    def fileno(self) -> int:
        """Return the descriptor to wait on; empty `take` first: a message may hold several notes."""
        return self._end.fileno()

    def take_up_to(self, most: int) -> Iterator[tuple[Note, F32 | None]]:
        """Return the notes that are there, but hardly more than `most`: a child may send faster than main takes.

        Of a message that was begun all are taken: nothing would wake main for the rest.
        """
        taken = 0
        while taken < most or self._taken:
            note = self.take()
            if note is None:
                return
            taken += 1
            yield note

    def take(self) -> tuple[Note, F32 | None] | None:
        """Return the next note and its heat; None when there is none now. What a dead child sent stays readable."""
        if not self._taken:
            try:
                self._taken.extend(_unpacked(self._end.recv(_RECEIVE_BYTES)))
            except BlockingIOError:
                return None
        return self._taken.popleft() if self._taken else None


def _unpacked(data: bytes) -> Iterator[tuple[Note, F32 | None]]:
    at = 0
    while at < len(data):
        ends = at + _LENGTH_BYTES + int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        note: Note = json.loads(data[at + _LENGTH_BYTES : ends])
        shape = note.pop("heat_shape", None)
        if shape is not None:  # the last one: the rest of the message is its heat
            yield note, np.frombuffer(data, np.float16, offset=ends).reshape(shape).astype(np.float32)
            return
        yield note, None
        at = ends
