"""What people really have: links, other programs' tables, names of other systems. Nothing is left out unsaid."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from drawn_pictures import sorted_folders, spot, surface, write
from test_export_make import evidence, refused, rows_of, run

from edge_inspector.core.errors import UsageError
from export.__main__ import export
from export.data.belongs import check_belongs
from export.data.from_csv import from_csv
from export.data.index import Cutting, read_index
from export.data.scores import read_scores


def _table(file: Path, sign: str = ",", encoding: str = "utf-8", mark: str = "") -> Path:
    rows = [["file", "mask", "label", "group"]]
    rows += [[f"OK\\ok{i}.png", "", "OK", f"grün{i}"] for i in range(4)]
    rows += [[f"DEFECT\\bad{i}.png", f"masks\\bad{i}.png", "DEFECT", f"rot{i}"] for i in range(4)]
    with file.open("w", newline="", encoding=encoding) as lines:
        lines.write(mark)
        csv.writer(lines, delimiter=sign).writerows(rows)
    return file


def test_pictures_behind_a_linked_folder_are_read_once_and_a_link_back_up_does_no_harm(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    write(tmp_path / "elsewhere" / "far.png", surface(77))
    (source / "OK" / "part9").symlink_to(tmp_path / "elsewhere")
    (source / "OK" / "again").symlink_to(tmp_path / "elsewhere")
    (source / "DEFECT" / "up").symlink_to(source / "DEFECT")

    assert "9 pictures from folders" in run(source, tmp_path / "out")
    assert rows_of(tmp_path / "out")["far"][0] == "OK"


def test_files_of_other_kinds_are_counted(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    for name in ("OK/a.webp", "DEFECT/b.gif", "masks/c.jp2", "OK/Thumbs.db", "OK/.hidden"):
        (source / name).write_bytes(b"x")

    assert "3 files are no PNG, JPEG, BMP or TIFF and are left out, first" in run(source, tmp_path / "out")


def test_two_masks_of_one_picture_are_named(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    write(source / "masks" / "bad0.bmp", spot())

    assert "bad0.bmp is a mask of the same picture; remove one" in refused(source, tmp_path / "out")


def test_a_name_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    os.rename(source / "OK" / "ok0.png", os.fsencode(source / "OK") + b"/\xe4rger.png")

    assert r"\udce4rger.png': its name is not UTF-8; rename it" in refused(source, tmp_path / "out")


@pytest.mark.parametrize(("sign", "mark"), [(",", "\ufeff"), (";", ""), (";", "\ufeff"), ("\t", "")])
def test_a_spreadsheets_table_is_read_backslashes_and_all(tmp_path: Path, sign: str, mark: str) -> None:
    source = sorted_folders(tmp_path / "in")

    run(_table(source / "list.csv", sign, mark=mark), tmp_path / "out")

    assert rows_of(tmp_path / "out")["ok0"] == ("OK", "grün0", "train")
    assert all(p.mask is not None for p in read_index(tmp_path / "out") if p.label == "DEFECT")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_a_table_in_another_encoding_is_told_as_such(tmp_path: Path, encoding: str) -> None:
    source = sorted_folders(tmp_path / "in")

    said = refused(_table(source / "list.csv", encoding=encoding), tmp_path / "out")

    assert "is not a CSV in UTF-8" in said
    assert "save it again as CSV UTF-8" in said


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ('"OK/ok0.png,,OK,a\n', "is not a CSV in UTF-8"),
        ('"OK/ok0\n.png",,OK,a\n', "line 3: 'OK/ok0\\n.png' holds a line break"),
        ("OK/ok\0.png,,OK,a\n", "'OK/ok\\x00.png' holds a line break or a control character"),
        (f"OK/{'o' * 300}.png,,OK,a\n", "is longer than a name of a file can be"),
        (f"OK/ok0.png,{'o' * 300}.png,OK,a\n", "is longer than a name of a file can be"),
    ],
)
def test_a_cell_that_is_no_name_is_named_with_its_line(tmp_path: Path, cell: str, why: str) -> None:
    source = sorted_folders(tmp_path / "in")
    (source / "list.csv").write_text(f"file,mask,label,group\n{cell}OK/ok1.png,,OK,b\n")

    assert why in refused(source / "list.csv", tmp_path / "out")


def test_the_label_in_a_path_is_no_group(tmp_path: Path) -> None:
    source = tmp_path
    (source / "list.csv").write_text("file,label\nOK/p1/a.png,OK\nDEFECT/p1/b.png,DEFECT\nOK/c.png,OK\n")

    assert [one.key for one in from_csv(source / "list.csv").found] == ["p1/a", "p1/b", "c"]


def test_evidence_that_nobody_sorted_is_told_with_what_to_do(tmp_path: Path) -> None:
    said = refused(evidence(tmp_path / "in"), tmp_path / "out", "--from", "evidence")

    assert "16 pictures were sorted by nobody" in said
    assert "give --labels, or move them into OK/ and DEFECT/" in said


def test_an_index_that_a_spreadsheet_saved_again_is_read_or_told(tmp_path: Path) -> None:
    run(_table(sorted_folders(tmp_path / "in") / "list.csv"), tmp_path / "out")
    index = tmp_path / "out" / "index.csv"
    text, before = index.read_text("utf-8"), read_index(tmp_path / "out")

    index.write_text(text, "utf-8-sig")
    assert read_index(tmp_path / "out") == before
    index.write_text(text, "cp1252")
    with pytest.raises(UsageError, match=r"index\.csv is damaged .*; make the dataset again"):
        read_index(tmp_path / "out")
    with pytest.raises(UsageError, match=r"index\.csv is damaged .*; train again"):
        read_scores(index)


def test_files_that_changed_since_the_training_are_named(tmp_path: Path) -> None:
    run(sorted_folders(tmp_path / "in"), tmp_path / "out")
    pictures = read_index(tmp_path / "out")
    config = {"data": {"sha256": check_belongs(tmp_path / "out", pictures, Cutting(), tmp_path / "run", {})}}
    write(tmp_path / "in" / "OK" / "ok1.png", surface(99))
    (tmp_path / "in" / "masks" / "bad2.png").write_bytes(b"")

    with pytest.raises(UsageError, match=r"2 files, first \.\./in/OK/ok1\.png, \.\./in/masks/bad2\.png \(data hash"):
        check_belongs(tmp_path / "out", pictures, Cutting(), tmp_path / "run", config)
    (tmp_path / "out" / "hashes.json").unlink()  # a dataset of before
    with pytest.raises(UsageError, match=r"changed since .* was trained on it \(data hash"):
        check_belongs(tmp_path / "out", pictures, Cutting(), tmp_path / "run", config)


def _strips(data: Path, out: Path) -> str:
    result = CliRunner().invoke(export, ["strips", str(data), str(out), "--count", "2"])
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


def test_strips_tell_small_pictures_and_a_target_that_cannot_be(tmp_path: Path) -> None:
    run(sorted_folders(tmp_path / "small"), tmp_path / "data")
    assert "no defective strip in its 4 pictures with a mask" in _strips(tmp_path / "data", tmp_path / "strips")
    assert not (tmp_path / "strips").exists()

    for i in range(4):
        write(tmp_path / "wide" / "DEFECT" / f"bad{i}.png", surface(i, (512, 2048)))
        write(tmp_path / "wide" / "masks" / f"bad{i}.png", spot((512, 2048)))
        write(tmp_path / "wide" / "OK" / f"ok{i}.png", surface(50 + i, (512, 2048)))
    run(tmp_path / "wide", tmp_path / "wide-data")
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "could not be written" in _strips(tmp_path / "wide-data", out)
