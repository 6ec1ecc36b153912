"""Strips: what a line sees as one part. Cut from pictures as the metrics' parts, and as the demo's pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.core.errors import UsageError
from edge_inspector.tile.grid import grid_corners
from export.data.index import Cutting, read_cutting, read_index
from export.data.picture import Picture
from export.whole_file import put_whole

STRIP_TILES = 4
"""In a row, like a piece of web as wide as a tile."""

CANDIDATE_STEP_PX = 64
"""Strips may begin anywhere on this raster, so that sound ones are found between the pits."""

JPEG_QUALITY = 95

TRUTH_FILE = "truth.csv"
TRUTH_COLUMNS = ("file", "truth", "source", "group", "x", "y", "mask_px")


@dataclass(frozen=True, slots=True)
class Strip:
    """One strip of a picture with a clear truth."""

    picture: int
    """Index into the list of pictures."""
    y: int
    x: int
    mask_px: int
    """Defective pixels of the whole strip."""
    is_defect: bool
    """A tile of it is DEFECT; otherwise no pixel is masked."""
    group: str
    hw: tuple[int, int]
    """All strips of a dataset have the same."""

    def overlaps(self, other: Strip) -> bool:
        """Return whether two strips share a pixel of one picture."""
        height, width = self.hw
        return self.picture == other.picture and abs(self.y - other.y) < height and abs(self.x - other.x) < width


def find_strips(pictures: Sequence[Picture], cutting: Cutting) -> list[Strip]:
    """Return all strips with a clear truth; those with only tiles of a few masked pixels are left out.

    Args:
        pictures: Where to look; pictures smaller than a strip give none.
        cutting: Of the dataset.
    """
    strips, side = [], cutting.tile_px
    height, width = hw = (side, STRIP_TILES * side)
    for i, picture in enumerate(pictures):
        mask = picture.mask_pixels()
        if mask.shape[0] < height or mask.shape[1] < width:
            continue
        ys = grid_corners((mask.shape[0], width), hw, height - CANDIDATE_STEP_PX)[:, 0].tolist()
        # One row of a picture as wide as high, so that the overlap along x may exceed the height.
        xs = grid_corners((width, mask.shape[1]), (width, width), width - CANDIDATE_STEP_PX)[:, 1].tolist()
        for y, x in ((y, x) for y in ys for x in xs):
            part = mask[y : y + height, x : x + width]
            worst = max(int(np.count_nonzero(part[:, u : u + side])) for u in range(0, width, side))
            if worst == 0 or worst >= cutting.defect_from_px:
                strips.append(Strip(i, y, x, int(np.count_nonzero(part)), worst > 0, picture.group, hw))
    return strips


def sample_strips(strips: Sequence[Strip], count: int, seed: int) -> list[Strip]:
    """Return `count` strips that share no pixel, the groups taken in turn, by chance alone.

    No model is asked: pictures chosen by a model's answer would flatter it.

    Raises:
        UsageError: There are not so many.
    """
    chance = np.random.default_rng(seed)
    waiting: dict[str, list[Strip]] = {}
    for row in chance.permutation(len(strips)).tolist():
        waiting.setdefault(strips[row].group, []).append(strips[row])
    chosen: list[Strip] = []
    while any(waiting.values()):
        for queue in waiting.values():
            while queue:
                strip = queue.pop()
                if not any(strip.overlaps(other) for other in chosen):
                    chosen.append(strip)
                    break
            if len(chosen) == count:
                return chosen
    raise UsageError(f"only {len(chosen)} of {count} strips that share no pixel could be found; ask for fewer")


def write_strips(data: Path, out: Path, count: int, seed: int) -> int:
    """Write half sound, half defective strips as 001.jpg … with truth.csv; return how many.

    They come from pictures with a mask of the split `test`, or of all where there is no such split.

    Raises:
        UsageError: There are not so many, the folder holds strips already, or the disk refuses.
    """
    if (out / TRUTH_FILE).exists():
        raise UsageError(f"{out} holds strips already, and fewer would mix with them; name another folder")
    masked = [picture for picture in read_index(data) if picture.mask is not None]
    pictures = [picture for picture in masked if picture.split == "test"] or masked
    cutting = read_cutting(data)
    strips = find_strips(pictures, cutting)
    for kind in (True, False):
        if not any(strip.is_defect is kind for strip in strips):
            what = "defective" if kind else "sound"
            raise UsageError(
                f"{data} shows no {what} strip in its {len(pictures)} pictures with a mask; name a dataset of pictures "
                f"of at least {STRIP_TILES * cutting.tile_px}x{cutting.tile_px} that show some"
            )
    chosen = [
        *sample_strips([s for s in strips if s.is_defect], count // 2, seed),
        *sample_strips([s for s in strips if not s.is_defect], count - count // 2, seed),
    ]
    order = np.random.default_rng(seed).permutation(len(chosen)).tolist()
    try:
        out.mkdir(parents=True, exist_ok=True)
        rows = [_write_strip(out, number, chosen[row], pictures) for number, row in enumerate(order, start=1)]
        table = io.StringIO(newline="")
        csv.writer(table, lineterminator="\n").writerows([TRUTH_COLUMNS, *rows])
        put_whole(out / TRUTH_FILE, table.getvalue().encode())  # last: with it the strips are whole
    except OSError as error:
        raise UsageError(f"{out} could not be written ({error.strerror}); make room, or name another folder") from error
    return len(chosen)


def _write_strip(out: Path, number: int, strip: Strip, pictures: Sequence[Picture]) -> list[str | int]:
    """Write a strip, and return its row of truth.csv."""
    picture, name = pictures[strip.picture], f"{number:03}.jpg"
    pixels = picture.pixels()[strip.y : strip.y + strip.hw[0], strip.x : strip.x + strip.hw[1]]
    # 4:4:4: the colour is kept as sharp as the light.
    flags = (
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    )
    put_whole(out / name, cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), flags)[1].tobytes())
    truth = "DEFECT" if strip.is_defect else "OK"
    return [name, truth, picture.file.name, strip.group, strip.x, strip.y, strip.mask_px]
