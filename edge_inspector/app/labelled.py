"""Pictures in folders OK and DEFECT, each a frame of the line or a tile of the bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_inspector.acquire.replay import UnreadablePicture, list_pictures, read_picture
from edge_inspector.core.errors import CameraNotFoundError, UsageError
from edge_inspector.core.frame import U8, FrameShape

OK, DEFECT = "OK", "DEFECT"
_SHOWN = 10
"""Broken pictures that are named one by one."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One labelled picture."""

    path: Path
    label: str
    is_tile: bool
    """It has the size of a tile, not of a frame."""

    @property
    def name(self) -> str:
        """Path below the set's folder."""
        return f"{self.label}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a picture of a set may be."""

    frame: FrameShape
    tile_hw: tuple[int, int]

    @property
    def tile(self) -> FrameShape:
        """One tile, in the frame's colour."""
        return FrameShape(*self.tile_hw, self.frame.channels)

    def read(self, picture: Picture) -> U8:
        """Return the pixels, shape (h, w, c); raises UnreadablePicture."""
        return read_picture(picture.path, self.tile if picture.is_tile else self.frame)

    def recognised(self, path: Path, label: str) -> Picture:
        """Return a picture as what it is; raises UnreadablePicture."""
        try:
            read_picture(path, self.frame)
        except UnreadablePicture as error:
            tile = Picture(path, label, is_tile=True)
            try:
                self.read(tile)
            except UnreadablePicture as other:
                is_size = str(other).startswith("picture is ")
                raise (error if is_size else other) from None  # what is wrong with a picture of the right size
            return tile
        return Picture(path, label, is_tile=False)


def find_pictures(folder: Path, sizes: Sizes) -> tuple[Picture, ...]:
    """Return the pictures of a labelled set, each read once: what is broken is told before anything is measured.

    Raises:
        UsageError: There is no picture, or one cannot be judged; names it.
    """
    found: list[Picture] = []
    broken: list[str] = []
    for label in (OK, DEFECT):
        if not (folder / label).is_dir():
            continue
        try:
            files = list_pictures(folder / label)
        except CameraNotFoundError:
            files = []
        for path in files:
            try:
                found.append(sizes.recognised(path, label))
            except UnreadablePicture as why:
                broken.append(f"{label}/{path.name}: {why}")
    if broken:
        more = [f"and {len(broken) - _SHOWN} more"] if len(broken) > _SHOWN else []
        told = "\n  ".join([*broken[:_SHOWN], *more])
        height, width = sizes.tile_hw
        raise UsageError(
            f"{len(broken)} of the labelled pictures cannot be judged; replace or remove them, then ask again. Each "
            f"must be a frame of {sizes.frame.width}x{sizes.frame.height} or a tile of {width}x{height}:\n  {told}"
        )
    if not found:
        raise UsageError(f"{folder} holds no labelled picture; put pictures into {folder / OK} and {folder / DEFECT}")
    return tuple(found)
