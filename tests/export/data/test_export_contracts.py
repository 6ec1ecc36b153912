"""The tables that pass between the steps: what is written is read back, and what is wrong is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_pictures import spot, surface, write

from edge_inspector.core.errors import UsageError
from export.data.index import Cutting, data_sha256, read_cutting, read_index, write_index
from export.data.picture import Picture
from export.data.scores import read_scores, write_scores
from export.data.tiles import label_tiles, part_of, read_tiles


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    bad = Picture(
        write(tmp_path / "a.png", surface(1, (256, 600))),
        write(tmp_path / "m.png", spot((256, 600))),
        "DEFECT",
        "g1",
        cls="pit",
    )
    return [bad, Picture(write(tmp_path / "b.png", surface(2, (300, 256))), None, "OK", "g2", "test")]


def test_an_index_is_read_as_it_was_written(tmp_path: Path, pictures: list[Picture]) -> None:
    cutting = Cutting("whole", 7, "row", tile_px=128)

    write_index(tmp_path / "set", pictures, cutting, {"source": "drawn"})

    read = read_index(tmp_path / "set")
    assert [replace(p, name="", file=p.file.resolve(), mask=p.mask and p.mask.resolve()) for p in read] == pictures
    assert [p.name for p in read] == ["../a.png", "../b.png"]
    assert read_cutting(tmp_path / "set") == cutting
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["dataset.json", "index.csv"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no pictures"),
        ("mask,label\n,OK\n", "lacks the columns"),
        ("file,group,label\nnone.png,g,OK\n", "line 2: .*none.png does not exist"),
        ("file,group,label\na.png,g,MAYBE\n", "line 2: label must be OK or DEFECT, but is 'MAYBE'"),
        ("file,group,label,split\na.png,g,OK,train\nb.png,g,OK,test\n", "1 groups stand in two splits, first g"),
    ],
)
def test_a_wrong_index_is_named(tmp_path: Path, pictures: list[Picture], text: str, why: str) -> None:
    (tmp_path / "index.csv").write_text(text)

    with pytest.raises(UsageError, match=why):
        read_index(tmp_path)


@pytest.mark.parametrize("text", ["{", '{"cutting": {"tile_px": 100}}', '{"cutting": {"tile_px": 256.0}}'])
def test_a_damaged_description_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)

    with pytest.raises(UsageError, match="is not a dataset's description"):
        read_cutting(tmp_path)


def test_the_hash_is_of_labels_and_pixels(tmp_path: Path, pictures: list[Picture]) -> None:
    first = data_sha256(pictures)

    assert data_sha256([replace(pictures[0], label="OK"), pictures[1]]) != first
    write(tmp_path / "m.png", spot((256, 600), 21))
    assert data_sha256(pictures) != first


def test_tiles_have_the_truth_of_their_mask_and_their_place(pictures: list[Picture]) -> None:
    tiles = label_tiles(pictures, Cutting(), 0)

    assert [(t.picture, t.y, t.x, t.mask_px, t.is_defect) for t in tiles] == [
        (0, 0, 0, 400, True), (0, 0, 256, 0, False), (0, 0, 344, 0, False), (1, 0, 0, 0, False), (1, 44, 0, 0, False),
    ]  # fmt: skip
    np.testing.assert_array_equal(read_tiles(pictures, tiles, Cutting())[2], pictures[0].pixels()[:, 344:])
    assert part_of(replace(pictures[1], name="b"), tiles[4], Cutting(part="row")) == "b#44"


def test_smaller_tiles_are_cut_and_labelled(pictures: list[Picture]) -> None:
    tiles = label_tiles(pictures[:1], Cutting(tile_px=128), 0)

    assert {(t.y, t.x) for t in tiles} == {(y, x) for y in (0, 128) for x in (0, 128, 256, 384, 472)}
    assert read_tiles(pictures, tiles, Cutting(tile_px=128)).shape == (len(tiles), 128, 128, 3)
    assert sum(t.mask_px for t in tiles if t.is_defect) == 400


def test_a_defect_without_a_mask_gives_no_tile_of_a_grid_but_one_of_the_whole(pictures: list[Picture]) -> None:
    blind = [replace(pictures[0], mask=None)]

    assert label_tiles(blind, Cutting(), 0) == []
    tiles = label_tiles(blind, Cutting("whole"), 0)
    assert [tile.is_defect for tile in tiles] == [True]
    assert read_tiles(blind, tiles, Cutting("whole")).shape == (1, 256, 256, 3)


def test_a_picture_is_not_turned_by_exif_since_the_line_does_not_turn_it(tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", surface(3, (256, 300)))[1].tobytes()
    # APP1 with one entry: orientation 6, a quarter turn.
    body = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    (tmp_path / "t.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:])

    assert Picture(tmp_path / "t.jpg", None, "OK", "g").pixels().shape == (256, 300, 3)


def test_a_mask_is_marked_where_any_colour_is_not_0(tmp_path: Path) -> None:
    faint = np.zeros((256, 256, 4), np.uint8)
    faint[..., 3] = 255
    faint[5, 7, 0] = 1  # blue 1: grey 0
    picture = Picture(tmp_path / "p.png", write(tmp_path / "f.png", faint), "DEFECT", "g")

    assert np.argwhere(picture.mask_pixels()).tolist() == [[5, 7]]


def test_scores_are_read_as_they_were_written(tmp_path: Path, pictures: list[Picture]) -> None:
    tiles, cutting = label_tiles(pictures, Cutting(), 0), Cutting()
    margins = np.random.default_rng(0).normal(size=len(tiles))

    write_scores(tmp_path / "scores.csv", pictures, tiles, cutting, [0, 1, 0, -1, -1], margins)

    scores = read_scores(tmp_path / "scores.csv")
    np.testing.assert_array_equal(scores.margin, margins)
    assert (scores.folds.fold.tolist(), scores.test.group.tolist()) == ([0, 1, 0], ["g2", "g2"])
    (tmp_path / "scores.csv").write_text("x\n1\n")
    with pytest.raises(UsageError, match="is not a table of scores"):
        read_scores(tmp_path / "scores.csv")
