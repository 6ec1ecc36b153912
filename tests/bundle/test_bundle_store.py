"""A store takes bundles whole and proven, keeps five, and never takes one away that is in use."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle import store as store_file
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE, Trust
from edge_inspector.bundle.store import KEPT, Imported, entries, import_bundle
from edge_inspector.core.errors import BundleError


def _bundle(folder: Path, version: str = "1.0.0", name: str = "tiny-spots") -> Path:
    return write_tiny_bundle(folder / f"from-{name}-{version}", name=name, version=version)


def _take(source: Path, store: Path, **options: frozenset[Path]) -> Imported:
    return import_bundle(source, store, ANYONE, partial(load_bundle, trust=ANYONE), **options)


def _fill(folder: Path, store: Path, count: int, first: int = 1) -> list[Path]:
    """Import versions 1, 2 …, a second apart by their folders' times."""
    paths = []
    for version in range(first, first + count):
        paths.append(_take(_bundle(folder, f"{version}.0.0"), store).path)
        os.utime(paths[-1], ns=(version * 10**9, version * 10**9))
    return paths


def test_an_imported_bundle_is_the_bundle(tmp_path: Path) -> None:
    source = _bundle(tmp_path)

    imported = _take(source, tmp_path / "store")

    assert imported == Imported(tmp_path / "store/tiny-spots@1.0.0", is_new=True, removed=())
    ours, theirs = load_bundle(imported.path, trust=ANYONE), load_bundle(source, trust=ANYONE)
    assert (ours.model_bytes, ours.manifest) == (theirs.model_bytes, theirs.manifest)
    assert [entry.label for entry in entries(tmp_path / "store")] == ["tiny-spots@1.0.0"]
    assert oct(imported.path.stat().st_mode & 0o777) == "0o755"


def test_the_same_bundle_again_changes_nothing(tmp_path: Path) -> None:
    source, store = _bundle(tmp_path), tmp_path / "store"
    _take(source, store)

    assert not _take(source, store).is_new


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["model.onnx", "golden/00.png", "manifest.json"])
def test_a_copy_that_was_damaged_in_the_store_is_replaced(tmp_path: Path, name: str) -> None:
    source, store = _bundle(tmp_path), tmp_path / "store"
    copy = _take(source, store).path
    _flip(copy / name)

    again = _take(source, store)

    assert (again.path, again.is_new) == (copy, True)
    assert f"{copy / name}: " in again.mended
    assert ";" not in again.mended
    assert (copy / name).read_bytes() == (source / name).read_bytes()
    assert load_bundle(copy, trust=ANYONE).label == copy.name
    assert list(store.iterdir()) == [copy]


@pytest.mark.parametrize("name", ["model.onnx", "golden/00.png"])
def test_a_copy_that_lacks_a_file_is_replaced(tmp_path: Path, name: str) -> None:
    source, store = _bundle(tmp_path), tmp_path / "store"
    (_take(source, store).path / name).unlink()

    again = _take(source, store)

    assert f"lacks 1 of 6 files, first {name}" in again.mended
    assert load_bundle(again.path, trust=ANYONE).label == "tiny-spots@1.0.0"


def test_a_damaged_copy_that_a_line_runs_with_stays_and_the_message_says_what_to_do(tmp_path: Path) -> None:
    source, store = _bundle(tmp_path), tmp_path / "store"
    copy = _take(source, store).path
    _flip(copy / "model.onnx")
    lock = os.open(copy, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)

    with pytest.raises(BundleError, match=r"model\.onnx: is damaged: .*, and a line runs with it; stop that line"):
        _take(source, store)
    os.close(lock)

    assert _take(source, store).mended


def test_a_damaged_copy_of_another_bundle_is_not_replaced(tmp_path: Path) -> None:
    copy = _take(_bundle(tmp_path / "a"), tmp_path / "store").path
    _flip(copy / "model.onnx")
    before = (copy / "model.onnx").read_bytes()

    with pytest.raises(BundleError, match="is another bundle of that name and version"):
        _take(write_tiny_bundle(tmp_path / "b", limit=0.25), tmp_path / "store")
    assert (copy / "model.onnx").read_bytes() == before


