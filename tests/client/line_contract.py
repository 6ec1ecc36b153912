"""What a client may rely on, whatever line it speaks with.

`test_client_contract.py` holds an honest small server to it. Whoever gives the daemon's journal the same few methods
(`Judging`) can hold the daemon to it with the same tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from edge_inspector.client.cursor import FileCursor
from edge_inspector.client.message import Message
from edge_inspector.client.notice import Notice
from edge_inspector.client.subscriber import Subscriber

LIMIT_S = 15.0


class Judging(Protocol):
    """A line under test."""

    name: str
    signals: str
    telemetry: str
    service: str
    epoch: int

    def judge(self, *, is_sent: bool = True) -> int:
        """Have one more part judged and journaled; `is_sent` False: so that no subscriber hears it live."""


class Consumer:
    """A subscriber and what it was given."""

    def __init__(self, line: Judging, cursor: Path | None = None, **options: Any) -> None:
        self.notices: list[Notice] = []
        self.got: list[Message] = []
        self.subscriber = Subscriber(
            line.name, [line.signals, line.telemetry], service=line.service, consumer="record",
            cursor=FileCursor(cursor) if cursor else None, on_notice=self.notices.append, **options
        )  # fmt: skip

    def __enter__(self) -> Consumer:
        return self

    def __exit__(self, *_: object) -> None:
        self.subscriber.__exit__(None, None, None)

    def until(self, is_true: Callable[[], Any], what: str) -> Any:
        """Receive until something is true."""
        ends_s = time.monotonic() + LIMIT_S
        while not (found := is_true()):
            assert time.monotonic() < ends_s, f"waited for {what}; got {self.numbers()}, noticed {self.notices}"
            message = self.subscriber.receive(0.02)
            if message is not None:
                self.got.append(message)
        return found

    def greeted(self) -> None:
        """Receive until a heartbeat came and hello was answered."""
        self.until(lambda: any(m.kind == "hb" for m in self.got), "a heartbeat")
        self.until(lambda: not self.subscriber._resume.must_greet, "hello")

    def numbers(self) -> list[tuple[int, int]]:
        """Return (epoch, seq) of the verdicts, in the order given."""
        return [(m.header.epoch, m.header.seq) for m in self.got if m.kind == "verdict"]

    def live(self) -> list[int]:
        return [m.header.seq for m in self.got if m.kind == "verdict" and m.is_live]

    def replayed(self) -> list[int]:
        return [m.header.seq for m in self.got if m.kind == "verdict" and not m.is_live]

    def told(self, name: str) -> list[tuple[int | None, int | None, int | None]]:
        return [(n.epoch, n.first, n.last) for n in self.notices if n.name == name]
