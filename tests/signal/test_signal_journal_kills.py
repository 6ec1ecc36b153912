"""A journaling process killed at each of its named places: nothing sent is missing, no number is used twice."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import journal_process
import pytest
from fakes.alone import start_alone
from fakes.journal_parts import BOOT, LINE

from edge_inspector.signal.journal import begin_journal
from edge_inspector.signal.journal_files import segment_files
from edge_inspector.signal.journal_reader import Gap, JournalReader

pytestmark = pytest.mark.timeout(150)
"""A busy disk syncs slowly, and each story is several processes."""

PLACES = [
    "journal.before_commit=kill@{}",
    "journal.after_commit=kill@{}",
    "journal.before_change=kill",
    "journal.after_change=kill",
    "journal.before_sync=kill@3",
    "journal.before_durable=kill@3",
    "journal.before_make=kill@2",
    "journal.after_make=kill@2",
    "journal.before_finish=kill",
    "journal.after_finish=kill",
    "journal.before_drop=kill",
    "journal.before_clean=kill",
    "journal.after_clean=kill",
]
ROWS = 1200


class Story:
    """What was said by all processes on one journal, and whether the journal agrees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[tuple[int, int], int] = {}
        self.began = begin_journal(folder, LINE, BOOT, None)
        self.counted = 0

    def live(self, n: int, orders: str) -> int:
        """Run one process; it takes over what its predecessor counted, which may be one row behind the journal."""
        started = start_alone(journal_process.journal_rows, str(self.folder), self.began.epoch, self.counted, n, orders)
        out, err = started.communicate(timeout=100)
        assert started.returncode in (0, -signal.SIGKILL), err
        for row in map(json.loads, out.splitlines()):
            if "seq" not in row:
                continue
            key = (row["epoch"], row["seq"])
            assert self.said.setdefault(key, row["process"]) == row["process"], f"{key} was said twice, differently"
            self.counted = max(self.counted, row["seq"])
        return started.returncode

    def restart(self, boot: str = BOOT) -> None:
        """Everything was killed at once, and a new daemon begins."""
        self.began = begin_journal(self.folder, LINE, boot, None)
        self.counted = self.began.counts.seq

    def journal(self) -> dict[tuple[int, int], int]:
        """Return who wrote each row that is kept; fails on a hole."""
        reader, rows = JournalReader(self.folder), {}
        for kept in reader.epochs():
            at = kept.tail_seq
            while at <= kept.head_seq:
                found = reader.read(kept.epoch, at, kept.head_seq)
                assert not isinstance(found, Gap)
                for _, body in found:
                    rows[(kept.epoch, at)] = json.loads(body)["process"]
                    at += 1
        return rows

    def check(self) -> None:
        """Nothing said is missing above the tail, and what is there is what was said."""
        rows = self.journal()
        tails = {epoch: min(seq for each, seq in rows if each == epoch) for epoch, _ in rows}
        missing = [key for key in self.said if key not in rows and key[1] >= tails.get(key[0], 1)]
        assert missing == []
        assert {key: rows[key] for key in self.said if key in rows} == {
            key: process for key, process in self.said.items() if key in rows
        }


@pytest.mark.fault(
    24,
    injected="SIGKILL at each named place of the journal",
    seen="the successor goes on in the same epoch",
    noticed="at the start",
)
@pytest.mark.parametrize("place", PLACES)
def test_a_successor_goes_on_after_a_kill_at_any_place(tmp_path: Path, place: str) -> None:
    story = Story(tmp_path)
    ended = [story.live(ROWS, place.format(n)) for n in (150, 1, 77)]
    assert -signal.SIGKILL in ended, f"nobody came by {place}"

    assert story.live(100, "") == 0

    story.check()
    assert story.journal().keys() >= {(story.began.epoch, story.counted)}
    assert len([file for file in segment_files(tmp_path) if file.beside("-wal").exists()]) == 0


@pytest.mark.parametrize("place", PLACES)
def test_a_new_daemon_goes_on_in_the_same_epoch_after_everything_was_killed(tmp_path: Path, place: str) -> None:
    story = Story(tmp_path)
    epoch = story.began.epoch
    for n in (150, 77):
        story.live(ROWS, place.format(n))
        story.restart()

    assert story.live(100, "") == 0

    assert story.began.epoch == epoch
    assert story.began.run == 3
    story.check()


def test_a_file_that_was_half_made_when_its_maker_was_killed_is_swept(tmp_path: Path) -> None:
    story = Story(tmp_path)
    (tmp_path / "00000099-00000007.new").write_bytes(b"half")
    (tmp_path / "00000099-00000007.new-journal").write_bytes(b"half")
    (tmp_path / "00000098-00000007.db-wal").write_bytes(b"the database of this log was deleted")

    story.restart()

    assert {path.suffix for path in tmp_path.iterdir()} == {".db"}
