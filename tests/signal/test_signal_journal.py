"""The journal as the loop meets it: rows, changes of segments, bounds, refusals."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from fakes.journal_parts import MB, SMALL, Holder, JournalRun, Threaded, entry
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Counts, Entry, Kept
from edge_inspector.signal import journal_keeper
from edge_inspector.signal.journal_files import segment_files
from edge_inspector.signal.journal_keeper import JournalLimits
from edge_inspector.signal.journal_reader import Gap, JournalReader
from edge_inspector.signal.message import split


def kept_rows(folder: Path, epoch: int) -> list[int]:
    """Return the part numbers of all rows that are kept, in order; fails on a hole."""
    reader = JournalReader(folder)
    (span,) = [each for each in reader.epochs() if each.epoch == epoch]
    rows = []
    at = span.tail_seq
    while at <= span.head_seq:
        found = reader.read(epoch, at, span.head_seq)
        assert not isinstance(found, Gap)
        rows += [int.from_bytes(header[24:32], "big") for header, _ in found]
        at += len(found)
    assert len(rows) == span.head_seq - span.tail_seq + 1
    return rows


def test_every_row_is_there_as_it_was_sent_over_all_segments(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    for _ in range(10):
        assert set(run.append(60)) <= {Kept.QUICK, Kept.SLOW}
        run.work()

    assert len(segment_files(tmp_path)) > 4
    assert kept_rows(tmp_path, run.epoch) == list(range(1000, 1600))
    found = JournalReader(tmp_path).read(run.epoch, 300, 300)
    assert found == [tuple(split(entry(300, run.epoch).message)[1:])]


def test_rows_are_durable_when_they_were_synced_and_not_before(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append(5)
    before = run.writer.durable_seq
    run.work()

    assert (before, run.writer.durable_seq) == (0, 5)


def test_rows_of_a_segment_that_was_just_left_are_synced_before_they_are_called_durable(tmp_path: Path) -> None:
    synced: list[str] = []
    run = JournalRun(tmp_path, at=synced.append)
    run.append()
    run.work()
    while "journal.after_change" not in synced:
        run.append()
    synced.clear()

    run.writer.keeper.sync()

    assert synced == ["journal.before_sync", "journal.before_sync", "journal.before_durable"]
    assert run.writer.durable_seq == run.seq


def test_the_journal_never_takes_more_than_it_may_and_the_oldest_go(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    for _ in range(50):
        run.append(200)
        run.work(3)
        run.work(8)
        assert sum(file.n_bytes() for file in segment_files(tmp_path)) <= SMALL.max_bytes

    (span,) = JournalReader(tmp_path).epochs()
    assert span.tail_seq > 1
    assert kept_rows(tmp_path, run.epoch)[-1] == 999 + run.seq


def test_many_small_segments_are_bounded_in_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_keeper, "MAX_SEGMENTS", 6)
    for _ in range(12):
        run = JournalRun(tmp_path)
        run.append(3)
        run.work(4)
        run.close()

    assert len(segment_files(tmp_path)) <= 7
    assert run.seq == 36


def test_a_line_that_is_started_and_stopped_without_parts_leaves_one_segment(tmp_path: Path) -> None:
    for _ in range(5):
        run = JournalRun(tmp_path)
        run.writer.probe()
        run.close()

    assert len(segment_files(tmp_path)) == 1
    assert run.began.run == 5


def test_a_row_that_is_not_taken_leaves_its_number_free(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append(3)
    with Holder(segment_files(tmp_path)[-1].path):
        refused = run.append()
    again = run.append()

    assert refused == [Kept.NOT]
    assert again[0] in (Kept.QUICK, Kept.SLOW)
    assert run.seq == 4
    assert kept_rows(tmp_path, run.epoch) == [1000, 1001, 1002, 1003]


def test_why_a_row_is_not_taken_can_be_told(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append()
    with Holder(segment_files(tmp_path)[-1].path):
        run.append()
        assert "locked" in run.writer.trouble
        assert run.writer.probe() is False
    assert run.writer.probe() is True
    assert run.writer.trouble == ""


def test_a_row_that_took_too_long_is_there_and_must_not_be_sent(tmp_path: Path) -> None:
    slow: set[str] = set()

    def at(name: str) -> None:
        if name in slow:
            time.sleep(0.021)

    run = JournalRun(tmp_path, at=at)
    quick = run.append()
    slow.add("journal.before_commit")
    late = run.append()
    is_quick_enough = run.writer.probe()

    assert (quick[0], late) == (Kept.QUICK, [Kept.SLOW])
    assert is_quick_enough is False
    assert kept_rows(tmp_path, run.epoch) == [1000, 1001]


def test_a_row_that_a_killed_predecessor_committed_counts_instead(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append(3)
    run.respawn()
    run.seq = 2  # the ledger was not flipped
    (found,) = run.append()

    assert isinstance(found, Entry)
    assert (found.counts, found.message) == (entry(3, run.epoch).counts, entry(3, run.epoch).message)
    assert run.append()[0] in (Kept.QUICK, Kept.SLOW)
    assert kept_rows(tmp_path, run.epoch) == [1000, 1001, 1002, 1003]


@pytest.mark.parametrize("counted", [0, 1, 5])
def test_a_journal_that_does_not_fit_to_the_line_is_not_gone_on_with(tmp_path: Path, counted: int) -> None:
    run = JournalRun(tmp_path)
    run.append(3)
    run.respawn()
    run.seq = counted

    with pytest.raises(JournalError, match=f"at seq 3, the line at {counted + 1}"):
        run.append()


def test_a_folder_whose_segment_was_taken_away_is_not_written_on(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append()
    run.work()
    run.writer.check()
    for path in tmp_path.iterdir():
        path.unlink()
    run.writer.keeper._looked_ns = 0
    run.work()

    with pytest.raises(JournalError, match="taken away"):
        run.writer.check()


def test_a_segment_that_breaks_under_the_writer_ends_it(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append(3)
    assert run.writer._active is not None
    run.writer._active._connection.execute("DROP TABLE verdicts")

    with pytest.raises(JournalError, match="damaged"):
        run.append()


@pytest.mark.fault(
    30,
    injected="one sync fails",
    seen="its rows are never called durable",
    noticed="with the call",
)
def test_a_sync_that_failed_is_not_made_good_by_a_later_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = JournalRun(tmp_path)
    run.append(3)
    run.work()
    run.append(2)

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "the fake disk lost a page")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        run.work()
    told = run.writer.keeper.trouble
    run.work()
    stands = run.writer.durable_seq
    run.append(4)  # into the next segment: this one is not believed
    run.writer.keeper._retry_ns = 0
    run.work(4)

    assert "lost a page" in told
    assert stands == 3
    assert len(segment_files(tmp_path)) >= 3
    assert run.writer.durable_seq == run.seq == 9


def test_a_reader_keeps_a_segment_from_being_finished_only_for_so_long(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append(300)
    first = segment_files(tmp_path)[0]
    reader = sqlite3.connect(first.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM verdicts").fetchone()
    run.work(2)
    run.append(60)
    run.work(2)
    assert first.beside("-wal").exists()

    reader.execute("COMMIT")
    reader.close()
    run.writer.keeper._retry_ns = 0
    run.work(2)

    assert not first.beside("-wal").exists()
    assert len(kept_rows(tmp_path, run.epoch)) == 360


def test_a_full_disk_costs_the_oldest_segment_before_it_costs_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = JournalRun(tmp_path)
    for _ in range(6):
        run.append(60)
        run.work(2)
    oldest = segment_files(tmp_path)[0]
    run.append(120)

    def fail(fd: int, at: int, n: int) -> None:
        raise OSError(errno.ENOSPC, "the fake disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", fail)
        run.writer.keeper._make_next()
    run.writer.keeper._make_next()

    assert not oldest.path.exists()
    assert run.append(60)[-1] is not Kept.NOT


def test_a_closed_journal_is_one_plain_file_that_says_so(tmp_path: Path) -> None:
    run = JournalRun(tmp_path)
    run.append(3)
    run.close()

    (file,) = segment_files(tmp_path)
    with closing(sqlite3.connect(file.path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert database.execute("SELECT is_clean FROM segment").fetchone() == (1,)
    assert [path.name for path in tmp_path.iterdir()] == [file.path.name]
    assert run.writer.durable_seq == 3


@pytest.mark.timeout(20)
@pytest.mark.parametrize("works", [0, 1])
def test_a_run_without_a_verdict_closes_what_a_killed_one_left(tmp_path: Path, works: int) -> None:
    killed = JournalRun(tmp_path)
    killed.append(3)
    killed.respawn()  # lets go of the files, as a kill does
    run = JournalRun(tmp_path)
    assert run.writer.open()
    run.work(works)

    run.close()

    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".db"] == []
    assert kept_rows(tmp_path, run.epoch) == [1000, 1001, 1002]


def test_loop_thread_and_reader_at_once_agree(tmp_path: Path) -> None:
    run = JournalRun(tmp_path, limits=JournalLimits(8 * MB, MB // 4))
    reader = JournalReader(tmp_path)
    with Threaded(run.writer.keeper.step):
        for _ in range(60):
            run.append(20)
            found = reader.read(run.epoch, max(1, run.seq - 100), run.seq)
            assert not isinstance(found, Gap)
            assert int.from_bytes(found[-1][0][8:16], "big") == run.seq
            time.sleep(0.002)
    run.close()

    assert kept_rows(tmp_path, run.epoch)[-1] == 999 + 1200


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), st.sampled_from(["respawn", "work", "stop", "hold"])), max_size=10))
def test_whatever_happens_in_whatever_order_rows_follow_one_another(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    run = JournalRun(folder)
    for n, then in steps:
        run.append(n)
        match then:
            case "respawn":
                run.respawn()
                head, run.seq = run.seq, max(0, run.seq - 1)
                run.append(head - run.seq)
            case "work":
                run.work(2)
            case "stop":
                run.close()
                run = JournalRun(folder)
            case "hold":
                run.append()
                assert run.writer._active is not None
                with Holder(run.writer._active.file.path):
                    assert run.append() == [Kept.NOT]
        assert run.writer.durable_seq <= run.seq

    assert run.began.counts == Counts(run.began.counts.seq, run.began.counts.part_id, run.began.counts.seq)
    assert kept_rows(folder, run.epoch) == list(range(1000, 1000 + run.seq))
