"""The subscriber's database: rows and cursor are kept together or not at all."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.client import Notice, NoticeName
from edge_inspector.drill.recorder import Store, records


def test_what_was_not_stored_with_its_position_is_gone_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    store = Store(path)
    store.row(7, 1)
    store.store({7: 1})
    store.row(7, 2)
    store._base.close()  # as a kill leaves it

    again = Store(path)

    assert again.load() == {7: 1}
    assert records(path)[7].rows == 1


def test_a_row_that_comes_a_second_time_is_told_by_whether_a_kill_lies_between(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    store = Store(path)
    for seq in (1, 2, 2):
        store.row(7, seq)
    store.store({7: 1})
    store._base.close()
    again = Store(path)
    again.row(7, 2)
    again.row(7, 3)
    again.notice(Notice(NoticeName.GAP, "gone", 7, 4, 5))
    again.store({7: 3})

    record = records(path)[7]

    assert (record.first, record.last, record.rows, record.twice, record.again, record.lost) == (1, 3, 3, 1, 1, 1)
    assert not record.is_whole
