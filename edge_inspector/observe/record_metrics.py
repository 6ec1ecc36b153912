"""Metrics of the journal, the service endpoint and its consumers; declared here, part of a line's metrics."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from edge_inspector.observe.figures import JournalFigures, ServiceFigures
from edge_inspector.observe.series import Series

MAX_CONSUMERS = 64
"""Consumers that become labels: names come from outside, and must not fill Prometheus."""
OPS = ("hello", "status", "replay", "ack")


class Declare(Protocol):
    """Declares one counter or gauge of the line."""

    def __call__(self, kind: Literal["counter", "gauge"], name: str, text: str, *labels: str) -> Series:
        """Return its values."""
        ...


class RecordMetrics:
    """What is kept of the verdicts, and who asks for it."""

    def __init__(self, declare: Declare, lock: AbstractContextManager[Any]) -> None:
        """Declare everything; `lock` makes one moment of a scrape."""
        self._lock = lock
        self._durable = declare("gauge", "journal_durable_seq", "Verdicts up to here survive a power cut")
        self._refused = declare("counter", "journal_rows_refused_total", "Times the journal did not take a row")
        self._late = declare("counter", "journal_rows_late_total", "Rows committed too late to be sent")
        self._bytes = declare("gauge", "journal_bytes", "Disk that the journal takes")
        self._requests = declare("counter", "service_requests_total", "Requests to the service endpoint", "op")
        self._bad = declare("counter", "service_bad_requests_total", "Requests that made no sense")
        self._busy = declare("counter", "service_busy_total", "Requests that were right and could not be served then")
        self._replayed = declare("counter", "service_replayed_total", "Verdicts replayed")
        self._gaps = declare("counter", "service_gaps_total", "Replays answered with what is no longer kept")
        self._postponed = declare(
            "counter", "service_postponed_total", "Turns at which all that waited were over their share of time"
        )
        self._unsent = declare("counter", "service_answers_unsent_total", "Answers that their client did not take")
        self._failed = declare("counter", "service_handshakes_failed_total", "Connections that spoke something else")
        self._ended = declare(
            "counter", "service_disconnects_total", "Connections that ended, also those with a request over 64 KiB"
        )
        self._cut = declare(
            "counter",
            "service_connections_cut_total",
            "Connections hung up on: they brought far more than a client says",
        )
        self._damaged = declare("counter", "journal_segments_damaged_total", "Segments that a replay could not read")
        self._acked = declare(
            "gauge", "consumer_acked_seq", "Newest verdict of this epoch that a consumer acknowledged", "consumer"
        )
        self._outcomes = declare("counter", "gate_outcomes_total", "What gates say that became of parts", "outcome")

    def set_journal(self, figures: JournalFigures) -> None:
        """Take over what the journal says of itself."""
        with self._lock:
            self._durable.set(figures.durable_seq)
            self._refused.set(figures.rows_refused)
            self._late.set(figures.rows_late)
            self._bytes.set(figures.n_bytes)

    def set_service(self, figures: ServiceFigures) -> None:
        """Take over the counts of the service endpoint."""
        with self._lock:
            for op in OPS:
                self._requests.set(getattr(figures, op), op)
            self._bad.set(figures.bad_requests)
            self._busy.set(figures.busy)
            self._replayed.set(figures.replayed)
            self._gaps.set(figures.gaps)
            self._postponed.set(figures.postponed)
            self._unsent.set(figures.unsent)
            self._failed.set(figures.handshakes_failed)
            self._ended.set(figures.disconnected)
            self._cut.set(figures.cut)
            self._damaged.set(figures.damaged_segments)

    def set_consumers(self, acked: dict[str, int], outcomes: dict[str, int]) -> None:
        """Take over how far consumers are, by name, and what gates did, by outcome."""
        with self._lock:
            self._acked.clear()
            for consumer in sorted(acked)[:MAX_CONSUMERS]:
                self._acked.set(acked[consumer], consumer)
            for outcome, count in outcomes.items():
                self._outcomes.set(count, outcome)
