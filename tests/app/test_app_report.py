from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from app_samples import settings_of, values
from fakes.child import FakeChild
from fakes.line_memory import make_memory

from edge_inspector.app import report
from edge_inspector.app.report import Children, Reporter, grown_too_large
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState, Totals
from edge_inspector.observe.fresh import fresh_metrics
from edge_inspector.observe.gpu_figures import GpuFigures, GpuWatchFigures
from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word

PREFIX = "edge_inspector_"
FIGURES = {
    CameraWord.FRAMES: "frames_total",
    CameraWord.FRAMES_LOST: "frames_lost_total",
    CameraWord.FRAMES_INCOMPLETE: "frames_incomplete_total",
    CameraWord.FRAMES_INVALID: "frames_invalid_total",
    CameraWord.OVERRUNS: "frames_overrun_total",
    CameraWord.ENCODER_FAULTS: "encoder_faults_total",
    CameraWord.DISCARDED: "buffers_discarded_total",
    Word.HANDOVER_DROPPED: "handover_dropped_total",
    Word.SUBSCRIBERS: "subscribers",
    Word.CLOCK_SYNCED: "clock_synced",
}


@dataclass
class Replaced:
    """What the reporter sees of a watched child."""

    restarts: int = 0
    child: FakeChild | None = None


@dataclass
class Mailbox:
    depth: int = 3
    max_items: int = 32
    dropped: int = 5


@dataclass
class Keeper:
    mailbox: Mailbox = field(default_factory=Mailbox)
    taken_back: int = 11
    has_read_folder: bool = True

    def status(self) -> Any:
        from edge_inspector.record.evidence import EvidenceStatus

        return EvidenceStatus(7, 1, {"disk_low": 2}, 1000, 2000, 3000) if self.has_read_folder else None


class Bench:
    def __init__(self, gpus: Any = None) -> None:
        self.memory: LineMemory = make_memory()
        metrics, take = fresh_metrics(0.1)
        self.reporter = Reporter(metrics, take, self.memory, ["cam0"], gpus=gpus)
        self.camera, self.inspect = Replaced(), Replaced()

    def numbers(self, totals: Totals | None = None, keeper: Keeper | None = None) -> dict[str, float]:
        """Return every number of a snapshot by its name and label values."""
        families = self.reporter.snapshot(
            totals or Totals(),
            LineState.READY,
            True,
            Children([self.camera], self.inspect),  # type: ignore[list-item, arg-type]
            keeper,  # type: ignore[arg-type]
        )
        found = {}
        for family in families:
            for suffix, labels, value in family["samples"]:
                name = family["name"].removeprefix(PREFIX) + suffix
                found[" ".join([name, *labels.values()])] = value
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("word", "name"), FIGURES.items())
def test_each_count_of_the_shared_memory_is_the_metric_of_its_name_and_no_other(
    bench: Bench, word: Word | CameraWord, name: str
) -> None:
    before = bench.numbers()
    memory = bench.memory.cameras[0] if isinstance(word, CameraWord) else bench.memory
    memory.write(word, 1)  # type: ignore[arg-type]

    after = bench.numbers()

    moved = {key for key in after if after[key] != before.get(key) and "bytes" not in key}
    assert {key.split()[0] for key in moved} == {name}


def test_totals_come_from_the_ledger_and_balance(bench: Bench) -> None:
    numbers = bench.numbers(Totals(triggers=10, passes=4, rejects=3, unknowns=2, lates=1))

    assert numbers["triggers_total"] == 10
    assert numbers["passes_total"] + numbers["rejects_total"] + numbers["unknowns_total"] == 9
    assert (numbers["parts_in_flight"], numbers["verdicts_late_total"], numbers["journal_head_seq"]) == (1, 1, 9)


def test_ages_are_left_out_before_there_is_a_moment_to_count_from(bench: Bench) -> None:
    before = bench.numbers()
    bench.memory.write(Word.HEARTBEAT_NS, monotonic_ns() - 2_000_000_000)
    bench.memory.cameras[0].write(CameraWord.LAST_FRAME_NS, monotonic_ns() - 3_000_000_000)

    after = bench.numbers()

    assert "heartbeat_age_seconds" not in before
    assert "last_frame_age_seconds cam0" not in before
    assert 2 <= after["heartbeat_age_seconds"] < 3
    assert 3 <= after["last_frame_age_seconds cam0"] < 4


