"""The .zip of a bundle is one that the line takes, whatever the folder beside it is called, or it is not there."""

from __future__ import annotations

import errno
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError, UsageError
from export.ship import pack
from export.ship.bundle import BundleText, write_bundle
from export.ship.material import Material


@pytest.mark.parametrize("name", ["steel line 3", "steel+1", "Stahl_ä", "x" * 101])
def test_the_line_takes_the_zip_of_a_folder_of_any_name(
    material: Material, text: BundleText, tmp_path: Path, name: str
) -> None:
    write_bundle(material, tmp_path / name, text, zip_file=tmp_path / f"{name}.zip")

    assert load_bundle(tmp_path / f"{name}.zip", "int8", trust=ANYONE).label == "drawn@0.0.1"


def test_the_bytes_of_a_zip_are_those_of_its_bundle_and_not_of_its_place(
    material: Material, text: BundleText, tmp_path: Path
) -> None:
    text = replace(text, version="1.0.0+b7")
    for name in ("a", "another"):
        write_bundle(material, tmp_path / name, text, zip_file=tmp_path / f"{name}.zip")

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "another.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        assert {entry.partition("/")[0] for entry in packed.namelist()} == {"drawn-1.0.0_b7"}


def test_without_room_for_the_zip_nothing_is_there_and_the_same_command_works_again(
    material: Material, text: BundleText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out, zip_file = tmp_path / "drawn", tmp_path / "drawn.zip"
    zip_file.write_text("of the version before")
    with monkeypatch.context() as patch:
        patch.setattr("export.whole_file.os.fsync", full)

        with pytest.raises(UsageError, match=r"drawn\.zip could not be written \(No space left on device\)"):
            write_bundle(material, out, text, zip_file=zip_file)
    assert list(tmp_path.glob("*drawn*")) == [zip_file]
    assert zip_file.read_text() == "of the version before"

    write_bundle(material, out, text, zip_file=zip_file)

    assert load_bundle(zip_file, trust=ANYONE).label == load_bundle(out, trust=ANYONE).label


def test_a_zip_that_cannot_be_read_back_is_not_left(
    material: Material, text: BundleText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "_zip_of", lambda *_: b"PK but no zip")

    with pytest.raises(BundleError, match=r"drawn\.zip: is neither the folder of a model bundle nor a \.zip of one"):
        write_bundle(material, tmp_path / "drawn", text, zip_file=tmp_path / "drawn.zip")
    assert not list(tmp_path.glob("*drawn*"))


def test_a_zip_goes_when_its_folder_cannot_be_put_in_place(
    material: Material, text: BundleText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(_draft: Path, _folder: Path) -> Path:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))

    monkeypatch.setattr(Path, "rename", taken)

    with pytest.raises(UsageError, match="Directory not empty"):
        write_bundle(material, tmp_path / "drawn", text, zip_file=tmp_path / "drawn.zip")
    assert not list(tmp_path.glob("*drawn*"))
