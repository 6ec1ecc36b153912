"""One labelled picture: what a row of index.csv names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8

Label = Literal["OK", "DEFECT"]
Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and what a person said of it."""

    file: Path
    mask: Path | None
    """Grey picture of the same size, 0 where the surface is sound; None: no mask was drawn."""
    label: Label
    group: str
    """The physical part or place. Never in two folds, never in two splits."""
    split: Split = "train"
    """`train` takes part in the folds and in the final model; `test` in one last number alone."""
    cls: str = ""
    """Kind of defect, for reports; empty when nobody said."""
    name: str = ""
    """As index.csv names it: the key of the picture in scores.csv and reports."""

    def pixels(self) -> U8:
        """Return the picture, uint8 (h, w, 3), RGB; a grey one has three equal channels.

        Raises:
            UsageError: It cannot be decoded.
        """
        pixels = _read(self.file, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)  # the line does not turn it either
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)

    def mask_pixels(self) -> npt.NDArray[np.bool_]:
        """Return where the surface is defective, shape (h, w).

        Raises:
            UsageError: It cannot be decoded, or the picture has none.
        """
        if self.mask is None:
            raise UsageError(f"{self.file} has no mask; draw one, or leave the picture to `whole` datasets")
        return is_marked(_read(self.mask, cv2.IMREAD_UNCHANGED))


def is_marked(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return where a decoded mask, (h, w) or (h, w, c), is not 0 in any colour; an alpha channel says nothing.

    Not by its grey: a class drawn as blue 1 would be rounded to grey 0, and its defect be called sound.
    """
    if mask.ndim == 2:
        return mask > 0
    return np.asarray((mask[:, :, :3] > 0).any(axis=2), np.bool_)


def _read(path: Path, flags: int) -> npt.NDArray[np.uint8]:
    pixels = cv2.imread(str(path), flags)
    if pixels is None:
        raise UsageError(f"{path} cannot be decoded as a picture; copy the data again")
    return pixels.astype(np.uint8, copy=False)
