"""The store keeps what it can, never more than it may, and never raises for the disk."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.record.evidence import DROP_REASONS, EvidenceStore
from edge_inspector.record.item import EvidenceItem
from edge_inspector.record.shelf import Shelf

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
DAY_US = 86_400_000_000
BODY = {
    "v": 1, "line": "line1", "seq": 7, "part_id": 4711, "verdict": "REJECT", "reason": "defect", "score": 0.97,
    "label": "DEFECT", "model": "steel@1.0.0", "context": {"lot": "Löt 5"}, "evidence_id": "line1-7",
    "defects": [{"x": 32, "y": 0, "w": 32, "h": 32, "score": 0.97, "label": "DEFECT", "x_mm": None, "y_mm": None}],
}  # fmt: skip


def make_item(evidence_id: str = "line1-7", picture: bool = True, **changes: Any) -> EvidenceItem:
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[..., 0] = np.arange(128)  # red rises to the right, blue is full below: a swap shows
    pixels[32:, :, 2] = 255
    values: dict[str, Any] = {
        "evidence_id": evidence_id,
        "pixels": pixels if picture else None,
        "body": BODY,
        "captured_utc_us": NOON_US,
        "corners_yx": np.array([(0, 0), (0, 64)], np.intp),
        "tile_hw": (64, 64),
        "tile_scores": np.array([0.97, 0.1], np.float32),
        "tile_over": np.array([True, False]),
        "heat": np.ones((2, 2, 2), np.float32),
    }
    return EvidenceItem(**(values | changes))


def make_store(folder: Path, **changes: Any) -> EvidenceStore:
    return EvidenceStore(folder, **({"min_free_bytes": 0} | changes))


def bytes_below(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def names_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def refuse(code: int) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return call


def test_a_part_is_kept_as_picture_annotated_picture_and_verdict(tmp_path: Path) -> None:
    store = make_store(tmp_path)

    paths = store.write(make_item())

    assert paths is not None
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "20261122/line1-7.jpg",
        "20261122/line1-7.annotated.jpg",
        "20261122/line1-7.json",
    ]
    assert names_below(tmp_path) == {str(path.relative_to(tmp_path)) for path in paths}
    assert store.status().written == 1
    assert store.status().n_bytes == bytes_below(tmp_path)


def test_the_json_is_the_verdict_body_and_nothing_else(tmp_path: Path) -> None:
    paths = make_store(tmp_path).write(make_item())

    assert paths is not None
    assert json.loads(paths[-1].read_text("utf-8")) == BODY


def test_png_gives_the_very_pixels_back_in_rgb_order(tmp_path: Path) -> None:
    item = make_item()

    paths = make_store(tmp_path, picture_format="png").write(item)

    assert paths is not None
    read = cv2.imread(str(paths[0]), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), item.pixels)


def test_a_grey_frame_stays_grey(tmp_path: Path) -> None:
    grey = np.arange(64 * 128, dtype=np.uint8).reshape(64, 128, 1)

    paths = make_store(tmp_path, picture_format="png").write(make_item(pixels=grey))

    assert paths is not None
    np.testing.assert_array_equal(cv2.imread(str(paths[0]), cv2.IMREAD_UNCHANGED), grey[..., 0])


def test_jpeg_keeps_the_colours_near(tmp_path: Path) -> None:
    item = make_item()

    paths = make_store(tmp_path).write(item)

    assert paths is not None
    assert item.pixels is not None
    read = cv2.cvtColor(cv2.imread(str(paths[0])), cv2.COLOR_BGR2RGB)
    assert np.abs(read.astype(int) - item.pixels).mean() < 5  # a swap of red and blue gives over 90


def test_a_part_without_a_picture_keeps_its_verdict(tmp_path: Path) -> None:
    paths = make_store(tmp_path).write(make_item(picture=False))

    assert paths is not None
    assert [path.name for path in paths] == ["line1-7.json"]


def test_a_part_that_was_not_judged_keeps_its_picture(tmp_path: Path) -> None:
    item = make_item(tile_scores=None, tile_over=None, heat=None, body={"verdict": "UNKNOWN", "reason": "model_error"})

    assert make_store(tmp_path).write(item) is not None


@pytest.mark.parametrize(
    "evidence_id",
    ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "a\0b", "a.json", "-rf", "x" * 97, "a\n", "ä", "a b"],
)
def test_an_id_that_is_not_a_plain_name_is_refused_and_counted(tmp_path: Path, evidence_id: str) -> None:
    store = make_store(tmp_path / "evidence")

    assert store.write(make_item(evidence_id)) is None

    assert store.status().dropped["bad_id"] == 1
    assert names_below(tmp_path) == set()


def test_the_same_id_is_never_written_twice(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.write(make_item(picture=False))

    assert store.write(make_item(picture=False, body={"other": 1})) is None

    assert store.status().dropped["duplicate"] == 1
    assert json.loads((tmp_path / "20261122/line1-7.json").read_text("utf-8")) == BODY


@pytest.mark.parametrize(
    "changes",
    [
        {"body": {"score": float("nan")}},
        {"body": {"x": object()}},
        {"body": {"defects": [{"x": 1}]}},
        {"pixels": np.zeros((0, 0, 3), np.uint8)},
        {"captured_utc_us": 10**30},
    ],
)
def test_what_cannot_be_encoded_is_counted(tmp_path: Path, changes: dict[str, Any]) -> None:
    store = make_store(tmp_path)

    assert store.write(make_item(**changes)) is None

    assert store.status().dropped["bad_item"] == 1
    assert names_below(tmp_path) == set()


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 700), max_size=25), quota=st.integers(1, 2000), restart=st.integers(0, 25))
def test_the_quota_is_never_exceeded_and_the_oldest_go_first(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], quota: int, restart: int
) -> None:
    folder = tmp_path_factory.mktemp("evidence")
    store = make_store(folder, quota_bytes=quota)
    kept: list[str] = []
    for i, size in enumerate(sizes):
        if i == restart:
            store = make_store(folder, quota_bytes=quota)
        day = NOON_US + i // 5 * DAY_US
        paths = store.write(make_item(f"p{i:03d}", picture=False, body={"x": "y" * size}, captured_utc_us=day))
        if paths is not None:
            kept.append(f"p{i:03d}")

        left = sorted(Path(name).stem for name in names_below(folder))

        assert bytes_below(folder) <= quota
        assert store.status().n_bytes == bytes_below(folder)
        assert left == kept[len(kept) - len(left) :]
        assert (paths is None) == (size + 11 > quota)  # alone too large: nothing else is given up for it


def test_the_bytes_stay_under_the_quota_at_every_moment_of_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peak = 0
    rename = os.rename

    def measured_rename(*args: Any, **kwargs: Any) -> None:
        nonlocal peak
        peak = max(peak, bytes_below(tmp_path))
        rename(*args, **kwargs)

    monkeypatch.setattr(os, "rename", measured_rename)
    make_store(tmp_path).write(make_item("first"))
    quota = bytes_below(tmp_path) * 5 // 2
    store = make_store(tmp_path, quota_bytes=quota)

    for i in range(6):
        assert store.write(make_item(f"p{i}")) is not None

    assert quota // 2 < peak <= quota


def test_a_set_is_evicted_as_a_whole_and_its_empty_day_goes_with_it(tmp_path: Path) -> None:
    first = make_store(tmp_path)
    first.write(make_item("old"))
    size = first.status().n_bytes
    store = make_store(tmp_path, quota_bytes=size + size // 2)

    store.write(make_item("new", captured_utc_us=NOON_US + DAY_US))

    assert {name.split(".")[0] for name in names_below(tmp_path)} == {"20261123/new"}
    assert not (tmp_path / "20261122").exists()
    assert store.status().evicted == 1


def test_a_lowered_quota_is_obeyed_at_start(tmp_path: Path) -> None:
    first = make_store(tmp_path)
    for i in range(4):
        first.write(make_item(f"p{i}", picture=False, body={}))

    store = make_store(tmp_path, quota_bytes=7)

    assert bytes_below(tmp_path) == store.status().n_bytes == 6
    assert store.status().evicted == 2


def test_half_written_files_of_a_crash_are_swept_at_start(tmp_path: Path) -> None:
    (tmp_path / "20261122").mkdir()
    (tmp_path / "20261122" / "line1-1.jpg.tmp").write_bytes(b"half")

    store = make_store(tmp_path)

    assert names_below(tmp_path) == set()
    assert store.status().n_bytes == 0


def test_files_of_others_count_but_are_never_removed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"x" * 900)
    store = make_store(tmp_path, quota_bytes=1000)

    assert store.write(make_item(picture=False, body={"x": "y" * 200})) is None

    assert store.status().dropped["too_large"] == 1
    assert (tmp_path / "notes.txt").exists()


def test_low_disk_costs_the_oldest_first_and_then_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path, min_free_bytes=1000)
    for i in range(3):
        store.write(make_item(f"p{i}", picture=False, body={"x": "y" * 100}))
    free = 1000
    monkeypatch.setattr(Shelf, "free_bytes", lambda self: free + 333 - bytes_below(tmp_path))

    room = store.write(make_item("p3", picture=False, body={"x": "y" * 100}))
    free = 400
    no_room = store.write(make_item("p4", picture=False, body={"x": "y" * 100}))

    assert room is not None
    assert no_room is None
    assert store.status().dropped["disk_low"] == 1
    assert store.status().evicted == 4
    assert bytes_below(tmp_path) == 0


def test_space_that_is_freed_late_does_not_empty_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path, min_free_bytes=1000)
    for i in range(9):
        store.write(make_item(f"p{i}", picture=False, body={}))
    monkeypatch.setattr(Shelf, "free_bytes", lambda self: 1000)  # some file systems answer so for a while

    assert store.write(make_item("p9", picture=False, body={})) is None

    assert store.status().evicted == 1


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


def test_every_reason_is_there_from_the_start(tmp_path: Path) -> None:
    assert dict(make_store(tmp_path).status().dropped) == dict.fromkeys(DROP_REASONS, 0)