def test_a_damaged_copy_stays_when_the_new_one_does_not_prove_itself(tmp_path: Path) -> None:
    def fails(_: Path) -> None:
        raise BundleError("it answers otherwise")

    source, store = _bundle(tmp_path), tmp_path / "store"
    copy = _take(source, store).path
    _flip(copy / "model.onnx")

    with pytest.raises(BundleError, match="it answers otherwise"):
        import_bundle(source, store, ANYONE, fails)
    assert list(store.iterdir()) == [copy]


def test_a_link_in_the_place_of_a_bundle_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/tiny-spots@1.0.0").symlink_to("nowhere")

    with pytest.raises(BundleError, match=r"tiny-spots@1\.0\.0 is no folder of this store: remove it"):
        _take(_bundle(tmp_path), tmp_path / "store")


def test_another_bundle_of_one_name_and_version_is_refused(tmp_path: Path) -> None:
    _take(_bundle(tmp_path / "a"), tmp_path / "store")
    other = write_tiny_bundle(tmp_path / "b", limit=0.25)

    with pytest.raises(BundleError, match="is another bundle of that name and version"):
        _take(other, tmp_path / "store")
    assert load_bundle(tmp_path / "store/tiny-spots@1.0.0", trust=ANYONE).manifest.limits["DEFECT"] == 0.5


def test_five_of_a_name_stay_and_other_names_and_folders_are_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "store"
    write_tiny_bundle(store / "shipped")
    _take(_bundle(tmp_path, name="other"), store)

    _fill(tmp_path, store, KEPT + 2)

    labels = {path.name for path in store.iterdir()}
    assert labels == {"shipped", "other@1.0.0", *(f"tiny-spots@{n}.0.0" for n in range(3, 8))}


def test_what_a_configuration_or_a_link_names_stays(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first, second, *_ = _fill(tmp_path, store, KEPT)
    (store / "current").symlink_to(first.name)

    imported = _take(_bundle(tmp_path, "9.0.0"), store, kept=frozenset({second}))

    assert imported.removed == ()
    assert first.is_dir()
    assert second.is_dir()


def test_what_a_running_program_holds_stays_until_it_ends(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first, *_ = _fill(tmp_path, store, KEPT)
    code = (
        "import sys, pathlib; from edge_inspector.bundle.store import hold\n"
        "hold(pathlib.Path(sys.argv[1])); print('holds', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "holds\n"

        held = _take(_bundle(tmp_path, "6.0.0"), store).removed
        program.communicate()

    assert held == ()
    assert first.name in _take(_bundle(tmp_path, "7.0.0"), store).removed


def test_a_bundle_that_does_not_prove_itself_leaves_nothing(tmp_path: Path) -> None:
    def fails(copy: Path) -> None:
        assert (copy / "model.onnx").exists()
        raise BundleError("it answers otherwise")

    with pytest.raises(BundleError, match="it answers otherwise"):
        import_bundle(_bundle(tmp_path), tmp_path / "store", ANYONE, fails)
    assert list((tmp_path / "store").iterdir()) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_bundle(_bundle(tmp_path), tmp_path / "store", ANYONE, interrupted)
    assert list((tmp_path / "store").iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_file.os, "fsync", full)

    with pytest.raises(BundleError, match=r"store: cannot take the bundle \(No space left on device\)"):
        _take(_bundle(tmp_path), tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_what_a_killed_import_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / "store/.import-killed"
    left.mkdir(parents=True)

    _take(_bundle(tmp_path), tmp_path / "store")

    assert not left.exists()


def test_an_unsigned_bundle_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not signed"):
        import_bundle(_bundle(tmp_path), tmp_path / "store", Trust(), partial(load_bundle, trust=Trust()))
    assert list((tmp_path / "store").iterdir()) == []


def test_a_damaged_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = _bundle(tmp_path)
    (source / "model.onnx").write_bytes((source / "model.onnx").read_bytes()[:-1])

    with pytest.raises(BundleError, match=r"model\.onnx"):
        _take(source, tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []
