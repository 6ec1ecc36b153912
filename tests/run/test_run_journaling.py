"""Law 2 in the loop: nothing is sent that the journal does not have in time, and the line says so."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fakes.inspect_bench import Bench, MakeBench, benches
from fakes.line_memory import frame_arrival

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Counts, Entry, Kept
from edge_inspector.core.verdict import LineState, Outcome, Reason
from edge_inspector.run import heart as heart_module
from edge_inspector.run import journaling as module
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import Word


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry, probe and trust again at once: the tests wait for nothing."""
    for name in ("RETRY_NS", "PROBE_NS", "STEADY_NS"):
        monkeypatch.setattr(module, name, 0)


def beat(bench: Bench) -> tuple[bool, tuple[str, ...]]:
    bench.loop._heart.beat()
    return bench.signals.beats[-1].is_ready, bench.signals.beats[-1].faults


def told(bench: Bench) -> list[str]:
    notes = [note for note, _ in iter(bench.notes.take, None)]
    return [note["name"] for note in notes if note["kind"] == "event"]


def test_a_row_is_committed_before_its_verdict_counts_or_is_sent(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    seen: list[tuple[int, list[int]]] = []
    append = bench.journal.append

    def watched(entry: Entry) -> Kept | Entry:
        seen.append((Ledger(bench.memory).seq, list(bench.signals.sent)))
        return append(entry)

    bench.journal.append = watched  # type: ignore[method-assign]
    bench.loop.step()

    assert seen == [(0, [])]
    assert bench.journal.rows[0].counts == Counts(1, 1, passes=1)
    assert (Ledger(bench.memory).seq, bench.signals.sent) == (1, [1])


@pytest.mark.usefixtures("soon")
def test_a_row_that_is_refused_holds_its_part_and_leaves_the_number_free(make_bench: MakeBench) -> None:
    bench = make_bench()
    for number in (200, 10):
        bench.writer.accept(frame_arrival(number))
    bench.journal.then(Kept.NOT, Kept.NOT)

    worked = [bench.loop.step() for _ in range(4)]

    assert worked == [False, False, True, True]
    assert [entry.counts.seq for entry in bench.journal.refused] == [1, 1]
    assert [row.counts for row in bench.journal.rows] == [Counts(1, 1, rejects=1), Counts(2, 2, passes=1, rejects=1)]
    assert bench.signals.sent == [1, 2]
    assert bench.memory.read(Word.ROWS_REFUSED) == 2


@pytest.mark.usefixtures("soon")
def test_while_rows_are_refused_the_heartbeat_says_not_ready_and_why(make_bench: MakeBench) -> None:
    bench = make_bench()
    before = beat(bench)
    bench.writer.accept(frame_arrival(10))
    bench.journal.then(Kept.NOT)
    bench.loop.step()
    during = beat(bench)
    bench.loop.step()
    sent_in_doubt = json.loads(bench.journal.rows[0].message)["ready"]
    after = beat(bench), beat(bench)

    assert before == (True, ())
    assert during == (False, ("journal",))
    assert sent_in_doubt is False, "the verdict that waited must not be acted on"
    assert after[-1] == (True, ())
    assert told(bench) == ["journal_fault", "journal_recovered"]


def test_the_heartbeat_goes_on_however_long_a_part_waits_for_the_disk(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    bench.journal.then(*[Kept.NOT] * 100)
    bench.loop.step()
    now_ns = heart_module.monotonic_ns
    monkeypatch.setattr(heart_module, "monotonic_ns", lambda: now_ns() + 60_000_000_000)
    monkeypatch.setattr(bench.loop._judging, "progress_ns", heart_module.monotonic_ns)

    assert not bench.loop._heart.is_stuck()
    assert beat(bench)[1] == ("journal", "camera_stalled")


def test_a_row_that_is_refused_is_not_tried_without_a_pause(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    monkeypatch.setattr(module, "RETRY_NS", 60_000_000_000)
    bench.writer.accept(frame_arrival(10))
    bench.journal.then(*[Kept.NOT] * 100)

    for _ in range(50):
        bench.loop.step()

    assert len(bench.journal.refused) == 1
    assert bench.loop._heart.wait_s() <= 0.1
    monkeypatch.setattr(module, "RETRY_NS", 0)
    assert bench.loop._heart.wait_s() == 0


@pytest.mark.usefixtures("soon")
def test_a_row_that_came_too_late_uses_its_number_up_and_is_not_sent(make_bench: MakeBench) -> None:
    bench = make_bench()
    for number in (10, 10, 10):
        bench.writer.accept(frame_arrival(number))
    bench.journal.then(Kept.QUICK, Kept.SLOW)

    worked = [bench.loop.step() for _ in range(3)]

    assert worked == [True] * 3
    assert bench.signals.sent == [1, 3]
    assert [row.counts.seq for row in bench.journal.rows] == [1, 2, 3]
    assert Ledger(bench.memory).seq == 3
    assert bench.memory.read(Word.ROWS_LATE) == 1


def test_after_a_late_row_the_line_is_not_ready_until_nothing_went_wrong_for_a_while(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    monkeypatch.setattr(module, "PROBE_NS", 0)
    bench.writer.accept(frame_arrival(10))
    bench.journal.then(Kept.SLOW)
    bench.loop.step()
    soon = [beat(bench)[0] for _ in range(3)]
    monkeypatch.setattr(module, "STEADY_NS", 0)
    bench.journal.is_quick = False
    slow = beat(bench)
    bench.journal.is_quick = True
    monkeypatch.setattr(module, "STEADY_NS", 1_000_000_000)
    still_soon = beat(bench)
    monkeypatch.setattr(module, "STEADY_NS", 0)
    steady = beat(bench)

    assert soon == [False] * 3
    assert bench.journal.probes >= 4, "an idle line tries with something that is no row"
    assert slow[1] != ()
    assert (still_soon[0], steady[0]) == (False, True)
    assert "from seq 1 to 1 were not sent" in _detail(bench, "journal_recovered")


def _detail(bench: Bench, name: str) -> str:
    notes = [note for note, _ in iter(bench.notes.take, None)]
    return next(note["detail"] for note in notes if note["kind"] == "event" and note["name"] == name)


def test_a_backlog_keeps_the_fault_until_it_has_its_verdicts(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    bench.journal.then(Kept.SLOW)
    bench.loop.step()
    monkeypatch.setattr(module, "STEADY_NS", 0)
    bench.writer.accept(frame_arrival(10))
    monkeypatch.setattr(bench.loop._heart, "_waited_ns", lambda: 1_500_000_000)
    behind = beat(bench)
    monkeypatch.undo()
    monkeypatch.setattr(module, "STEADY_NS", 0)
    bench.loop.step()

    assert behind[1] == ("journal",)
    assert beat(bench)[1] == ()


def test_a_row_that_a_killed_predecessor_committed_counts_and_is_sent_for_the_record(make_bench: MakeBench) -> None:
    bench = make_bench()
    for number in (10, 200):
        bench.writer.accept(frame_arrival(number))
    bench.loop.step()
    message = b'{"part_id": 2, "ready": true, "evidence_id": "line-00000005-00000002"}'
    bench.journal.rows.append(Entry(Counts(2, 2, passes=1, rejects=1), message))  # killed before the ledger
    successor = bench.new_loop()

    assert successor.step()

    assert bench.outcomes()[-1] == (Outcome.UNKNOWN, Reason.PROCESS_LOST), "what the successor would have said"
    totals = Ledger(bench.memory).totals()
    assert (totals.passes, totals.rejects, totals.unknowns, totals.in_flight) == (1, 1, 0, 0)
    assert bench.signals.sent == [1]
    assert bench.signals.sent_again == [message]
    assert len(bench.journal.rows) == 2


def test_numbers_and_counts_go_on_from_what_the_epoch_had_before(make_bench: MakeBench) -> None:
    bench = make_bench()
    Ledger(bench.memory).begin_epoch(Counts(7, 700, passes=4, rejects=1, unknowns=2, lates=1))
    bench.journal.rows = [Entry(Counts(n, 693 + n), b"") for n in range(1, 8)]
    bench.writer.accept(frame_arrival(200))
    bench.loop.step()

    beat(bench)

    newest = bench.signals.beats[-1]
    assert bench.signals.verdicts[-1].seq == newest.head_seq == 8
    assert bench.journal.rows[-1].counts == Counts(8, 1, passes=4, rejects=2, unknowns=2, lates=1)
    assert (newest.totals.triggers, newest.totals.rejects, newest.totals.in_flight) == (8, 2, 0)


def test_a_new_epoch_in_the_middle_of_a_run_counts_from_one(make_bench: MakeBench) -> None:
    bench = make_bench()
    for number in (10, 200, 10):
        bench.writer.accept(frame_arrival(number))
    bench.loop.step()
    bench.loop.step()
    Ledger(bench.memory).begin_epoch(Counts())
    bench.journal.rows.clear()
    successor = bench.new_loop()
    successor.step()

    totals = Ledger(bench.memory).epoch_totals()
    assert bench.signals.verdicts[-1].seq == 1
    assert bench.journal.rows[0].counts == Counts(1, 3, unknowns=1)
    assert (totals.triggers, totals.unknowns, totals.passes, totals.in_flight) == (1, 1, 0, 0)


def test_durable_seq_is_told_and_never_goes_back(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.memory.write(Word.DURABLE_SEQ, 5)
    beat(bench)
    bench.journal.durable_seq = 9
    beat(bench)
    bench.journal.durable_seq = 0  # a successor that has synced nothing yet
    bench.loop = bench.new_loop()
    beat(bench)

    assert [each.durable_seq for each in bench.signals.beats] == [5, 9, 9]


def test_a_journal_that_cannot_be_gone_on_with_ends_the_process(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    bench.journal.then(JournalError("damaged"))
    with pytest.raises(JournalError):
        bench.loop.step()
    bench.journal.is_gone = True
    with pytest.raises(JournalError, match="taken away"):
        bench.loop._heart.beat()

    assert (Ledger(bench.memory).seq, bench.signals.sent) == (0, [])


def test_the_journal_is_closed_before_the_last_heartbeat_which_says_that_all_is_durable(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    bench.halt()

    bench.loop.run()

    last = bench.signals.beats[-1]
    assert bench.journal.is_closed
    assert (last.state, last.durable_seq, last.head_seq) == (LineState.HALTED, 1, 1)


def test_what_the_disk_refuses_beside_rows_is_told_once(make_bench: MakeBench) -> None:
    bench = make_bench()
    for warning in ("", "sync: the disk lost a page", "sync: the disk lost a page", ""):
        bench.journal.warning = warning
        beat(bench)

    assert told(bench) == ["journal_warning", "journal_warning"]
    assert beat(bench) == (True, ())


def test_a_message_that_could_never_be_entered_is_not_journaled(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.writer.accept(frame_arrival(10))
    bench.signals.encode = lambda verdict, is_ready: (b"{}", bytes(70_000))  # type: ignore[method-assign]

    with pytest.raises(ValueError, match="70000 bytes"):
        bench.loop.step()

    assert bench.journal.rows == []


def test_evidence_that_has_no_room_is_counted_once_however_often_its_row_was_refused(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_NS", 0)
    bench = make_bench()
    monkeypatch.setattr(bench.loop._assembler, "can_lend", lambda camera: False)
    bench.writer.accept(frame_arrival(200))
    bench.journal.then(*[Kept.NOT] * 5)

    while not bench.loop.step():
        pass

    assert bench.memory.read(Word.EVIDENCE_DROPPED) == 1
