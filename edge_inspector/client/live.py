"""The sockets of a gate: live messages with the moment of their receipt, hello, and acknowledgements."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zmq

from edge_inspector.client.decision import Outcome
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.link import Link
from edge_inspector.client.message import Message, parse_message
from edge_inspector.client.notice import Notice, NoticeName, Teller
from edge_inspector.client.service import Service
from edge_inspector.client.wire import WireError, topic

SLICE_MS = 2
"""Waiting is cut so short that the moment of receipt is known to 2 ms."""
GREET_US = 200_000
"""Between two questions whether the line is ready."""
SILENT_US = 3_000_000
"""So long without a message: a fresh socket, whatever the connection looks like."""
ACK_US = 200_000
ACK_ROWS = 200
"""Outcomes told at once, some 10 KB of the 64 KiB that a request may have."""
ACK_WAITING = 10_000
"""Outcomes kept while the line does not answer; then the oldest is dropped and counted."""
ACK_AGAIN_US = 1_000_000
ACK_TRIES = 3
"""Words that were refused so often are refused for good."""
NO_ACKS_US = 10_000_000
"""A line that does not take acknowledgements is asked again so seldom."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and when it came."""

    message: Message
    at_us: int
    """The last moment at which nothing was there: it came after that."""
    now_us: int


