from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.alone import start_alone

from edge_inspector.core.errors import ProcessError
from edge_inspector.run.folder_lock import FolderLock


def hold(folder: str) -> None:
    lock = FolderLock(Path(folder), "journal.folder")
    print("held", flush=True)
    input()
    lock.close()


def test_who_comes_second_is_told_which_process_was_first(tmp_path: Path) -> None:
    first = start_alone(hold, str(tmp_path / "journal"))
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"

    with pytest.raises(ProcessError, match=rf"\(process {first.pid}\) runs with journal.folder .*journal; stop it"):
        FolderLock(tmp_path / "journal", "journal.folder")

    first.communicate("\n", timeout=20)
    FolderLock(tmp_path / "journal", "journal.folder").close()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    first = start_alone(hold, str(tmp_path))
    assert first.stdout is not None
    first.stdout.readline()
    first.kill()
    first.communicate()

    FolderLock(tmp_path, "state_dir").close()


def test_a_holder_that_left_no_number_is_told_as_such(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, "state_dir")
    (tmp_path / "lock").write_text("")

    with pytest.raises(ProcessError, match="its process number is not known"):
        FolderLock(tmp_path, "state_dir")

    lock.close()


def test_a_longer_number_of_a_former_holder_does_not_shine_through(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("12345678901234\n")
    lock = FolderLock(tmp_path, "state_dir")

    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.close()
