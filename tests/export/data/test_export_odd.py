"""What people really have: links, other programs' tables, names of other systems. Nothing is left out unsaid."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from drawn_pictures import sorted_folders, spot, surface, write
from test_export_make import evidence, refused, rows_of, run

from edge_inspector.acquire.picture_size import picture_size
from edge_inspector.core.errors import UsageError
from export.__main__ import export
from export.data.belongs import check_belongs
from export.data.found import Source
from export.data.from_csv import from_csv
from export.data.from_evidence import from_evidence
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
    for name in (b"OK/\xe4.webp", b"DEFECT/b.gif", b"masks/c.jp2", b"OK/Thumbs.db", b"OK/.hidden"):
        Path(os.fsdecode(os.fsencode(source) + b"/" + name)).write_bytes(b"x")

    said = run(source, tmp_path / "out")

    assert re.search(r"3 files are no PNG, JPEG, BMP or TIFF and are left out, first .*udce4\.webp; save", said)


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
        ('OK/ok0.png,,OK,a\n"OK/ok2.png,,OK,a\n', "is not a CSV in UTF-8 (line 3: unexpected end of data)"),
        (".,,OK,a\n", "line 2: '.' is no file; name a picture"),
        ("loop.png,,OK,a\n", "loop.png does not exist"),
        ('"OK/ok0\n.png",,OK,a\n', "line 2: 'OK/ok0\\n.png' holds a line break"),
        ("OK/ok\0.png,,OK,a\n", "'OK/ok\\x00.png' holds a line break or a control character"),
        (f"OK/{'o' * 300}.png,,OK,a\n", "is longer than a name of a file can be"),
        (f"OK/ok0.png,{'o' * 300}.png,OK,a\n", "is longer than a name of a file can be"),
    ],
)
def test_a_cell_that_is_no_name_is_named_with_its_line(tmp_path: Path, cell: str, why: str) -> None:
    source = sorted_folders(tmp_path / "in")
    (source / "loop.png").symlink_to(source / "loop.png")
    (source / "list.csv").write_text(f"file,mask,label,group\n{cell}OK/ok1.png,,OK,b\n")

    assert why in refused(source / "list.csv", tmp_path / "out")


def test_the_label_in_a_path_is_no_group(tmp_path: Path) -> None:
    source = tmp_path
    (source / "list.csv").write_text("file,label\nOK/p1/a.png,OK\nDEFECT/p1/b.png,DEFECT\nOK/c.png,OK\n")

    assert [one.key for one in from_csv(source / "list.csv").found] == ["p1/a", "p1/b", "c"]


def test_pictures_of_one_folder_are_one_part_unless_a_rule_says_otherwise(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    rows = [f"DEFECT/bad{i}.png,masks/bad{i}.png,DEFECT" for i in range(4)] + [f"OK/ok{i}.png,,OK" for i in range(4)]
    for name in ("OK", "DEFECT"):
        (source / name).rename(source / f"{name}-pictures")
    text = "\n".join(["file,mask,label", *(row.replace("/", "-pictures/", 1) for row in rows)])
    (source / "list.csv").write_text(text)

    assert "or say with --group-by what a part is" in refused(source / "list.csv", tmp_path / "out")
    run(source / "list.csv", tmp_path / "out", "--group-by", "stem")


def test_the_json_of_evidence_behind_a_link_is_found(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "20261122").symlink_to(evidence(tmp_path / "far") / "20261122")

    assert all(dict(one.facts).get("model") == "m@1" for one in _sorted_evidence(source).found)


def _sorted_evidence(source: Path) -> Source:
    labels = source.parent / "l.csv"
    labels.write_text("evidence_id;label\n" + "".join(f"line-1-{i};OK\n" for i in range(8)))
    found = from_evidence(source, labels)
    assert len(found.found) == 16
    return found


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
    index.write_text(text.replace(",", ";"), "utf-8")
    assert read_index(tmp_path / "out") == before
    index.write_text(text.replace("ok1", "o" * 300), "utf-8")
    with pytest.raises(UsageError, match=r"line 3: .* does not exist"):
        read_index(tmp_path / "out")
    index.write_text(text, "cp1252")
    with pytest.raises(UsageError, match=r"index\.csv is not a CSV in UTF-8"):
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
    for damaged in ({"data": {"sha256": None, "cutting": [1]}}, {"data": "?"}):  # says nothing: it is believed
        check_belongs(tmp_path / "out", pictures, Cutting(), tmp_path / "run", damaged)
    index, before = tmp_path / "out" / "index.csv", (tmp_path / "out" / "index.csv").read_text()
    write(tmp_path / "in" / "OK" / "more.png", surface(98))
    index.write_text(before.replace("OK/ok2.png", "OK/more.png"))
    with pytest.raises(UsageError, match=r"4 files, .*/bad2\.png, \S*/more\.png \(new\), \S*/ok2\.png \(gone\) \("):
        check_belongs(tmp_path / "out", read_index(tmp_path / "out"), Cutting(), tmp_path / "run", config)
    index.write_text(before)
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


def test_strips_are_as_high_as_a_tile_and_four_tiles_long_and_never_mix_with_others(tmp_path: Path) -> None:
    for i in range(4):
        write(tmp_path / "in" / "DEFECT" / f"bad{i}.png", surface(i, (128, 1024)))
        write(tmp_path / "in" / "masks" / f"bad{i}.png", spot((128, 1024)))
        write(tmp_path / "in" / "OK" / f"ok{i}.png", surface(50 + i, (128, 1024)))
    run(tmp_path / "in", tmp_path / "data", "--tile", "128")

    result = CliRunner().invoke(export, ["strips", str(tmp_path / "data"), str(tmp_path / "out"), "--count", "4"])

    assert result.exit_code == 0, result.output
    with (tmp_path / "out" / "truth.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert sorted(row["truth"] for row in rows) == ["DEFECT", "DEFECT", "OK", "OK"]
    # The spot of 400 pixels begins at column 40.
    assert all((int(row["x"]) <= 40) == (row["truth"] == "DEFECT") for row in rows)
    assert {picture_size((tmp_path / "out" / row["file"]).read_bytes()) for row in rows} == {(128, 512)}
    assert "holds strips already" in _strips(tmp_path / "data", tmp_path / "out")


def test_tiles_that_the_networks_cannot_divide_are_refused(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")

    said = refused(source, tmp_path / "out", "--tile", "200")

    assert said == "--tile: must be a multiple of 32 from 64 to 1024, but is 200; take 192 or 224"
