"""Which groups are kept as `test`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from export.data.picture import Label, Split


def share_test(groups: Sequence[str], labels: Sequence[Label], share: float, seed: int) -> list[Split]:
    """Return the split of each picture: whole groups, chosen by the seed, from both labels alike.

    A group with a DEFECT picture counts as DEFECT. Of each label's groups, in the order of their size, every n-th is
    taken from a place that the seed says, so that long series and single pictures both give their share; a label
    with two groups or more gives one at least.
    """
    sizes: dict[str, int] = {}
    is_bad: dict[str, bool] = {}
    for group, label in zip(groups, labels, strict=True):
        sizes[group] = sizes.get(group, 0) + 1
        is_bad[group] = is_bad.get(group, False) or label == "DEFECT"
    test: set[str] = set()
    for bad in (False, True):
        kind = [group for group in sizes if is_bad[group] == bad]
        kind.sort(key=lambda group: (sizes[group], _chance(seed, group)))
        count = max(1, round(share * len(kind))) if share > 0 and len(kind) > 1 else 0
        start = int(_chance(seed, f"start {bad}"), 16) / 16**64
        test.update(kind[int((number + start) * len(kind) / count)] for number in range(count))
    return ["test" if group in test else "train" for group in groups]


def _chance(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()
