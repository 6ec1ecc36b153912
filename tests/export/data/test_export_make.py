"""`python -m export dataset`: what each source gives, what is refused, and that nothing is left then."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from drawn_pictures import sorted_folders, spot, surface, write

from edge_inspector.core.errors import UsageError
from export.__main__ import export
from export.data.index import read_cutting, read_index
from export.data.runs import encode_runs


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(export, ["dataset", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(source: Path, out: Path, *words: str | Path) -> str:
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(export, ["dataset", str(source), str(out), *map(str, words)], catch_exceptions=False)
    assert not out.exists()
    assert not list(out.parent.glob(".*"))
    return str(caught.value)


def rows_of(out: Path) -> dict[str, tuple[str, str, str]]:
    return {p.file.stem: (p.label, p.group, p.split) for p in read_index(out)}


def table(file: Path, *rows: list[str]) -> Path:
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows(rows)
    return file


def test_folders_are_read_with_their_masks(tmp_path: Path) -> None:
    said = run(sorted_folders(tmp_path / "in"), tmp_path / "out")

    assert "8 pictures from folders in 8 groups; tiles: 4 OK, 4 DEFECT, 0 dropped" in said
    pictures = read_index(tmp_path / "out")
    assert [p.mask is not None for p in pictures] == [False] * 4 + [True] * 4
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["tiles"] == {"OK": 4, "DEFECT": 4, "dropped": 0}


def test_sub_folders_are_groups_over_both_labels(tmp_path: Path) -> None:
    for part in range(3):
        write(tmp_path / "in" / "OK" / f"p{part}" / "top.png", surface(part))
        write(tmp_path / "in" / "DEFECT" / f"p{part}" / "side.png", surface(50 + part))
        write(tmp_path / "in" / "masks" / f"p{part}" / "side.png", spot())

    run(tmp_path / "in", tmp_path / "out")

    assert {p.group for p in read_index(tmp_path / "out")} == {"p0", "p1", "p2"}


@pytest.mark.parametrize(("rule", "groups"), [("stem", 8), (r"regex:(\d)", 4), ("time:10", 4)])
def test_a_rule_says_what_a_part_is(tmp_path: Path, rule: str, groups: int) -> None:
    source = sorted_folders(tmp_path / "in")
    for file in source.rglob("*.png"):
        hour_s = int(file.stem[-1]) * 3600.0
        os.utime(file, (hour_s, hour_s))

    run(source, tmp_path / "out", "--group-by", rule)

    assert len({p.group for p in read_index(tmp_path / "out")}) == groups


def test_a_name_that_the_rule_says_nothing_of_is_named(tmp_path: Path) -> None:
    said = refused(sorted_folders(tmp_path / "in"), tmp_path / "out", "--group-by", r"regex:ok(\d)")

    assert "4 problems" in said
    assert "bad0.png: --group-by regex:ok(\\d) says nothing of it" in said


def test_an_unknown_rule_is_named(tmp_path: Path) -> None:
    said = refused(sorted_folders(tmp_path / "in"), tmp_path / "out", "--group-by", "moon")

    assert "'moon' is not known; it is one of stem, folder" in said


def test_a_csv_says_group_split_and_class(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in", 5, 5)
    rows = [[f"OK/ok{i}.png", "", "OK", f"g{i}", "val" if i > 3 else "train", ""] for i in range(5)]
    rows += [[f"DEFECT/bad{i}.png", f"masks/bad{i}.png", "DEFECT", f"h{i}", "train", "pit"] for i in range(5)]
    table(source / "index.csv", ["file", "mask", "label", "group", "split", "cls"], *rows)

    run(source, tmp_path / "out")

    assert rows_of(tmp_path / "out")["ok4"] == ("OK", "g4", "test")
    assert rows_of(tmp_path / "out")["bad0"] == ("DEFECT", "h0", "train")
    assert {p.cls for p in read_index(tmp_path / "out") if p.label == "DEFECT"} == {"pit"}


def test_a_csv_without_labels_goes_by_the_masks(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in", 3, 3)
    clean = [write(source / "masks" / f"ok{i}.png", np.zeros((256, 256), np.uint8)) for i in range(3)]
    rows = [[f"OK/ok{i}.png", str(path), f"g{i}"] for i, path in enumerate(clean)]
    rows += [[f"DEFECT/bad{i}.png", f"masks/bad{i}.png", f"h{i}"] for i in range(3)]
    table(source / "list.csv", ["file", "mask", "group"], *rows)

    run(source / "list.csv", tmp_path / "out")

    assert sorted(label for label, _, _ in rows_of(tmp_path / "out").values()) == ["DEFECT"] * 3 + ["OK"] * 3


@pytest.mark.parametrize("convention", ["new", "old"])
def test_severstals_masks_are_drawn_and_missing_rows_are_sound(tmp_path: Path, convention: str) -> None:
    strip = (256, 1600)
    for i in range(6):
        write(tmp_path / "in" / "train_images" / f"s{i}.png", surface(i, strip))
    first, second = spot(strip) > 0, np.roll(spot(strip), 900, 1) > 0
    runs = {(f"s{i}.png", cls): encode_runs(mask) for i in range(3) for cls, mask in ((1, first), (3, second))}
    if convention == "new":
        rows = [["ImageId", "ClassId", "EncodedPixels"], *([n, str(c), text] for (n, c), text in runs.items())]
    else:
        every = [(f"s{i}.png", cls) for i in range(6) for cls in range(1, 5)]
        rows = [["ImageId_ClassId", "EncodedPixels"], *([f"{n}_{c}", runs.get((n, c), "")] for n, c in every)]
    table(tmp_path / "in" / "train.csv", *rows)

    run(tmp_path / "in", tmp_path / "out")

    pictures = read_index(tmp_path / "out")
    assert [(p.label, p.cls) for p in pictures] == [("DEFECT", "1+3")] * 3 + [("OK", "")] * 3
    np.testing.assert_array_equal(pictures[0].mask_pixels(), first | second)
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == ["s0.png", "s1.png", "s2.png"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (["s0.png", "1", "1 2 3"], "line 2: s0.png: 3 numbers, but start and length come in pairs"),
        (["s0.png", "1", "65536 2"], "line 2: s0.png: run 65536 2 leaves the picture of 256x256"),
        (["s0.png", "1", "1 5 4 1"], "line 2: s0.png: run 4 1 overlaps"),
        (["s9.png", "1", "1 5"], "line 2: there is no picture s9.png"),
        (["s0.png", "x", "1 5"], "line 2: picture 's0.png' and class 'x'"),
    ],
)
def test_a_wrong_line_of_severstal_is_named(tmp_path: Path, row: list[str], why: str) -> None:
    write(tmp_path / "in" / "s0.png", surface(0))
    table(tmp_path / "in" / "train.csv", ["ImageId", "ClassId", "EncodedPixels"], row)

    assert why in refused(tmp_path / "in", tmp_path / "out")


def evidence(folder: Path) -> Path:
    for i in range(8):
        for view in ("top", "side"):
            write(folder / "20261122" / f"line-1-{i}.{view}.jpg", surface(10 * i + len(view)))
            write(folder / "20261122" / f"line-1-{i}.{view}.annotated.jpg", surface(i))
        body = {"evidence_id": f"line-1-{i}", "t_trigger_utc_us": i // 2 * 3_600_000_000, "model": "m@1"}
        (folder / "20261122" / f"line-1-{i}.json").write_text(json.dumps(body))
    return folder


def test_evidence_is_sorted_by_a_table_and_a_part_is_one_group(tmp_path: Path) -> None:
    source = evidence(tmp_path / "in")
    labels = table(
        tmp_path / "l.csv", ["evidence_id", "label"], *([f"line-1-{i}", ("OK", "DEFECT")[i % 2]] for i in range(6))
    )

    said = run(source, tmp_path / "out", "--labels", labels, "--mode", "whole")

    assert "12 pictures from evidence in 6 groups" in said
    assert "4 pictures were sorted by nobody" in said
    assert rows_of(tmp_path / "out")["line-1-1.top"] == ("DEFECT", "line-1-1", "train")
    run(source, tmp_path / "hours", "--labels", labels, "--mode", "whole", "--group-by", "time:30")
    assert len({p.group for p in read_index(tmp_path / "hours")}) == 3


def test_evidence_that_was_moved_into_folders_is_found_with_its_json(tmp_path: Path) -> None:
    source = evidence(tmp_path / "in")
    for file in sorted((source / "20261122").glob("*.top.jpg")):
        label = ("OK", "DEFECT")[int(file.name[7]) % 2]
        (source / label).mkdir(exist_ok=True)
        file.rename(source / label / file.name)

    run(source, tmp_path / "out", "--mode", "whole", "--group-by", "key:t_trigger_utc_us", "--allow-duplicates")

    assert rows_of(tmp_path / "out")["line-1-3.top"] == ("DEFECT", "3600000000", "train")


def test_a_line_of_labels_without_evidence_is_named(tmp_path: Path) -> None:
    labels = table(tmp_path / "l.csv", ["evidence_id", "label"], ["line-1-99", "OK"], ["line-1-0", "BAD"])

    said = refused(evidence(tmp_path / "in"), tmp_path / "out", "--labels", labels)

    assert "evidence line-1-99 has no picture here" in said
    assert "line 3: label must be OK or DEFECT, but is 'BAD'" in said


def _cmyk(file: Path) -> None:
    data = bytearray(cv2.imencode(".jpg", surface(0))[1].tobytes())
    at = data.find(b"\xff\xc0")
    data[at + 9] = 4
    file.write_bytes(bytes(data))


BAD = {
    "OK/ok0.png is empty; copy it again": lambda f: (f / "OK/ok0.png").write_bytes(b""),
    "OK/ok0.png: not a readable PNG": lambda f: (f / "OK/ok0.png").write_bytes(b"hello"),
    "OK/ok0.png: cut off or damaged": lambda f: (f / "OK/ok0.png").write_bytes((f / "OK/ok0.png").read_bytes()[:900]),
    "OK/ok0.png: uint16 samples, the line takes 8 bit": lambda f: write(f / "OK/ok0.png", surface(0).astype(np.uint16)),
    "OK/c.jpg: has 4 inks (CMYK)": lambda f: _cmyk(f / "OK/c.jpg"),
    "OK/ok0.png: 200x256 is smaller than a tile of 256x256; take larger pictures, or cut smaller tiles: --tile 192": (
        lambda f: write(f / "OK/ok0.png", surface(0, (256, 200)))),
    "OK/ok0.png: 60x256 is smaller than a tile of 256x256; take larger pictures, or use --mode whole": (
        lambda f: write(f / "OK/ok0.png", surface(0, (256, 60)))),
    "masks/bad0.png, the mask of bad0.png: is 300x256": lambda f: write(f / "masks/bad0.png", spot((256, 300))),
    "masks/bad0.png, the mask of bad0.png: uint16": lambda f: write(f / "masks/bad0.png", spot().astype(np.uint16)),
    "bad0.jpg, the mask of bad0.png: is a JPEG": lambda f: (
        (f / "masks/bad0.png").unlink(), write(f / "masks/bad0.jpg", spot())),
    "OK/ok0.png: is OK, but 400 pixels of its mask": lambda f: write(f / "masks/ok0.png", spot()),
    "DEFECT/bad0.png: is DEFECT, but its mask is empty": lambda f: write(f / "masks/bad0.png", spot() * 0),
    "masks/nobody.png is the mask of no picture": lambda f: write(f / "masks/nobody.png", spot()),
    "is OK, but": lambda f: (f / "OK/copy.png").write_bytes((f / "DEFECT/bad0.png").read_bytes()),
    "OK/ok0.png has the same name": lambda f: write(f / "DEFECT/ok0.png", surface(9)),
    "DEFECT tiles come from 2 groups (bad0, bad1), 3 are needed; add DEFECT pictures of 1 more parts": lambda f: [
        path.unlink() for i in (2, 3) for path in f.rglob(f"bad{i}.png")],
    "DEFECT tiles come from 0 groups, 3 are needed; add DEFECT pictures of 3 more parts, and masks": lambda f: [
        path.unlink() for path in (f / "masks").iterdir()],
}  # fmt: skip


@pytest.mark.parametrize("why", BAD)
def test_what_is_wrong_is_named_with_file_and_remedy_and_nothing_is_written(tmp_path: Path, why: str) -> None:
    source = sorted_folders(tmp_path / "in")
    BAD[why](source)

    said = refused(source, tmp_path / "out")

    if why == "is OK, but":  # the copy is named on whichever side comes second
        assert "is the same picture and" in said
    else:
        assert why in said


def test_all_problems_are_told_together_the_first_20_in_words(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    for i in range(23):
        (source / "OK" / f"e{i:02}.png").write_bytes(b"")
    write(source / "masks" / "bad0.png", spot((256, 300)))

    said = refused(source, tmp_path / "out")

    assert said.startswith("24 problems, nothing was written:\n")
    assert said.count("is empty") + said.count("300x256") == 20
    assert said.endswith("… and 4 more")


def test_a_csv_is_refused_for_lines_that_cannot_be(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    rows = [["OK/ok0.png", "", "GOOD", "g", "train"], ["OK/no.png", "", "OK", "g", "train"]]
    rows += [["OK/ok1.png", "", "OK", "h", "train"], ["OK/ok1.png", "", "OK", "h", "test"]]
    table(source / "index.csv", ["file", "mask", "label", "group", "split"], *rows)

    said = refused(source, tmp_path / "out", "--group-by", "time:5")
    assert re.search(r"line 3 .*no.png does not exist", said)
    said = refused(source, tmp_path / "out")

    assert "line 2: label must be OK or DEFECT, but is 'GOOD'" in said
    assert re.search(r"line 3 .*no.png does not exist", said)
    assert "line 5 (OK/ok1.png): " in said
    assert "was named before" in said
    assert "group h stands in two splits" in said


def test_alike_pictures_of_different_groups_are_refused_joined_or_allowed(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    write(source / "OK" / "again.jpg", surface(1), cv2.IMWRITE_JPEG_QUALITY, 85)

    said = refused(source, tmp_path / "out")

    assert "1 pairs of pictures in different groups show the same" in said
    assert "again.jpg (again)" in said
    assert (tmp_path / "out-duplicates.html").read_text().count("data:image/jpeg;base64,") == 2
    run(source, tmp_path / "joined", "--merge-duplicates")
    assert rows_of(tmp_path / "joined")["ok1"][1] == "again"
    run(source, tmp_path / "apart", "--allow-duplicates")
    assert rows_of(tmp_path / "apart")["ok1"][1] == "ok1"
    assert "Alike, in different groups" in (tmp_path / "apart" / "report.html").read_text()


def test_the_same_source_gives_the_same_bytes_again(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in", 6, 6)

    for name in ("one", "two"):
        run(source, tmp_path / name, "--test-share", "0.25", "--seed", "5")

    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["dataset.json", "hashes.json", "index.csv", "report.html"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    splits = [(p.label, p.split) for p in read_index(tmp_path / "one")]
    assert (splits.count(("OK", "test")), splits.count(("DEFECT", "test"))) == (2, 2)


def test_the_report_is_one_file_without_script_or_address(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    (source / "OK" / "ok0.png").rename(source / "OK" / "<b>ok0.png")

    run(source, tmp_path / "out", "--defect-from-px", "50")

    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r"https?://|(?:src|href)=\"(?!data:)", page)
    assert "&lt;b&gt;ok0.png" in page
    assert "You have 4 bad groups: below about 20 nothing certain can be said" in page
    assert page.count("data:image/jpeg;base64,") == 8
    assert read_cutting(tmp_path / "out").defect_from_px == 50


def test_a_full_disk_leaves_nothing_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("export.data.make.report_page", full)

    said = refused(sorted_folders(tmp_path / "in"), tmp_path / "out")

    assert "out could not be written (No space left on device)" in said


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("export.data.make.report_page", stop)

    result = CliRunner().invoke(export, ["dataset", str(sorted_folders(tmp_path / "in")), str(tmp_path / "out")])

    assert result.exit_code == 1
    assert "Aborted" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    source = sorted_folders(tmp_path / "in")
    run(source, tmp_path / "out")
    before = (tmp_path / "out" / "index.csv").read_bytes()

    with pytest.raises(UsageError, match="out is there already"):
        CliRunner().invoke(export, ["dataset", str(source), str(tmp_path / "out")], catch_exceptions=False)

    assert (tmp_path / "out" / "index.csv").read_bytes() == before


def test_the_folder_one_stands_in_can_become_the_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = sorted_folders(tmp_path / "in")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    run(source, ".")

    assert len(read_index(tmp_path / "here")) == 8


def test_strips_of_one_name_in_two_folders_are_named(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path / "in" / folder / "s0.png", surface(0))
    table(tmp_path / "in" / "train.csv", ["ImageId", "ClassId", "EncodedPixels"], ["s0.png", "1", "1 5"])

    assert "b/s0.png has the name of" in refused(tmp_path / "in", tmp_path / "out")