class Live:
    """Hears one line's signals and asks its service endpoint. One thread; nothing here waits but `wait`."""

    def __init__(
        self,
        line: str,
        signals: str,
        service: str,
        consumer: str | None,
        keys: ClientKeys | None,
        on_notice: Callable[[Notice], None] | None,
    ) -> None:
        """Connect; succeeds before the daemon is up. Without a consumer nothing is acknowledged."""
        self._consumer = consumer
        self._named = {} if consumer is None else {"consumer": consumer}
        self._teller = Teller(on_notice)
        self._link = Link(zmq.SUB, [signals], topic(line), keys)
        self._service = Service(service, keys)
        self._empty_us = self._heard_us = now_us()
        self._greet_at_us = self._ack_at_us = 0
        self._asked = ""
        self._outcomes: deque[Outcome] = deque()
        self._acked: tuple[int, int] | None = None  # epoch and upto told last
        self._in_flight: list[Outcome] = []
        self._tries = 0
        self._upto: tuple[int, int] | None = None
        # The main process, which takes acknowledgements, knows a verdict some moments after everybody: two heartbeats.
        self._heads: deque[tuple[int, int]] = deque(maxlen=2)
        self.dropped = 0
        """Outcomes that could not be told."""

    def wait(self, timeout_s: float, fds: tuple[int, ...] = ()) -> None:
        """Wait until a message is there, one of the files can be read, or the time is over."""
        ends_us = now_us() + round(timeout_s * 1e6)
        poller = zmq.Poller()
        for source in (self._link.socket, self._service.link.socket, *fds):
            poller.register(source, zmq.POLLIN)
        while (left_us := ends_us - now_us()) > 0:
            before_us = now_us()
            ready = dict(poller.poll(min(SLICE_MS, max(1, left_us // 1000))))
            if self._link.socket not in ready:
                self._empty_us = before_us
            if ready:
                return

    def hear(self) -> list[Heard]:
        """Return what has come; at most 100, so that a flood does not keep parts waiting."""
        why = self._link.tend(now_us())
        if why is not None:
            self._teller.tell(NoticeName.REFUSED, f"signals: {why}")
        found: list[Heard] = []
        for _ in range(100):
            before_us = now_us()
            if (frames := self._link.receive()) is None:
                self._empty_us = before_us
                break
            try:
                message = parse_message(frames)
            except WireError as error:
                self._teller.tell(NoticeName.BAD_MESSAGE, str(error))
                continue
            found.append(Heard(message, self._empty_us, now_us()))
            if message.kind == "hb" and message.is_live:
                self._heads.append((message.header.epoch, message.header.seq))
        self._watch_silence(bool(found))
        return found

    def _watch_silence(self, is_heard: bool) -> None:
        if is_heard:
            self._heard_us = now_us()
        elif now_us() - self._heard_us > SILENT_US:
            self._heard_us = now_us()
            self._teller.tell(NoticeName.SILENT, f"nothing was heard for {SILENT_US / 1e6:g} s")
            self._link.renew()

    def serve(self, must_greet: bool) -> tuple[bool, dict[str, Any] | None]:
        """Ask what is to be asked, and take an answer.

        Args:
            must_greet: Whether to ask hello, again and again.

        Returns:
            Whether hello was asked just now, and an answer to hello; None while there is none.
        """
        greeting = None
        why = self._service.tend(now_us())
        if why is not None:
            self._teller.tell(NoticeName.UNANSWERED if "no answer" in why else NoticeName.REFUSED, f"service: {why}")
        try:
            answer = self._service.answer()
        except WireError as error:
            self._teller.tell(NoticeName.BAD_MESSAGE, f"service: {error}")
            answer = None
        if answer is not None and self._asked == "hello":
            greeting = answer.body
        elif answer is not None:
            self._told(answer.body)
        return self._ask(must_greet), greeting

    def _ask(self, must_greet: bool) -> bool:
        moment_us = now_us()
        if self._service.is_busy:
            return False
        if must_greet and moment_us >= self._greet_at_us:
            if self._service.ask({"op": "hello", **self._named}, moment_us) is None:
                return False
            self._asked, self._greet_at_us = "hello", moment_us + GREET_US
            return True
        if moment_us >= self._ack_at_us and (self._upto is not None or self._outcomes):
            self._acknowledge(moment_us)
        return False

    def report(self, outcomes: list[Outcome], epoch: int | None, upto: int) -> None:
        """Tell the line, sooner or later, what became of its verdicts.

        Args:
            outcomes: What happened since the last call.
            epoch: The epoch armed for; None while disarmed.
            upto: Of that epoch, the seq up to which nothing waits.
        """
        if self._consumer is None:
            return
        self._outcomes.extend(outcomes)
        while len(self._outcomes) > ACK_WAITING:
            self._outcomes.popleft()
            self.dropped += 1
        if epoch is not None and upto > 0:
            self._upto = (epoch, upto)

    def _acknowledge(self, moment_us: int) -> None:
        """Send one acknowledgement: what was not taken before, or the oldest outcomes, of one epoch."""
        while self._outcomes and len(self._in_flight) < ACK_ROWS and not self._tries:
            first = self._outcomes[0]
            if (self._in_flight and self._in_flight[0].epoch != first.epoch) or not self._is_known(first):
                break
            self._in_flight.append(self._outcomes.popleft())
        epoch, upto = self._upto or (0, 0)
        if self._in_flight and self._in_flight[0].epoch != epoch:
            epoch = self._in_flight[0].epoch
            upto = max((outcome.seq for outcome in self._in_flight if outcome.seq is not None), default=0)
        head = self._heads[0] if self._heads else (epoch, 0)
        upto = min(upto, head[1]) if head[0] == epoch else upto
        if not self._in_flight and (upto == 0 or (epoch, upto) == self._acked):
            return
        request: dict[str, Any] = {"op": "ack", **self._named, "epoch": epoch, "upto": upto}
        request["outcomes"] = [outcome.body() for outcome in self._in_flight]
        if self._service.ask(request, moment_us) is not None:
            self._asked, self._ack_at_us = "ack", moment_us + ACK_US
            self._acked = (epoch, upto)

    def _is_known(self, outcome: Outcome) -> bool:
        """Return whether the main process surely knows the verdict that this is about."""
        head = self._heads[0] if self._heads else None
        return outcome.seq is None or head is None or head[0] != outcome.epoch or outcome.seq <= head[1]

    def _told(self, answer: dict[str, Any]) -> None:
        if answer.get("ok") is True:
            self._in_flight.clear()
            self._tries = 0
            return
        self._acked, self._tries = None, self._tries + 1
        self._ack_at_us = now_us() + ACK_AGAIN_US
        if answer.get("error") == "epoch" or self._tries >= ACK_TRIES:
            self.dropped += len(self._in_flight)
            self._in_flight.clear()
            self._tries, self._ack_at_us = 0, now_us() + NO_ACKS_US
            self._teller.tell(NoticeName.REFUSED, f"service: outcomes are not taken: {answer.get('detail') or answer}")

    def close(self) -> None:
        """Disconnect."""
        self._link.close()
        self._service.close()


def now_us() -> int:
    """Return the monotonic clock in µs."""
    return time.monotonic_ns() // 1000
