from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.errors import ProcessError
from edge_inspector.run import part_numbers
from edge_inspector.run.folder_lock import FolderLock
from edge_inspector.run.part_numbers import BLOCK, FormerRun, PartNumbers


@pytest.fixture(autouse=True)
def locks_go_with_their_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    held: list[FolderLock] = []

    class Noted(FolderLock):
        def __init__(self, folder: Path, setting: str) -> None:
            super().__init__(folder, setting)
            held.append(self)

        def close(self) -> None:
            held.remove(self)
            super().close()

    monkeypatch.setattr(part_numbers, "FolderLock", Noted)
    yield
    for lock in [*held]:
        lock.close()


def _begun(state_dir: Path, epoch: int = 0, offset: int = 0) -> PartNumbers:
    numbers = PartNumbers(state_dir)
    numbers.begin(epoch, offset)
    return numbers


def _abandon(numbers: PartNumbers) -> None:
    """Leave as a kill would: the lock goes, the file stays as it is."""
    numbers._lock.close()


def test_a_new_line_begins_at_one(tmp_path: Path) -> None:
    numbers = _begun(tmp_path / "state")

    assert (numbers.first, numbers.lost) == (1, None)


def test_after_a_clean_end_numbers_go_on_without_a_gap(tmp_path: Path) -> None:
    _begun(tmp_path).close(next_part=101)

    numbers = PartNumbers(tmp_path)

    assert (numbers.first, numbers.lost) == (101, None)


def test_what_a_killed_run_had_to_announce_is_kept_until_a_run_ends_in_good_order(tmp_path: Path) -> None:
    losses = [{"name": "tail_lost", "range": [5, 9]}]
    first = PartNumbers(tmp_path)
    first.begin(7, 0, losses)
    first.reserve(1, BLOCK)
    _abandon(first)

    second = PartNumbers(tmp_path)
    told = second.losses
    second.begin(7, 0, [*told, {"name": "parts_lost"}])
    second.renew(8, 0, 1, 1, [*told, {"name": "parts_lost"}])
    _abandon(second)
    third = PartNumbers(tmp_path)
    told_again = third.losses
    third.begin(8, 0, told_again)
    third.close(third.first)

    assert told == losses
    assert told_again == [*losses, {"name": "parts_lost"}]
    assert PartNumbers(tmp_path).losses == []


@pytest.mark.parametrize("losses", ["5", [5], {"a": 1}, None])
def test_announcements_that_cannot_be_read_keep_no_line_from_starting(tmp_path: Path, losses: object) -> None:
    kept = {"mark": 5, "judged_below": 5, "clean": True, "epoch": 1, "offset": 0, "losses": losses}
    (tmp_path / "part_numbers.json").write_text(json.dumps(kept))

    numbers = PartNumbers(tmp_path)

    assert (numbers.first, numbers.losses) == (5, [])


@given(st.lists(st.tuples(st.integers(0, 3 * BLOCK), st.booleans()), min_size=1, max_size=5))
def test_no_number_is_given_twice_whatever_was_killed(tmp_path_factory: pytest.TempPathFactory, runs: list) -> None:  # type: ignore[type-arg]
    state_dir = tmp_path_factory.mktemp("state")
    used_below = 1
    for n_parts, is_clean in runs:
        numbers = _begun(state_dir)
        assert numbers.first >= used_below
        step = BLOCK // 4
        for given_parts in range(0, n_parts, step):
            numbers.reserve(numbers.first, numbers.first + given_parts)
        used_below = numbers.first + n_parts
        if is_clean:
            numbers.close(used_below)
        else:
            _abandon(numbers)
    numbers = PartNumbers(state_dir)
    assert numbers.first >= used_below
    assert (numbers.lost is None) == runs[-1][1]
    numbers.close(numbers.first)


def test_after_a_kill_the_numbers_that_may_have_no_verdict_are_named(tmp_path: Path) -> None:
    numbers = _begun(tmp_path)
    numbers.reserve(judged_below=6001, next_part=6003)
    _abandon(numbers)

    again = PartNumbers(tmp_path)

    assert again.lost is not None
    assert (again.lost.first, again.lost.last) == (6001, again.first - 1)
    assert again.first > 6003


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"mark": "x"}'])
def test_a_damaged_file_is_set_aside_and_numbers_jump_over_all_used_ones(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "part_numbers.json").write_bytes(content)

    numbers = PartNumbers(tmp_path)

    assert 10**12 < numbers.first < 2**53
    assert (tmp_path / "part_numbers.damaged").read_bytes() == content


def test_a_second_daemon_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    PartNumbers(tmp_path)

    with pytest.raises(ProcessError, match=rf"another daemon \(process {os.getpid()}\) runs with state_dir"):
        PartNumbers(tmp_path)


def test_what_the_run_before_had_given_is_known_with_its_epoch(tmp_path: Path) -> None:
    numbers = _begun(tmp_path, epoch=77, offset=-5)
    numbers.reserve(judged_below=6001, next_part=6003)
    _abandon(numbers)
    killed = PartNumbers(tmp_path)
    killed.begin(77, 4000)
    killed.close(next_part=killed.first + 10)
    ended = PartNumbers(tmp_path)

    assert killed.former == FormerRun(77, -5, 6001, 6003 + BLOCK)
    assert ended.former == FormerRun(77, 4000, 6003 + BLOCK + 10, 6003 + BLOCK + 10)


def test_a_new_epoch_in_the_middle_of_a_run_is_kept_at_once(tmp_path: Path) -> None:
    numbers = _begun(tmp_path, epoch=77)
    numbers.renew(78, 500, judged_below=501, next_part=503)
    _abandon(numbers)

    former = PartNumbers(tmp_path).former

    assert former is not None
    assert (former.epoch, former.offset, former.judged_below) == (78, 500, 501)


@pytest.mark.fault(
    52,
    injected="a state folder of a program without a journal",
    seen="goes on above its part numbers",
    noticed="at the start",
)
def test_a_file_of_before_there_was_a_journal_says_nothing_of_an_epoch(tmp_path: Path) -> None:
    (tmp_path / "part_numbers.json").write_text('{"judged_below": 5, "mark": 5, "clean": true}')

    numbers = PartNumbers(tmp_path)

    assert (numbers.first, numbers.former) == (5, None)


def test_a_folder_that_cannot_be_made_says_which(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ProcessError, match=r"state_dir .*file/state cannot be used"):
        PartNumbers(tmp_path / "file" / "state")


def test_a_mark_that_could_not_be_written_is_not_relied_on_and_tried_again(tmp_path: Path) -> None:
    numbers = _begun(tmp_path / "state")
    kept = numbers.mark
    hidden = (tmp_path / "state").rename(tmp_path / "away")

    for _ in range(2):
        with pytest.raises(ProcessError, match="cannot be written"):
            numbers.reserve(1, kept)
        assert numbers.mark == kept
    hidden.rename(tmp_path / "state")
    numbers.reserve(1, kept)

    assert numbers.mark == kept + BLOCK


def test_a_folder_that_cannot_be_synced_costs_no_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = _begun(tmp_path)
    before = len(os.listdir("/proc/self/fd"))

    def refuse_folders(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, "the fake disk is broken")

    monkeypatch.setattr(os, "fsync", refuse_folders)
    for _ in range(3):
        with pytest.raises(ProcessError, match="cannot be written"):
            numbers.reserve(1, numbers.mark)

    assert len(os.listdir("/proc/self/fd")) == before
