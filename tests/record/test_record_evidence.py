"""What is kept of a part, and what is refused."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from evidence_samples import BODY, bytes_below, make_item, make_store, names_below

from edge_inspector.record.evidence import DROP_REASONS


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
    np.testing.assert_array_equal(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), item.pictures[0].pixels)


def test_a_grey_frame_stays_grey(tmp_path: Path) -> None:
    grey = np.arange(64 * 128, dtype=np.uint8).reshape(64, 128, 1)

    paths = make_store(tmp_path, picture_format="png").write(make_item(pixels=grey))

    assert paths is not None
    np.testing.assert_array_equal(cv2.imread(str(paths[0]), cv2.IMREAD_UNCHANGED), grey[..., 0])


def test_jpeg_keeps_the_colours_near(tmp_path: Path) -> None:
    item = make_item()

    paths = make_store(tmp_path).write(item)

    assert paths is not None
    read = cv2.cvtColor(cv2.imread(str(paths[0])), cv2.COLOR_BGR2RGB)
    assert np.abs(read.astype(int) - item.pictures[0].pixels).mean() < 5  # a swap of red and blue gives over 90


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


def test_every_reason_is_there_from_the_start(tmp_path: Path) -> None:
    assert dict(make_store(tmp_path).status().dropped) == dict.fromkeys(DROP_REASONS, 0)
