"""What is measured on: a bundle, and frames as pictures (for the line) and as one array (for everybody else)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.contender import Task, Tiles
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.tile.grid import grid_corners

STRIP_HW = (256, 1600)
"""A strip of rolled steel as line-scan cameras give it: seven tiles of 256x256."""
N_FRAMES = 16
"""20 MB of colour frames: more than any cache, so that reading them costs what it costs on a line."""
DEFECT_EVERY = 8
"""Every so many frames, one carries a tile that the model calls defective."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A bundle and frames for it."""

    title: str
    bundle: Path
    pictures: Path
    """Folder of PNG pictures."""
    array: Path
    """The same as .npy, shape (n_frames, h, w, c)."""
    frame_hwc: tuple[int, int, int]
    corners_yx: tuple[tuple[int, int], ...]
    tile_hw: tuple[int, int]

    @property
    def n_tiles(self) -> int:
        """Tiles of a frame."""
        return len(self.corners_yx)

    def task(self, **options: object) -> Task:
        """Return what a contender needs to judge the same."""
        corners = [list(corner) for corner in self.corners_yx]
        return Task(str(self.bundle / "model.onnx"), str(self.array), corners, list(self.tile_hw), options)


def make_subject(title: str, bundle_folder: Path, folder: Path, frame_hw: tuple[int, int] = STRIP_HW) -> Subject:
    """Draw frames from the bundle's own golden tiles and write them below `folder`."""
    bundle = load_bundle(bundle_folder, trust=ANYONE)
    frames = _paved(bundle, frame_hw)
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    for i, frame in enumerate(frames):
        picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) if frame.shape[2] == 3 else frame
        cv2.imwrite(str(pictures / f"{i:03}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    np.save(folder / "frames.npy", frames)
    tile_hw = bundle.manifest.tile_hw
    corners = tuple((int(y), int(x)) for y, x in grid_corners(frame_hw, tile_hw, 0))
    return Subject(title, bundle_folder, pictures, folder / "frames.npy", frames.shape[1:], corners, tile_hw)


def _paved(bundle: Bundle, frame_hw: tuple[int, int]) -> Tiles:
    """Return frames paved with golden tiles that are OK; every eighth has one that is not."""
    random = np.random.default_rng(1)
    good = [tile.pixels for tile in bundle.golden if tile.label == "OK"]
    bad = [tile.pixels for tile in bundle.golden if tile.label != "OK"]
    height, width, channels = bundle.manifest.tile_hwc
    rows, columns = -(-frame_hw[0] // height), -(-frame_hw[1] // width)
    frames = np.empty((N_FRAMES, *frame_hw, channels), np.uint8)
    for i in range(N_FRAMES):
        picked = [[good[random.integers(len(good))] for _ in range(columns)] for _ in range(rows)]
        if i % DEFECT_EVERY == DEFECT_EVERY - 1:
            picked[0][0] = bad[random.integers(len(bad))]
        whole = np.concatenate([np.concatenate(row, axis=1) for row in picked], axis=0)
        frames[i] = whole[: frame_hw[0], : frame_hw[1]]
    return frames
