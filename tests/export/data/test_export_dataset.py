"""Which tile is what, and that no group is cut in two."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.errors import UsageError
from export.data.dataset import Picture, label_tiles, read_index, read_tiles, split_by_group

NOWHERE = Path("nowhere")


def _picture(folder: Path, mask: np.ndarray, group: str = "g", split: str = "train") -> Picture:
    pixels = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), np.uint8)
    cv2.imwrite(str(folder / "p.png"), pixels[:, :, ::-1])
    cv2.imwrite(str(folder / "m.png"), mask)
    return Picture(folder / "p.png", folder / "m.png", group, split)


def test_a_tile_is_defect_from_100_masked_pixels_and_left_out_below(tmp_path: Path) -> None:
    mask = np.zeros((256, 1024), np.uint8)
    mask[0, 256:355] = 255  # 99 pixels in the second tile
    mask[0, 512:612] = 255  # 100 in the third
    mask[0, 768] = 1  # one, faint, in the fourth

    tiles = label_tiles([_picture(tmp_path, mask)], overlap=0)

    assert [(tile.x, tile.is_defect, tile.mask_px) for tile in tiles] == [(0, False, 0), (512, True, 100)]


def test_tiles_are_read_where_they_stand_in_rgb(tmp_path: Path) -> None:
    picture = _picture(tmp_path, np.zeros((300, 700), np.uint8))

    tiles = label_tiles([picture], overlap=128)
    pixels = read_tiles([picture], tiles)

    whole = np.random.default_rng(0).integers(0, 256, (300, 700, 3), np.uint8)
    assert len(tiles) == 2 * 5
    for tile, got in zip(tiles, pixels, strict=True):
        np.testing.assert_array_equal(got, whole[tile.y : tile.y + 256, tile.x : tile.x + 256])


@given(
    sizes=st.lists(st.tuples(st.integers(1, 15), st.booleans()), min_size=2, max_size=30),
    seed=st.integers(0, 1000),
)
def test_every_group_is_used_whole_and_for_one_purpose(sizes: list[tuple[int, bool]], seed: int) -> None:
    pictures = [
        Picture(NOWHERE, NOWHERE, f"g{i}", "val" if is_val else "train")
        for i, (count, is_val) in enumerate(sizes)
        for _ in range(count)
    ]

    split = split_by_group(pictures, seed)

    parts = [{p.group for p in part} for part in (split.train, split.calibration, split.validation)]
    assert sum(map(len, parts)) == len(sizes)
    assert len(set().union(*parts)) == len(sizes)
    assert len(split.train) + len(split.calibration) + len(split.validation) == len(pictures)
    assert all(p.split == "val" for p in split.validation)
    assert all(p.split == "train" for p in split.train + split.calibration)


def test_a_group_in_two_splits_is_refused() -> None:
    torn = [Picture(NOWHERE, NOWHERE, "g1", "train"), Picture(NOWHERE, NOWHERE, "g1", "val")]

    with pytest.raises(UsageError, match="1 groups stand in two splits, first g1"):
        split_by_group(torn, seed=1)


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("file,mask,group,split\na.png,b.png,g,train\n")

    with pytest.raises(UsageError, match=r"a\.png is named by .*index\.csv but does not exist"):
        read_index(tmp_path)
