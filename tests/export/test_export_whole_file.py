"""A file is whole or not there: with two writers at once, after a killed one, and on a full disk."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_inspector.core.errors import UsageError
from export.whole_file import put_whole, write_whole

KILLED = """
import os, signal, sys
from pathlib import Path
from export import whole_file
whole_file.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
whole_file.put_whole(Path(sys.argv[1]), b"half")
"""


def test_two_that_write_one_file_at_once_both_end_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, sync, seen = tmp_path / "page.html", os.fsync, list[bytes]()

    def write_beside(handle: int) -> None:
        sync(handle)
        if not seen:  # the first is about to give its draft the name
            seen.append(b"")
            put_whole(file, b"the other's")
            seen.append(file.read_bytes())

    monkeypatch.setattr("export.whole_file.os.fsync", write_beside)

    put_whole(file, b"ours")

    assert seen == [b"", b"the other's"]
    assert file.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_writer_left_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    others = {tmp_path / name for name in ("page.html.tmp", "page.html.notes.tmp", "other.html.0123abcd.tmp")}
    for other in others:
        other.write_text("kept")
    killed = subprocess.run([sys.executable, "-c", KILLED, file], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 4
    assert not file.exists()

    put_whole(file, b"whole")

    assert set(tmp_path.iterdir()) == others | {file}


def test_a_draft_that_was_removed_before_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, drafts = fcntl.flock, list[Path]()

    def lose_the_first(handle: int, how: int) -> None:
        drafts.extend(tmp_path.glob("*.tmp"))
        if len(drafts) == 1:
            drafts[0].unlink()
        lock(handle, how)

    monkeypatch.setattr("export.whole_file.fcntl.flock", lose_the_first)

    put_whole(tmp_path / "page.html", b"whole")

    assert len(drafts) == 2
    assert (tmp_path / "page.html").read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_secret_is_its_owners_and_a_full_disk_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "plant.key"
    write_whole(file, "secret", mode=0o600)
    monkeypatch.setattr("export.whole_file.os.fsync", full)

    with pytest.raises(UsageError, match=r"plant\.key could not be written \(No space left on device\); make room"):
        write_whole(file, "another", mode=0o600)
    assert file.read_text() == "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
