"""Questions to a line's service endpoint, one at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import zmq

from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.link import Link
from edge_inspector.client.message import Message, parse_object
from edge_inspector.client.wire import Header, WireError

ANSWER_US = 2_000_000
"""A question that was not answered for so long is given up, and with it the socket."""


class Answer:
    """An answer: its JSON object, and the frames that follow it."""

    def __init__(self, frames: list[bytes]) -> None:
        """Take it apart. Raises WireError when it is none."""
        rest = frames[1:] if frames and frames[0] == b"" else frames
        if not rest:
            raise WireError("an answer without a frame")
        self.body = parse_object(rest[0])
        self._rows = rest[1:]

    def rows(self) -> list[Message]:
        """Return the verdicts of a replay. Raises WireError when they are not pairs of header and body."""
        if len(self._rows) % 2:
            raise WireError(f"a replay has {len(self._rows)} frames after the first, not pairs")
        pairs = zip(self._rows[::2], self._rows[1::2], strict=True)
        return [Message("verdict", Header.parse(header), parse_object(body)) for header, body in pairs]


class Service:
    """Asks one question at a time; never waits. Owned by one thread."""

    def __init__(self, endpoint: str, keys: ClientKeys | None = None) -> None:
        """Connect; succeeds whether or not anybody is there."""
        self.link = Link(zmq.DEALER, [endpoint], keys=keys)
        self._id = 0
        self._asked: tuple[int, int] | None = None  # id, until when
        self.unanswered = 0
        """Questions given up."""

    @property
    def is_busy(self) -> bool:
        """Whether a question waits for its answer."""
        return self._asked is not None

    def ask(self, request: Mapping[str, Any], now_us: int) -> int | None:
        """Send a question; returns its id, None when nobody is connected or another one waits."""
        if self._asked is not None:
            return None
        self._id += 1
        if not self.link.send(json.dumps({**request, "id": self._id}).encode()):
            return None
        self._asked = (self._id, now_us + ANSWER_US)
        return self._id

    def answer(self) -> Answer | None:
        """Return the answer to the question that waits; None while there is none. Others are left out.

        Raises:
            WireError: What came is not an answer of this protocol; the question is over.
        """
        while self._asked is not None and (frames := self.link.receive()) is not None:
            try:
                answer = Answer(frames)
            except WireError:
                self._asked = None
                raise
            if answer.body.get("id") == self._asked[0]:
                self._asked = None
                return answer
        return None

    def tend(self, now_us: int) -> str | None:
        """Give up a question without an answer, and replace a socket that will not work; returns what is wrong."""
        if self._asked is not None and now_us > self._asked[1]:
            self._asked = None
            self.unanswered += 1
            self.link.renew()  # an answer that comes late cannot be taken for another one
            return f"the service endpoint gave no answer for {ANSWER_US / 1e6:g} s"
        return self.link.tend(now_us)

    def close(self) -> None:
        """Disconnect."""
        self.link.close()


def ask(
    endpoint: str, request: dict[str, Any], timeout_s: float, keys: ClientKeys | None = None
) -> dict[str, Any] | None:
    """Send one request to a line's service endpoint and return the answer; None if none came within the time."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    try:
        socket.setsockopt(zmq.LINGER, 0)
        if keys is not None:
            keys.apply(socket)
        socket.connect(endpoint)
        socket.send(json.dumps(request).encode())
        if not socket.poll(int(timeout_s * 1000)):
            return None
        answer: dict[str, Any] = json.loads(socket.recv())
        return answer
    finally:
        socket.close()
