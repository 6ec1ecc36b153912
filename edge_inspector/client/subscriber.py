"""A subscriber to one line that misses nothing: what it did not hear it asks for again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import zmq

from edge_inspector.client.cursor import Cursor
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.link import Link
from edge_inspector.client.message import Message, parse_message
from edge_inspector.client.notice import Notice, NoticeName, Teller
from edge_inspector.client.resume import Resume, Wanted
from edge_inspector.client.service import Answer, Service, ask
from edge_inspector.client.wire import WireError, topic

__all__ = ["Message", "Subscriber", "ask"]

STORE_US = 500_000
"""A file cursor is stored at most so often: what came since is told a second time after a kill."""
GREET_AGAIN_US = 500_000
"""Between two questions that the line cannot answer now."""
REFUSED_AGAIN_US = 5_000_000
"""After a hello that was refused: of another line, or a name that is not the key's."""
CONNECT_US = 20_000
"""Between two looks whether somebody is there to be asked."""
SILENT_US = 3_000_000
"""Three leases without a heartbeat: a fresh socket, whatever the connection looks like."""
WAITING = 1000
"""Messages taken from ZeroMQ ahead of use; the others wait there, where their number is bounded too."""
TURN_MS = 50
"""Connections are looked at so often while nothing comes."""


class Subscriber:
    """Hears signals and telemetry of one line. Use it as a context manager, from one thread.

    With `service` it keeps the laws for a record: it resumes where its cursor stands, over epochs, gives every verdict
    once, and says what cannot be had. Without, it only hears, for people. Not for a gate: that is `Gate`.
    Connecting succeeds before the daemon is up; ZeroMQ retries.
    """

    _given: Message | None
    _asked: Wanted | None

    def __init__(
        self,
        line: str | None,
        endpoints: list[str],
        *,
        service: str | None = None,
        consumer: str = "subscriber",
        cursor: Cursor | None = None,
        from_tail: bool = False,
        keys: ClientKeys | None = None,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        """Connect.

        Args:
            line: Name of the line; None for whatever line sends there (without `service` only).
            endpoints: Addresses of signals, telemetry or both.
            service: Address of the service endpoint; None to hear only.
            consumer: Name of this consumer; with keys, the name of its key.
            cursor: Where it stood; None begins now each time. After a kill, what was done since it was stored comes
                again; its (epoch, seq) tell.
            from_tail: Without a stored position begin with the oldest verdict that the line keeps.
            keys: None for a line without keys.
            on_notice: Told, inside `receive`, of what is missing, refused or silent; None writes it to the log.

        Raises CursorError when the stored cursor cannot be read, ValueError for `service` without `line`.
        """
        if service is not None and line is None:
            raise ValueError("a subscriber that resumes needs the name of its line")
        self._line, self._consumer, self._cursor = line, consumer, cursor
        self._teller = Teller(on_notice)
        self._resume = Resume(cursor.load() if cursor else {}, from_tail)
        self._heard: deque[Message] = deque()
        self._given, self._asked = None, None
        self._greet_at_us, self._is_silent = 0, False
        self._heard_us = self._stored_us = _now_us()
        self._stored: dict[int, int] = {}
        self._link = Link(zmq.SUB, endpoints, topic(line) if line else b"insp.v1.", keys)
        self._service = Service(service, keys) if service is not None else None

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message; None if none came within the time. The one before counts as done by that.

        Messages that were missed come with `is_live` False, among the live ones, each verdict once.

        Raises:
            WireError: Without `service`: the message is not of this protocol. With it, a notice says so.
            OSError: The cursor cannot be stored.
        """
        self._done(_now_us())
        ends_us = _now_us() + round(timeout_s * 1e6)
        while True:
            now_us = _now_us()
            self._turn(now_us)
            if self._heard:
                self._given = self._heard.popleft()
                return self._given
            if now_us >= ends_us:
                return None
            self._wait(min(TURN_MS, (ends_us - now_us) / 1000))

    def positions(self) -> dict[int, int]:
        """Return {epoch: seq}: up to there everything was returned and is done, or is lost and was said so."""
        waiting = [*self._heard, *([self._given] if self._given else [])]
        found = {}
        for epoch in self._resume.epochs:
            first = min(
                (m.header.seq for m in waiting if m.kind == "verdict" and m.header.epoch == epoch), default=None
            )
            accounted = self._resume.accounted(epoch)
            upto = accounted.upto if accounted else 0
            found[epoch] = upto if first is None else min(upto, first - 1)
        return found

    def commit(self) -> None:
        """Say that the message returned last is done, and store the cursor now."""
        self._given = None
        self._store(_now_us())

    def _done(self, now_us: int) -> None:
        self._given = None
        if now_us - self._stored_us >= STORE_US:
            self._store(now_us)

    def _store(self, now_us: int) -> None:
        self._stored_us = now_us
        if self._cursor is None or self._resume.must_greet:  # before hello it is not known what an epoch is worth
            return
        positions = self.positions()
        if positions != self._stored:
            self._cursor.store(positions)
            self._stored = positions

    def _turn(self, now_us: int) -> None:
        """Take what has come, and ask for what is missing."""
        why = self._link.tend(now_us)
        if why is not None:
            self._teller.tell(NoticeName.REFUSED, f"signals: {why}")
        self._hear(now_us)
        if self._service is not None:
            self._serve(self._service, now_us)
            self._watch_silence(now_us)
        for notice in self._resume.notices:
            self._teller.on_notice(notice)
        self._resume.notices.clear()

    def _hear(self, now_us: int) -> None:
        # Bounded: whoever asks for one message must not wait for a thousand.
        for _ in range(min(100, WAITING - len(self._heard))):
            if (frames := self._link.receive()) is None:
                return
            self._heard_us, self._is_silent = now_us, False
            try:
                message = parse_message(frames)
            except WireError as error:
                if self._service is None:
                    raise
                self._teller.tell(NoticeName.BAD_MESSAGE, str(error))
                continue
            if self._service is None or self._take(message):
                self._heard.append(message)
            if self._service is None:
                return

    def _take(self, message: Message) -> bool:
        if message.kind == "event":
            self._tell_event(message)
        return message.kind not in ("verdict", "hb") or self._resume.heard(message)

    def _tell_event(self, message: Message) -> None:
        name, span = message.body.get("name"), message.body.get("range")
        if name in (NoticeName.TAIL_LOST, NoticeName.PARTS_LOST):
            first, last = span if isinstance(span, list) and len(span) == 2 else (None, None)
            epoch = message.body.get("of_epoch", message.header.epoch)
            self._teller.on_notice(Notice(NoticeName(name), str(message.body.get("detail", "")), epoch, first, last))

    def _serve(self, service: Service, now_us: int) -> None:
        why = service.tend(now_us)
        if why is not None:
            self._teller.tell(NoticeName.UNANSWERED if "no answer" in why else NoticeName.REFUSED, f"service: {why}")
        try:
            answer = service.answer()
        except WireError as error:
            self._teller.tell(NoticeName.BAD_MESSAGE, f"service: {error}")
            return
        if answer is not None:
            self._answered(answer, now_us)
        if service.is_busy or now_us < self._greet_at_us or len(self._heard) >= WAITING:
            return
        if self._resume.must_greet:
            self._asked = None
            self._greet_at_us = now_us + (CONNECT_US if service.ask(self._request("hello"), now_us) is None else 0)
        elif (wanted := self._resume.wanted()) is not None:
            request = self._request("replay", epoch=wanted.epoch, **{"from": wanted.first, "to": wanted.last})
            if service.ask(request, now_us) is not None:
                self._asked = wanted

    def _request(self, op: str, **keys: int) -> dict[str, object]:
        return {"op": op, "consumer": self._consumer, **keys}

    def _answered(self, answer: Answer, now_us: int) -> None:
        if self._asked is None:
            if answer.body.get("line") != self._line or "epochs" not in answer.body:
                self._teller.tell(
                    NoticeName.REFUSED, f"service: {answer.body.get('detail') or answer.body.get('line')}"
                )
                self._greet_at_us = now_us + REFUSED_AGAIN_US
                return
            self._resume.greeted(answer.body)
            self._greet_at_us = now_us + (CONNECT_US if self._resume.must_greet else 0)
            return
        wanted, self._asked = self._asked, None
        try:
            rows = self._resume.answered(wanted, answer.body, answer.rows())
        except WireError as error:
            self._teller.tell(NoticeName.BAD_MESSAGE, f"replay: {error}")
            rows = None
        if rows is None:
            self._greet_at_us = now_us + GREET_AGAIN_US
        else:
            self._heard.extend(rows)

    def _watch_silence(self, now_us: int) -> None:
        if now_us - self._heard_us > SILENT_US and len(self._heard) < WAITING:
            self._heard_us = now_us
            if not self._is_silent:
                self._teller.tell(NoticeName.SILENT, f"nothing was heard for {SILENT_US / 1e6:g} s")
            self._is_silent = True
            self._link.renew()

    def _wait(self, timeout_ms: float) -> None:
        poller = zmq.Poller()
        poller.register(self._link.socket, zmq.POLLIN)
        if self._service is not None:
            poller.register(self._service.link.socket, zmq.POLLIN)
        poller.poll(max(1, round(timeout_ms)))

    def __enter__(self) -> Self:
        """Return itself; connected already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; after a block that ended well the message returned last is done, and the cursor is stored."""
        try:
            if error is None:
                self.commit()
            else:
                self._store(_now_us())
        finally:
            self._link.close()
            if self._service is not None:
                self._service.close()


def _now_us() -> int:
    return time.monotonic_ns() // 1000
