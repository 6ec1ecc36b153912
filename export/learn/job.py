"""One model to be trained: a fold's, or the final one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.learn.material import Rows

Margins = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Job:
    """One model to be trained."""

    name: str
    """For people: `fold 2 of 5`."""
    number: int
    """Its chance; the final model has the number after the last fold's."""
    folder: Path
    learn: Rows
    """Rows of tiles to learn from."""
    stop: Rows
    """Rows of the grid's tiles that tell when to stop, of groups not learned from; may be none."""
    held: Rows
    """Rows of tiles to be scored when it is done; none of their groups is among the others."""
    epochs: int
    """At most."""
    tiles_after: int
    """Tiles that models after this one learn from, at most; for the estimate of the time left."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job."""

    epochs: int
    """Epochs whose weights were kept."""
    margins: Margins
    """z_defect - z_ok of the held tiles."""
