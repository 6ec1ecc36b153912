"""What the service endpoint answers: facts of main, rows of the journal, acknowledgements of consumers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.signal.consumers import Consumers, TooMany
from edge_inspector.signal.journal_reader import MAX_ROWS, EpochRange, Gap, JournalReader, UnknownEpoch
from edge_inspector.signal.message import Body, encode_body, header_as_replayed
from edge_inspector.signal.requests import Ack, BadRequest, Hello, Id, Replay, Request, Status
from edge_inspector.signal.turns import MAX_WAITING


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What main knows at this moment."""

    line: str
    epoch: int
    lease_ms: int
    head_seq: int
    state: LineState
    """As telemetry says it: after the lease it is not what the last heartbeat said."""
    heartbeat: dict[str, Any] | None
    """Body of the newest heartbeat; None before the first."""
    heartbeat_ns: int
    """When it was sent, monotonic."""

    def age_ms(self) -> int | None:
        """Age of the newest heartbeat; None before the first."""
        return None if self.heartbeat is None else (monotonic_ns() - self.heartbeat_ns) // 1_000_000

    def is_ready(self) -> bool:
        """Whether the line is ready and said so within the lease."""
        age_ms = self.age_ms()
        return self.heartbeat is not None and age_ms is not None and age_ms <= self.lease_ms and self.heartbeat["ready"]


@dataclass(slots=True)
class ServiceCounts:
    """What the service did since the start; written by its thread, read by main's."""

    hello: int = 0
    status: int = 0
    replay: int = 0
    ack: int = 0
    bad_requests: int = 0
    busy: int = 0
    """Requests that were right and could not be served just then."""
    replayed: int = 0
    """Verdicts."""
    gaps: int = 0
    """Replays answered with what is gone."""
    postponed: int = 0
    """Turns at which somebody had to wait since he had used up his share."""
    unsent: int = 0
    """Answers that their client did not take."""
    handshakes_failed: int = 0
    """Connections that spoke something else."""
    disconnected: int = 0
    """Connections that ended, those cut off for too large a request among them."""
    cut: int = 0
    """Connections that were hung up on, since they brought far more than a client has to say."""
    damaged_segments: int = 0


