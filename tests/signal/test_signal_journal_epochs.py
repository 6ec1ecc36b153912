"""Which epoch goes on: what is found at a start decides, and what is gone is announced."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fakes.journal_parts import BOOT, LINE, JournalRun

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Counts
from edge_inspector.signal.journal import Known, begin_journal, boot_id, renew_journal
from edge_inspector.signal.journal_files import KEPT_DAMAGED, SegmentFile, segment_files
from edge_inspector.signal.journal_reader import Gap, JournalReader

ROWS = 250
OFFSET = 999


def written(folder: Path, *, is_clean: bool = False, rows: int = ROWS) -> JournalRun:
    """Return a run that has ended: in good order, or as a kill leaves it."""
    run = JournalRun(folder)
    for _ in range(rows // 50):
        run.append(50)
        run.work(2)
    if is_clean:
        run.close()
    else:
        run.respawn()  # lets go of the files
    return run


def known(run: JournalRun, judged: int = ROWS, given: int = ROWS) -> Known:
    """Return what the part numbers' file holds: so many were judged at least, so many given at most."""
    return Known(run.epoch, OFFSET, judged + OFFSET + 1, given + OFFSET + 1)


def execute(file: SegmentFile, sql: str) -> None:
    with closing(sqlite3.connect(file.path, isolation_level=None)) as database:
        database.execute(sql)


@pytest.mark.parametrize(("is_clean", "boot"), [(True, BOOT), (True, "another"), (False, BOOT)])
def test_the_epoch_goes_on(tmp_path: Path, is_clean: bool, boot: str) -> None:
    former = written(tmp_path, is_clean=is_clean)

    began = begin_journal(tmp_path, LINE, boot, known(former))

    assert (began.epoch, began.run, began.news) == (former.epoch, 2, ())
    assert began.counts == Counts(ROWS, ROWS + OFFSET, ROWS)
    assert began.last_part == ROWS + OFFSET


def test_an_unclean_restart_of_the_computer_begins_a_new_epoch_and_says_what_may_be_gone(tmp_path: Path) -> None:
    former = written(tmp_path)

    began = begin_journal(tmp_path, LINE, "another boot", known(former, given=10_000))

    (news,) = began.news
    assert (began.epoch != former.epoch, began.run, began.counts.seq) == (True, 1, 0)
    assert (news.name, news.severity) == ("tail_lost", "error")
    assert news.extra == {"of_epoch": former.epoch, "range": [ROWS + 1, 10_000]}
    assert began.last_part == ROWS + OFFSET
    assert [(each.epoch, each.head_seq) for each in JournalReader(tmp_path).epochs()] == [
        (former.epoch, ROWS),
        (began.epoch, 0),
    ]


def test_after_that_the_new_epoch_goes_on(tmp_path: Path) -> None:
    written(tmp_path)
    second = JournalRun(tmp_path, boot="another boot")
    second.respawn()

    third = begin_journal(tmp_path, LINE, "another boot", None)

    assert (third.epoch, third.run, third.counts.seq) == (second.epoch, 2, 0)


def test_a_new_line_begins_without_news(tmp_path: Path) -> None:
    began = begin_journal(tmp_path / "deep" / "journal", LINE, BOOT, None)

    assert (began.run, began.counts, began.news) == (1, Counts(), ())


def test_a_journal_that_was_deleted_begins_a_new_epoch_and_says_which_numbers_are_gone(tmp_path: Path) -> None:
    former = written(tmp_path, is_clean=True)
    for path in tmp_path.iterdir():
        path.unlink()

    began = begin_journal(tmp_path, LINE, BOOT, known(former))

    assert began.epoch != former.epoch
    assert [news.extra for news in began.news] == [{"of_epoch": former.epoch, "range": [1, ROWS]}]


def test_an_old_copy_that_was_put_back_is_noticed_by_the_part_numbers(tmp_path: Path) -> None:
    former = written(tmp_path, is_clean=True)

    began = begin_journal(tmp_path, LINE, BOOT, known(former, judged=ROWS + 1, given=ROWS + 7))

    assert began.epoch != former.epoch
    assert [news.extra["range"] for news in began.news] == [[ROWS + 1, ROWS + 7]]


def test_a_journal_of_another_epoch_than_the_line_was_at_is_not_gone_on_with(tmp_path: Path) -> None:
    former = written(tmp_path, is_clean=True)

    began = begin_journal(tmp_path, LINE, BOOT, Known(77, OFFSET, 5 + OFFSET, 5 + OFFSET))

    assert began.epoch not in (former.epoch, 77)
    assert [news.extra for news in began.news] == [{"of_epoch": 77, "range": [1, 4]}]


def overwrite_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 3] = b"\x5a" * 8192
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(5000)


