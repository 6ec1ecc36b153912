"""A power cut, simulated: of what was not synced any part may be on the disk, and none of it may be.

The journal's thread calls a place right after each sync. What the files hold then is what survives for certain; of
each block of 4 KiB that was written later, chance decides whether the disk has the old or the new content.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from fakes.journal_parts import FIRST_PART, MB, JournalRun

from edge_inspector.core.journal import Kept
from edge_inspector.signal.journal import Known
from edge_inspector.signal.journal_keeper import JournalLimits
from edge_inspector.signal.journal_reader import Gap, JournalReader

BLOCK = 4096
LIMITS = JournalLimits(64 * MB, MB // 4)


class Disk:
    """Remembers what was synced last, for the files of one journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.synced: dict[str, bytes] = {}

    def __call__(self, place: str) -> None:
        if place in ("journal.before_durable", "journal.after_finish"):
            self.note()

    def note(self) -> None:
        self.synced = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.suffix != ".db-shm"}

    def cut(self, survivor: Path, chance: random.Random) -> None:
        """Write what a disk holds after the power came back."""
        survivor.mkdir()
        now = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.suffix != ".db-shm"}
        for name in now.keys() | self.synced.keys():
            new, old = now.get(name, b""), self.synced.get(name, b"")
            if name.endswith(".db") and name not in self.synced:
                old = new  # a segment is synced while it is made, before anybody writes to it
            if name not in now and chance.random() < 0.5:
                continue  # deleted
            share = chance.choice([0.0, 0.3, 0.9, 1.0])
            size = max(len(new), len(old)) if chance.random() < share else len(old)
            blocks = [
                (new if chance.random() < share else old)[at : at + BLOCK].ljust(min(BLOCK, size - at), b"\0")
                for at in range(0, size, BLOCK)
            ]
            (survivor / name).write_bytes(b"".join(blocks))


@pytest.mark.fault(
    26,
    injected="everything that was not synced is lost, at any moment (simulated below SQLite)",
    seen="rows that were called durable are there; a new epoch, no number comes again",
    noticed="at the start",
)
@pytest.mark.parametrize("seed", range(12))
def test_nothing_that_was_called_durable_is_lost_and_no_number_comes_again(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder, said = tmp_path / "boot-0", {}
    for boot in range(1, 5):
        disk = Disk(folder)
        run = JournalRun(folder, boot=f"boot-{boot}", limits=LIMITS, at=disk)
        disk.note()
        assert all(epoch != run.epoch for epoch, _ in said), "an epoch came again"
        for _ in range(chance.randint(1, 12)):
            for kept in run.append(chance.randint(0, 40), size=chance.choice([100, 700, 5000])):
                assert kept in (Kept.QUICK, Kept.SLOW)
            said |= {(run.epoch, seq): boot for seq in range(1, run.seq + 1)}
            if chance.random() < 0.7:
                run.work()
        durable, epoch = run.writer.durable_seq, run.epoch

        disk.cut(tmp_path / f"boot-{boot}", chance)
        run.respawn()
        folder = tmp_path / f"boot-{boot}"
        known = Known(epoch, FIRST_PART - 1, FIRST_PART, FIRST_PART + run.seq)
        began = JournalRun(folder, boot=f"boot-{boot}-again", known=known, limits=LIMITS)

        kept_seqs = _rows(folder, epoch)
        told = [news.extra["range"] for news in began.began.news if news.name == "tail_lost"]
        announced = {seq for first, last in told for seq in range(first, last + 1)}
        assert kept_seqs[:durable] == list(range(1, durable + 1))
        assert sorted({*kept_seqs, *announced}) == list(range(1, run.seq + 1)), "what is gone was not announced"
        assert announced.isdisjoint(kept_seqs)
        assert began.epoch != epoch
        began.respawn()


def _rows(folder: Path, epoch: int) -> list[int]:
    reader, rows = JournalReader(folder), []
    head = next((each.head_seq for each in reader.epochs() if each.epoch == epoch), 0)
    at = 1
    while at <= head:
        found = reader.read(epoch, at, head)
        if isinstance(found, Gap):
            at = found.last + 1
            continue
        rows += [json.loads(body)["seq"] for _, body in found]
        at += len(found)
    return rows


def test_the_simulation_does_lose_what_was_not_synced(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "a")
    run = JournalRun(tmp_path / "a", limits=LIMITS, at=disk)
    disk.note()
    run.append(10)
    run.work()
    run.append(50)

    survivors = {seed: len(_cut(disk, tmp_path / f"c-{seed}", seed, run.epoch)) for seed in range(8)}

    assert set(survivors.values()) != {60}
    assert min(survivors.values()) >= 10


def _cut(disk: Disk, folder: Path, seed: int, epoch: int) -> list[int]:
    disk.cut(folder, random.Random(seed))
    return _rows(folder, epoch)
