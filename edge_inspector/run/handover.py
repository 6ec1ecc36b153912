"""From a child process to main: notes over a socket that keeps messages whole and never makes the sender wait."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge_inspector.core.frame import F32

Note = dict[str, Any]

_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel, which may give less (net.core.wmem_max): about a second of verdicts with heat maps."""
_HALF_MAX = 65504.0
"""Largest finite half-precision number."""
_RECEIVE_BYTES = 8 * 1024 * 1024


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

    def offer(self, note: Note, heat: F32 | None = None) -> bool:
        """Send a note, with the heat of its tiles if there is room for it; False if main is behind: dropped.

        Args:
            note: JSON object with a `kind`.
            heat: Shape (n, h, w); sent in half precision, enough for a picture. None for no heat.
        """
        packed = b"" if heat is None else np.clip(heat, -_HALF_MAX, _HALF_MAX).astype(np.float16).tobytes()
        shape = None if heat is None else list(heat.shape)
        for attempt in ([packed, shape], [b"", None]):
            head = json.dumps(note | {"heat_shape": attempt[1]}, separators=(",", ":")).encode()
            try:
                self._end.send(len(head).to_bytes(4, "big") + head + bytes(attempt[0] or b""))
                return True
            except BlockingIOError:
                return False
            except OSError:  # EMSGSIZE: a frame of very many tiles; its verdict matters more than its heat
                continue
        return False


class NoteReceiver:
    """Main's end; one thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._end.fileno()

    def take_up_to(self, most: int) -> Iterator[tuple[Note, F32 | None]]:
        """Return the notes that are there, but no more than `most`: a child may send faster than main takes."""
        for _ in range(most):
            taken = self.take()
            if taken is None:
                return
            yield taken

    def take(self) -> tuple[Note, F32 | None] | None:
        """Return the next note and its heat; None when there is none now. What a dead child sent stays readable."""
        try:
            data = self._end.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return None
        if not data:
            return None
        length = int.from_bytes(data[:4], "big")
        note: Note = json.loads(data[4 : 4 + length])
        shape = note.pop("heat_shape")
        if shape is None:
            return note, None
        heat = np.frombuffer(data, np.float16, offset=4 + length).reshape(shape)
        return note, heat.astype(np.float32)
