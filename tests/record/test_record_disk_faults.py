"""Whatever the disk says, the store counts it and goes on."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from evidence_samples import bytes_below, make_item, make_store, names_below, refuse


@pytest.mark.fault(
    27,
    injected="ENOSPC, EDQUOT, EROFS, EACCES, EIO from each call of the evidence store",
    seen="counted by reason, nothing half-written stays, the next part is tried again",
    noticed="with the part",
)
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "read_only"),
        (errno.EACCES, "permission"),
        (errno.EIO, "io_error"),
    ],
)
@pytest.mark.parametrize("call", ["open", "fsync", "rename", "mkdir"])
def test_an_error_of_the_disk_is_counted_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, reason: str
) -> None:
    store = make_store(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(os, call, refuse(code))

        assert store.write(make_item()) is None

    assert store.status().dropped[reason] == 1
    assert names_below(tmp_path) == set()
    assert store.write(make_item()) is not None  # and goes on when the disk is well again
    assert store.status().n_bytes == bytes_below(tmp_path)


def test_an_error_at_the_last_file_takes_the_first_ones_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path)
    rename, calls = os.rename, 0

    def third_fails(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(*args, **kwargs)

    monkeypatch.setattr(os, "rename", third_fails)

    assert store.write(make_item()) is None

    assert names_below(tmp_path) == set()
    assert store.status().n_bytes == 0


@pytest.mark.fault(
    54,
    injected="a link in place of the day's folder",
    seen="nothing is written through it; counted `io_error`",
    noticed="with the part",
)
def test_a_day_folder_that_is_a_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "20261122").symlink_to(tmp_path / "elsewhere")
    store = make_store(tmp_path / "evidence")

    assert store.write(make_item()) is None

    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert store.status().dropped["io_error"] == 1


def test_a_folder_that_cannot_be_made_yet_is_tried_again_at_each_write(tmp_path: Path) -> None:
    (tmp_path / "mount").write_text("not a folder yet")
    store = make_store(tmp_path / "mount" / "evidence")

    before = store.write(make_item())
    (tmp_path / "mount").unlink()
    after = store.write(make_item())

    assert before is None
    assert after is not None


def test_a_folder_removed_by_hand_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    store = make_store(folder)
    store.write(make_item("p0", picture=False))
    (folder / "20261122" / "p0.json").unlink()
    (folder / "20261122").rmdir()
    folder.rmdir()

    store.write(make_item("p1", picture=False))

    assert store.write(make_item("p2", picture=False)) is not None
    assert store.status().n_bytes == bytes_below(folder)