class Answers:
    """Used by the service thread."""

    def __init__(
        self, facts: Callable[[], ServiceFacts], reader: JournalReader, consumers: Consumers, counts: ServiceCounts
    ) -> None:
        """Prepare.

        Args:
            facts: Gives what main knows now; called in the thread that asks.
            reader: Of the line's journal.
            consumers: Main's own database, open.
            counts: Where everything is counted.
        """
        self._facts, self._reader, self._consumers, self._counts = facts, reader, consumers, counts

    def to(self, request: Request | BadRequest) -> list[bytes]:
        """Return the frames of the answer to a request; never raises."""
        try:
            match request:
                case Hello():
                    self._counts.hello += 1
                    return [encode_body(self._hello(request))]
                case Status():
                    self._counts.status += 1
                    return [encode_body(self._status(request.number))]
                case Replay():
                    self._counts.replay += 1
                    return self._replay(request)
                case Ack():
                    self._counts.ack += 1
                    return [encode_body(self._ack(request))]
                case BadRequest():
                    return [encode_body(self._bad(request.number, request.detail))]
        except TooMany:
            return [encode_body(self._bad(request.number, "there are too many consumers already; use a known name"))]
        except sqlite3.Error as error:
            return [encode_body(self._busy(request.number, f"the disk refuses just now: {error}; ask again"))]

    def _bad(self, number: Id, detail: str) -> Body:
        self._counts.bad_requests += 1
        return {"id": number, "error": "bad_request", "detail": detail}

    def too_many(self, number: Id) -> list[bytes]:
        """Return the answer to a client that asks on and on without waiting for answers."""
        return [encode_body(self._busy(number, f"{MAX_WAITING} requests wait already; wait for answers"))]

    def _busy(self, number: Id, detail: str) -> Body:
        self._counts.busy += 1
        return {"id": number, "error": "busy", "detail": detail}

    def _hello(self, request: Hello) -> Body:
        facts = self._facts()
        return {
            "id": request.number,
            "schema": "insp/1",
            "line": facts.line,
            "epoch": facts.epoch,
            "state": facts.state.wire_name,
            "ready": facts.is_ready(),
            "lease_ms": facts.lease_ms,
            "hb_age_ms": facts.age_ms(),
            "epochs": self._epochs(facts),
        }

    def _epochs(self, facts: ServiceFacts) -> list[Body]:
        """Return what can be replayed, this epoch last."""
        kept = {each.epoch: each for each in self._reader.epochs()}
        ours = kept.pop(facts.epoch, None)
        rows = [_numbers(each, each.head_seq) for each in kept.values() if each.head_seq >= each.tail_seq]
        head_seq = max(facts.head_seq, ours.head_seq if ours is not None else 0)
        tail_seq = ours.tail_seq if ours is not None and ours.head_seq >= ours.tail_seq else head_seq + 1
        beat = facts.heartbeat or {}
        durable_seq = beat.get("durable_seq", 0) if beat.get("epoch", facts.epoch) == facts.epoch else 0
        return [*rows, _numbers(EpochRange(facts.epoch, tail_seq, head_seq), durable_seq)]

    def _status(self, number: Id) -> Body:
        facts = self._facts()
        consumers = [
            {"consumer": each.consumer, "epoch": each.epoch, "acked_seq": each.upto, "acked_utc_us": each.at_utc_us}
            for each in self._consumers.acked.values()
        ]
        return {"id": number, "heartbeat": facts.heartbeat, "hb_age_ms": facts.age_ms(), "consumers": consumers}

    def _replay(self, request: Replay) -> list[bytes]:
        facts = self._facts()
        try:
            found = self._reader.read(request.epoch, request.first, min(request.last, request.first + MAX_ROWS - 1))
        except UnknownEpoch:
            if request.epoch != facts.epoch:
                return [encode_body({"id": request.number, "error": "epoch"})]
            found = []
        finally:
            self._counts.damaged_segments = self._reader.damaged
        if not found and request.epoch == facts.epoch and request.first <= min(request.last, facts.head_seq):
            found = Gap(request.first, min(request.last, facts.head_seq))  # it was there and is not any more
        if isinstance(found, Gap):
            self._counts.gaps += 1
            return [encode_body({"id": request.number, "error": "gap", "gap": [found.first, found.last]})]
        self._counts.replayed += len(found)
        following = request.first + len(found)
        head = {"id": request.number, "count": len(found), "next": None}
        if found and following <= request.last and self._has(request.epoch, following, facts):
            head["next"] = following
        return [
            encode_body(head),
            *(frame for header, body in found for frame in (header_as_replayed(header), body)),
        ]

    def _has(self, epoch: int, seq: int, facts: ServiceFacts) -> bool:
        """Whether there is, or was, a verdict of this number."""
        if epoch == facts.epoch:
            return seq <= facts.head_seq
        return any(each.epoch == epoch and seq <= each.head_seq for each in self._reader.epochs())

    def _ack(self, request: Ack) -> Body:
        facts = self._facts()
        if request.epoch == facts.epoch:
            named = [each.value for each in request.outcomes if each.named_by == "seq"]
            if (highest := max([request.upto, *named])) > facts.head_seq:
                return self._bad(request.number, f"seq {highest} was not given yet, the newest is {facts.head_seq}")
        elif not self._is_former(request):
            return {"id": request.number, "error": "epoch"}
        self._consumers.store(request)
        return {"id": request.number, "ok": True}

    def _is_former(self, request: Ack) -> bool:
        is_kept = any(each.epoch == request.epoch for each in self._reader.epochs())
        return is_kept or self._consumers.knows(request.consumer, request.epoch)


def _numbers(kept: EpochRange, durable_seq: int) -> Body:
    return {
        "epoch": kept.epoch,
        "tail_seq": kept.tail_seq,
        "head_seq": kept.head_seq,
        "durable_seq": durable_seq,
    }
