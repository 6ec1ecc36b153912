"""Tables and files of a run: whole chunks, whole files, and words when the disk is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from edge_inspector.core.errors import UsageError
from export.learn.files import sole_user, write_whole
from export.learn.table import CHUNK, fill_table


def _squares(rows: range) -> np.ndarray:
    return np.stack([np.full(3, row**2, np.float32) for row in rows])


def test_a_table_that_was_cut_off_goes_on_at_its_last_whole_chunk(tmp_path: Path) -> None:
    file, asked = tmp_path / "t", list[int]()
    n = 3 * CHUNK + 5
    whole = fill_table(file, (n, 3), np.float32, _squares, lambda _: None)
    np.testing.assert_array_equal(whole[:, 1], np.arange(n) ** 2.0)
    content = file.read_bytes()
    file.write_bytes(content[: (2 * CHUNK + 7) * 12 + 1])

    def compute(rows: range) -> np.ndarray:
        asked.extend(rows)
        return _squares(rows)

    again = fill_table(file, (n, 3), np.float32, compute, lambda _: None)

    assert asked == list(range(2 * CHUNK, n))
    assert file.read_bytes() == content
    np.testing.assert_array_equal(again, whole)


def test_a_full_disk_is_said_in_words_and_keeps_the_rows_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "t"

    def compute(rows: range) -> np.ndarray:
        if rows.start:
            raise OSError(errno.ENOSPC, "No space left on device")
        return _squares(rows)

    with pytest.raises(UsageError, match=r"t cannot be written \(No space left on device\); free space .* goes on"):
        fill_table(file, (2 * CHUNK, 3), np.float32, compute, lambda _: None)

    assert file.stat().st_size == CHUNK * 12


def test_a_file_that_could_not_be_written_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights.pt"
    write_whole(file, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"weights\.pt cannot be written \(No space left"):
        write_whole(file, b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["weights.pt"]
    assert file.read_bytes() == b"old"


def test_a_run_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    with sole_user(tmp_path), pytest.raises(UsageError, match="another training works in"), sole_user(tmp_path):
        pass
    with sole_user(tmp_path):
        pass
