"""What metrics are told of the journal, the service endpoint and its consumers."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.observe.figures import JournalFigures
from edge_inspector.observe.record_metrics import RecordMetrics
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.signal.consumers import Consumers
from edge_inspector.signal.journal_files import segment_files
from edge_inspector.signal.service import Service

MEASURE_NS = 10_000_000_000
"""A thousand files take some milliseconds to look at."""


class Record:
    """Called once a second by main's loop; what the service thread writes is read as it stands."""

    def __init__(self, memory: LineMemory, folder: Path, service: Service, consumers: Consumers) -> None:
        """Prepare.

        Args:
            memory: Of the line.
            folder: Of its journal.
            service: What it counts is told.
            consumers: How far they are.
        """
        self._memory, self._folder, self._service, self._consumers = memory, folder, service, consumers
        self._n_bytes: int | None = None
        self._measured_ns = -MEASURE_NS

    def __call__(self, record: RecordMetrics) -> None:
        """Fill the metrics."""
        read = self._memory.read
        durable_seq, refused, late = (read(word) for word in (Word.DURABLE_SEQ, Word.ROWS_REFUSED, Word.ROWS_LATE))
        record.set_journal(JournalFigures(durable_seq, refused, late, self._bytes()))
        record.set_service(self._service.counts)
        epoch = read(Word.EPOCH)
        acked = {one.consumer: one.upto if one.epoch == epoch else 0 for one in self._consumers.acked.values()}
        record.set_consumers(acked, dict(self._consumers.outcomes))

    def _bytes(self) -> int | None:
        if monotonic_ns() >= self._measured_ns + MEASURE_NS:
            self._measured_ns = monotonic_ns()
            try:
                self._n_bytes = sum(file.n_bytes() for file in segment_files(self._folder))
            except OSError:
                self._n_bytes = None
        return self._n_bytes
