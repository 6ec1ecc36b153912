"""What is inside a picture's file: whether the line would take it, its mask, its tiles, and what it looks like."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

# What the line refuses must not be trained on: the line's own judges are asked.
from edge_inspector.acquire.picture_size import picture_size
from edge_inspector.acquire.picture_whole import picture_fault
from edge_inspector.core.frame import U8
from edge_inspector.tile.grid import grid_corners
from export.data.alike import hash_of
from export.data.found import Found
from export.data.index import TILE_SIZES_PX, Cutting
from export.data.picture import Label, is_marked
from export.data.runs import decode_runs
from export.data.truth import judge_tiles

MAX_PIXELS = 1 << 28
"""A file of kilobytes can claim to be larger; no camera's picture is."""

Mask = npt.NDArray[np.bool_]


class BadPicture(Exception):  # noqa: N818 - a state of a file; becomes one line of a list
    """Raised with file and remedy."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in one picture."""

    hw: tuple[int, int]
    sha256: str
    """Of the file's bytes."""
    looks: int
    """64-bit hash of what it looks like."""
    label: Label
    """As the source says, else as the mask does."""
    mask_px: int | None
    """None: no mask."""
    n_ok: int
    n_defect: int
    n_dropped: int
    """Tiles between OK and DEFECT, or of a defect that nobody outlined."""


def look_at(found: Found, cutting: Cutting) -> Look:
    """Open picture and mask.

    Raises:
        BadPicture: The line would refuse it, or label and mask do not go together.
    """
    data = _bytes_of(found.file, found.where)
    pixels = decode(data, found.where)
    hw = (pixels.shape[0], pixels.shape[1])
    if cutting.mode == "grid" and min(hw) < cutting.tile_px:
        raise BadPicture(
            f"{found.where}: {hw[1]}x{hw[0]} is smaller than a tile of {cutting.tile_px}x{cutting.tile_px}; "
            f"take larger pictures, or {_smaller_tiles(hw)}"
        )
    mask = mask_of(found, hw)
    label = _label(found, mask, cutting)
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) if pixels.ndim == 3 else pixels
    n_ok, n_defect, n_dropped = _count(hw, mask, label, cutting)
    mask_px = None if mask is None else int(np.count_nonzero(mask))
    looks = hash_of(grey.astype(np.uint8, copy=False))
    return Look(hw, hashlib.sha256(data).hexdigest(), looks, label, mask_px, n_ok, n_defect, n_dropped)


def _smaller_tiles(hw: tuple[int, int]) -> str:
    fitting = [side for side in TILE_SIZES_PX if side <= min(hw)]
    return f"cut smaller tiles: --tile {fitting[-1]}" if fitting else "use --mode whole"


def _bytes_of(file: Path, where: str) -> bytes:
    try:
        str(file).encode()
    except UnicodeEncodeError as error:  # index.csv and report are UTF-8, and could not name it
        raise BadPicture(f"{str(file)!a}: its name is not UTF-8; rename it") from error
    named = where if str(file) in where else f"{where}: {file}"
    if not file.is_file():
        raise BadPicture(f"{named} does not exist; copy it, or take it out")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadPicture(f"{named} cannot be read ({error.strerror}); check its permissions") from error
    if not data:
        raise BadPicture(f"{named} is empty; copy it again")
    return data


def decode(data: bytes, where: str) -> U8:
    """Return the picture of a file as the line would see it, (h, w) or (h, w, 3 or 4), BGR.

    Raises:
        BadPicture: The line would refuse it.
    """
    size = picture_size(data)
    if size is None:
        raise BadPicture(f"{where}: not a readable PNG, JPEG, BMP or TIFF file; save it as one of them")
    if size[0] * size[1] > MAX_PIXELS:
        raise BadPicture(f"{where}: says that it is {size[1]}x{size[0]}, larger than any camera's; copy it again")
    if fault := picture_fault(data):
        raise BadPicture(f"{where}: {fault}; copy it again, or save it as one picture in grey or RGB")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BadPicture(f"{where}: cannot be decoded ({error.err}); copy it again") from error
    if pixels is None or pixels.shape[:2] != size:
        raise BadPicture(f"{where}: cannot be decoded; copy it again")
    if pixels.dtype != np.uint8:
        raise BadPicture(f"{where}: {pixels.dtype} samples, the line takes 8 bit; record it as the line does, in 8 bit")
    return pixels.astype(np.uint8, copy=False)


def mask_of(found: Found, hw: tuple[int, int]) -> Mask | None:
    """Return where the surface is defective, shape (h, w); None: nobody has drawn it.

    Raises:
        BadPicture: It cannot be used.
    """
    if found.runs:
        return _mask_of_runs(found, hw)
    if found.mask is None:
        return None
    where = f"{found.mask}, the mask of {found.file.name}"
    data = _bytes_of(found.mask, where)
    if data[:2] == b"\xff\xd8":
        raise BadPicture(f"{where}: is a JPEG, whose edges are noise; save the mask as PNG")
    marked = is_marked(decode(data, where))
    if marked.shape != hw:
        raise BadPicture(
            f"{where}: is {marked.shape[1]}x{marked.shape[0]}, the picture {hw[1]}x{hw[0]}; draw it on the picture"
        )
    return marked


def _mask_of_runs(found: Found, hw: tuple[int, int]) -> Mask:
    whole = np.zeros(hw, np.bool_)
    wrong = []
    for runs in found.runs:
        try:
            whole |= decode_runs(runs.text, hw)
        except ValueError as error:
            wrong.append(f"{runs.where}: {found.file.name}: {error}; correct the line, or remove it")
    if wrong:
        raise BadPicture("\n".join(wrong))
    return whole


def _label(found: Found, mask: Mask | None, cutting: Cutting) -> Label:
    if found.label is None:
        return "DEFECT" if mask is not None and mask.any() else "OK"
    marked = None if mask is None else int(np.count_nonzero(mask))
    if found.label == "OK" and marked:
        raise BadPicture(f"{found.where}: is OK, but {marked} pixels of its mask are marked; correct one of the two")
    # Whole pictures go by their label alone; the report counts such masks.
    if found.label == "DEFECT" and marked == 0 and cutting.mode == "grid":
        raise BadPicture(f"{found.where}: is DEFECT, but its mask is empty; correct one, or remove the mask")
    return found.label


def _count(hw: tuple[int, int], mask: Mask | None, label: Label, cutting: Cutting) -> tuple[int, int, int]:
    if cutting.mode == "whole":
        return (1, 0, 0) if label == "OK" else (0, 1, 0)
    corners = grid_corners(hw, cutting.tile_hw, 0)
    if mask is None:
        return (len(corners), 0, 0) if label == "OK" else (0, 0, len(corners))
    truth = judge_tiles(mask, corners, cutting)
    n_ok, n_defect = int(truth.is_ok.sum()), int(truth.is_defect.sum())
    return n_ok, n_defect, len(corners) - n_ok - n_defect