def lose_rows(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("DELETE FROM verdicts WHERE seq = (SELECT max(seq) - 1 FROM verdicts)")


DAMAGES: list[Callable[[Path], object]] = [
    overwrite_middle,
    cut_off,
    lose_rows,
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"this is no database " * 1000),
    lambda path: path.write_bytes(path.read_bytes()[:100]),
]


@pytest.mark.fault(
    31,
    injected="a segment with overwritten or missing pages",
    seen="set aside for people; a new epoch; `tail_lost` names the rows",
    noticed="at the start",
)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_segment_is_set_aside_and_a_new_epoch_begins(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    former = written(tmp_path, is_clean=True)
    newest = segment_files(tmp_path)[-1]
    damage(newest.path)
    broken = newest.path.read_bytes()

    began = begin_journal(tmp_path, LINE, BOOT, known(former))

    (aside,) = tmp_path.glob("*.damaged-*")
    lost, told = began.news
    kept = JournalReader(tmp_path).epochs()[0]
    assert began.epoch != former.epoch
    assert aside.read_bytes() == broken
    assert (lost.name, told.name) == ("tail_lost", "journal_damaged")
    assert aside.name in told.detail
    assert lost.extra == {"of_epoch": former.epoch, "range": [kept.head_seq + 1, ROWS]}
    assert 0 < kept.head_seq < ROWS, "what lies in whole segments stays"


def test_damaged_files_are_kept_only_so_many(tmp_path: Path) -> None:
    for _ in range(KEPT_DAMAGED + 3):
        written(tmp_path, is_clean=True, rows=50)
        segment_files(tmp_path)[-1].path.write_bytes(b"")
    begin_journal(tmp_path, LINE, BOOT, None)

    assert len(list(tmp_path.glob("*.damaged-*"))) == KEPT_DAMAGED


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("PRAGMA user_version = 2", "has schema 2, this program knows 1"),
        ("PRAGMA application_id = 5", "another program's database"),
        ("UPDATE segment SET line = 'other'", "the journal of line other"),
    ],
)
def test_what_is_not_this_programs_or_lines_is_refused_and_left_alone(tmp_path: Path, sql: str, what: str) -> None:
    written(tmp_path, is_clean=True)
    newest = segment_files(tmp_path)[-1]
    execute(newest, sql)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(JournalError, match=what):
        begin_journal(tmp_path, LINE, BOOT, None)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_used_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalError, match=r"file/journal cannot be used: .*set journal.folder"):
        begin_journal(tmp_path / "file" / "journal", LINE, BOOT, None)


def test_an_epoch_is_never_one_that_is_still_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    former = written(tmp_path)
    drawn = iter([former.epoch, 0, former.epoch, 4711])
    monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))

    assert begin_journal(tmp_path, LINE, "another boot", None).epoch == 4711


def test_a_journal_in_order_is_not_renewed(tmp_path: Path) -> None:
    run = written(tmp_path)
    n_files = len(segment_files(tmp_path))

    for counted in (ROWS, ROWS - 1):  # the writer was killed between row and ledger
        counts = Counts(counted, counted + OFFSET, counted)
        assert renew_journal(tmp_path, LINE, BOOT, run.epoch, counts) is None

    assert len(segment_files(tmp_path)) == n_files


@pytest.mark.parametrize("counted", [ROWS + 1, ROWS - 2])
def test_a_journal_that_does_not_fit_to_what_was_counted_is_renewed(tmp_path: Path, counted: int) -> None:
    run = written(tmp_path)

    began = renew_journal(tmp_path, LINE, BOOT, run.epoch, Counts(counted, counted + OFFSET, counted))

    assert began is not None
    assert (began.epoch != run.epoch, began.counts.seq) == (True, 0)
    lost = [news.extra["range"] for news in began.news]
    assert lost == ([[ROWS + 1, ROWS + 1]] if counted > ROWS else [])


def test_a_journal_that_was_taken_away_is_renewed(tmp_path: Path) -> None:
    run = written(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()

    began = renew_journal(tmp_path, LINE, BOOT, run.epoch, Counts(ROWS, ROWS + OFFSET, ROWS))

    assert began is not None
    assert [news.extra for news in began.news] == [{"of_epoch": run.epoch, "range": [1, ROWS]}]


def test_rows_before_a_new_epoch_are_still_read(tmp_path: Path) -> None:
    former = written(tmp_path)
    begin_journal(tmp_path, LINE, "another boot", None)

    found = JournalReader(tmp_path).read(former.epoch, ROWS, ROWS)

    assert not isinstance(found, Gap)
    assert len(found) == 1


def test_the_kernel_gives_each_start_of_the_computer_a_name() -> None:
    assert len(boot_id()) == 36
    assert boot_id() == boot_id()
