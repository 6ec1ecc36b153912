"""The store never holds more than it may; the oldest makes room."""

import os
from pathlib import Path
from typing import Any

import pytest
from evidence_samples import DAY_US, NOON_US, bytes_below, make_item, make_store, names_below
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.record.shelf import Shelf


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
        assert (paths is None) == (size + 13 > quota)  # 13 bytes of JSON around the text; alone too large: dropped


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


def test_bounds_that_are_changed_hold_from_the_next_write_on(tmp_path: Path) -> None:
    store = make_store(tmp_path, quota_bytes=10_000)
    for i in range(8):
        store.write(make_item(f"p{i}", picture=False, body={"x": "y" * 500}))

    store.bound(2_000, 0)
    kept = store.write(make_item("p8", picture=False, body={"x": "y" * 500}))
    store.bound(2_000, 2**62)
    refused = store.write(make_item("p9", picture=False, body={"x": "y" * 500}))

    assert kept is not None
    assert refused is None
    assert bytes_below(tmp_path) <= 2_000
    assert store.status().quota_bytes == 2_000