@pytest.mark.parametrize(
    ("status", "connected"),
    [(CameraStatus.DOWN, 0), (CameraStatus.ARMED, 1), (CameraStatus.RESYNCING, 1), (CameraStatus.ENDED, 0)],
)
def test_a_camera_is_connected_while_it_is_armed(bench: Bench, status: CameraStatus, connected: int) -> None:
    bench.memory.cameras[0].write(CameraWord.STATUS, status)

    assert bench.numbers()["camera_connected cam0"] == connected


def test_restarts_and_memory_are_those_of_their_process(bench: Bench) -> None:
    bench.camera.restarts, bench.inspect.restarts = 2, 5
    bench.inspect.child = FakeChild(pid=os.getpid())

    numbers = bench.numbers()

    assert (numbers["process_restarts_total camera"], numbers["process_restarts_total inspect"]) == (2, 5)
    assert numbers["camera_reconnects_total cam0"] == 2
    assert numbers["process_resident_bytes inspect"] > 1_000_000
    assert numbers["process_resident_bytes main"] > 1_000_000
    assert "process_resident_bytes camera" not in numbers


def test_a_child_that_ended_a_moment_ago_has_no_memory(bench: Bench) -> None:
    bench.camera.child = FakeChild(pid=2**22 + 1)  # above the largest pid

    assert "process_resident_bytes camera" not in bench.numbers()


def test_the_ring_is_as_full_as_what_waits_for_its_verdict(bench: Bench) -> None:
    bench.memory.cameras[0].write(CameraWord.HEAD, 9)
    bench.memory.cameras[0].write(CameraWord.CONSUMED, 4)

    numbers = bench.numbers(totals=Totals(triggers=9, passes=1, rejects=1, unknowns=2))

    assert (numbers["queue_depth ring"], numbers["queue_capacity ring"]) == (5, bench.memory.cameras[0].layout.records)


def test_every_way_to_lose_a_picture_before_the_store_is_counted_once(bench: Bench) -> None:
    bench.memory.write(Word.EVIDENCE_DROPPED, 100)

    numbers = bench.numbers(keeper=Keeper())

    assert numbers["evidence_dropped_total queue_full"] == 5 + 11 + 100
    assert numbers["evidence_dropped_total disk_low"] == 2
    assert (numbers["queue_depth evidence"], numbers["queue_capacity evidence"]) == (3, 32)
    assert (numbers["evidence_written_total"], numbers["evidence_evicted_total"]) == (7, 1)


def test_before_the_folder_is_read_there_is_only_the_queue(bench: Bench) -> None:
    numbers = bench.numbers(keeper=Keeper(has_read_folder=False))

    assert numbers["queue_depth evidence"] == 3
    assert "evidence_bytes" not in numbers


def test_without_evidence_there_are_no_numbers_of_it(bench: Bench) -> None:
    assert not {"queue_depth evidence", "evidence_bytes", "disk_free_bytes"} & set(bench.numbers())


def test_a_camera_process_that_leaks_is_replaced_and_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(values("genicam"))
    this = SimpleNamespace(pid=os.getpid())
    assert grown_too_large(this, settings) == ""  # type: ignore[arg-type]
    monkeypatch.setattr(report, "CAMERA_MB", 0)

    assert "MB of memory" in grown_too_large(this, settings)  # type: ignore[arg-type]
    assert grown_too_large(None, settings) == ""


class Watch:
    """What the reporter uses of `GpuWatch`."""

    is_closed = False

    def turn(self) -> GpuWatchFigures:
        return GpuWatchFigures([GpuFigures(0, utilization=0.5)], 0.25)

    def close(self) -> None:
        self.is_closed = True


def test_gpus_are_asked_with_each_snapshot_and_let_go_at_the_end() -> None:
    watch = Watch()
    bench = Bench(gpus=watch)

    numbers = bench.numbers()
    bench.reporter.close()

    assert (numbers["gpu_utilization_ratio 0"], numbers["gpu_sample_age_seconds"]) == (0.5, 0.25)
    assert watch.is_closed
