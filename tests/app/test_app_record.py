"""What metrics are told of consumers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from fakes.line_memory import make_memory

from edge_inspector.app.record import Record
from edge_inspector.observe.fresh import fresh_metrics
from edge_inspector.run.memory import Word
from edge_inspector.signal.answers import ServiceCounts
from edge_inspector.signal.consumers import Acked


def test_what_was_acknowledged_of_a_former_epoch_is_nothing_of_this_one(tmp_path: Path) -> None:
    memory = make_memory()
    memory.write(Word.EPOCH, 8)
    acked = {"here": Acked("here", 8, 40, 0), "behind": Acked("behind", 7, 9_000, 0)}
    consumers = SimpleNamespace(acked=acked, outcomes={})
    record = Record(memory, tmp_path, SimpleNamespace(counts=ServiceCounts()), consumers)  # type: ignore[arg-type]
    metrics, take = fresh_metrics(None)

    record(metrics.record)

    [family] = [family for family in take() if family["name"] == "edge_inspector_consumer_acked_seq"]
    assert {labels["consumer"]: value for _, labels, value in family["samples"]} == {"here": 40, "behind": 0}
