"""Which tiles an epoch shows, and in what order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.learn.material import Rows


def draw_epoch(
    groups: npt.NDArray[np.str_], truth: npt.NDArray[np.bool_], counts: tuple[int, int], chance: np.random.Generator
) -> Rows:
    """Return positions of tiles in the order they are shown.

    Args:
        groups: Group of each tile.
        truth: Whether each is DEFECT.
        counts: How many OK and how many DEFECT tiles are drawn; one may be drawn twice.
        chance: Of the draw.
    """
    shares = group_shares(groups, truth)
    drawn = [
        chance.choice(len(truth), count, p=np.where(kind, shares, 0.0) / shares[kind].sum())
        for kind, count in zip((~truth, truth), counts, strict=True)
    ]
    return chance.permutation(np.concatenate(drawn))


def group_shares(groups: npt.NDArray[np.str_], truth: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return how much each tile counts against others of its label: 1 / root of its group's count.

    A series of thirty pictures of one place teaches less than thirty places: without this, a few series would make up
    most of the defects that the network sees.
    """
    keys = [f"{is_defect}{group}" for group, is_defect in zip(groups, truth, strict=True)]
    _, place, count = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(count[place] ** -0.5, np.float64)


def draw_grounds(
    groups: npt.NDArray[np.str_],
    truth: npt.NDArray[np.bool_],
    drawn: Rows,
    share: float,
    chance: np.random.Generator,
) -> Rows:
    """Return for each drawn tile the position of the sound tile that its defect is moved onto; -1: it stays.

    Args:
        groups: Group of each tile.
        truth: Whether each is DEFECT.
        drawn: Positions of the tiles that an epoch shows.
        share: Of the DEFECT tiles among them whose defect is moved.
        chance: Of the draw.
    """
    shares = np.where(truth, 0.0, group_shares(groups, truth))
    grounds = chance.choice(len(truth), len(drawn), p=shares / shares.sum())
    is_moved = truth[drawn] & (chance.random(len(drawn)) < share)
    return np.where(is_moved, grounds, -1).astype(np.intp)
