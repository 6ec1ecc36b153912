"""Groups shared out to folds, so that each tile is scored by a model that never saw its group."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold  # type: ignore[import-untyped]

from edge_inspector.core.errors import UsageError
from export.learn.config import SHARE_ATTEMPTS


def check_groups(groups: npt.NDArray[np.str_], truth: npt.NDArray[np.bool_], needed: int) -> None:
    """Raise UsageError unless each label has tiles in `needed` groups."""
    for label, rows in (("OK", ~truth), ("DEFECT", truth)):
        names = sorted(set(groups[rows].tolist()))
        if len(names) < needed:
            said = f" ({', '.join(names)})" if names else ""
            raise UsageError(
                f"{label} tiles come from {len(names)} group(s){said}, but {needed} are needed: one is held out "
                f"while another is learned from; add {label} pictures of {needed - len(names)} more parts"
            )


def share_out(
    groups: npt.NDArray[np.str_], truth: npt.NDArray[np.bool_], folds: int, seed: int
) -> npt.NDArray[np.intp]:
    """Return the fold of each tile. Whole groups, both labels in every fold, about equal shares of both.

    With too few groups there are fewer folds than asked for, at least 2.

    Args:
        groups: Group of each tile, shape (n,).
        truth: Whether each is DEFECT, shape (n,).
        folds: As many as possible up to this.
        seed: Chance of the draw.

    Raises:
        UsageError: A label has tiles in one group alone.
    """
    check_groups(groups, truth, 2)
    most = min(folds, len(set(groups[truth])), len(set(groups[~truth])))
    for count in range(most, 1, -1):
        for attempt in range(SHARE_ATTEMPTS):
            draw = StratifiedGroupKFold(count, shuffle=True, random_state=(seed * 1009 + attempt) % 2**32)
            fold = np.full(len(truth), -1, np.intp)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # "least populated class": looked at below
                for number, (_, held) in enumerate(draw.split(truth, truth, groups)):
                    fold[held] = number
            if _has_both(fold, truth, count):
                return fold
    raise UsageError("the groups cannot be shared out so that both labels are held out and learned from; add groups")


def stop_groups(groups: npt.NDArray[np.str_], truth: npt.NDArray[np.bool_], seed: int, share: int) -> frozenset[str]:
    """Return about one in `share` of the groups, to stop early by; none where fewer than 3 groups have each label."""
    if min(len(set(groups[truth])), len(set(groups[~truth]))) < 3:
        return frozenset()
    fold = share_out(groups, truth, share, seed)
    return frozenset(groups[fold == 0].tolist())


def _has_both(fold: npt.NDArray[np.intp], truth: npt.NDArray[np.bool_], count: int) -> bool:
    numbers: Sequence[int] = range(count)
    return all(truth[fold == n].any() and not truth[fold == n].all() for n in numbers)
