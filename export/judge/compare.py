"""The step `compare`: two runs on the same groups, and whether the difference is more than luck."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_inspector.core.errors import UsageError
from export.data.scores import Scores
from export.judge.curves import auroc, has_both
from export.judge.evaluate import Evidence, gather_evidence
from export.judge.limit import counts_at
from export.judge.measure import without_none
from export.judge.parts import Parts
from export.judge.statistics import Interval, Truth, auroc_difference, group_bootstrap, mcnemar

SIGNIFICANT = 0.05

MOST_NAMED = 40
"""Parts on which two runs disagree that are named; all are counted."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs make of the same parts."""

    numbers: dict[str, Any]
    conclusion: str
    """One or two plain sentences."""
    tiles: tuple[tuple[str, Scores], tuple[str, Scores]]
    """Name and rows of each run, rows in the same order."""
    parts: tuple[tuple[str, Parts], tuple[str, Parts]]


def compare(dataset: Path, run_a: Path, run_b: Path) -> Comparison:
    """Return the comparison of two runs of one dataset, at the limits that the other folds chose.

    Raises:
        UsageError: As for `evaluate`; or the runs did not score the same tiles with the same truth.
    """
    a, b = gather_evidence(dataset, run_a), gather_evidence(dataset, run_b)
    names = (a.name, b.name) if a.name != b.name else (str(run_a), str(run_b))
    tiles = _same_tiles((a.tiles, run_a), (b.tiles, run_b))
    known = a.crossed.knows(a.parts.fold) & b.crossed.knows(b.parts.fold)
    if not known.any():
        raise UsageError(f"no fold of {run_a} and {run_b} can be judged by the others; label defects of more groups")
    counted = [e.crossed.counts(e.parts.margin, e.parts.fold) for e in (a, b)]
    truth, groups = a.parts.truth, a.parts.group
    wrong = [(c != truth) & known for c in counted]
    only = [int((wrong[0] & ~wrong[1]).sum()), int((wrong[1] & ~wrong[0]).sum())]
    difference = wrong[0].astype(float) - wrong[1]
    interval = group_bootstrap(lambda i: float(difference[known][i].mean()), groups[known])
    numbers = {
        "tiles": len(tiles[0].truth),
        "parts": int(known.sum()),
        "groups": len(set(a.tiles.group.tolist())),
        "data_sha256": a.material.sha256,
        **{
            key: {"name": names[i], "limit": e.calibration.limit, "only_here_wrong": only[i]}
            | counts_at(counted[i][known], truth[known])
            for i, (key, e) in enumerate((("a", a), ("b", b)))
        },
        "mcnemar_p": mcnemar(*only),
        "error_difference": round(float(difference[known].mean()), 4),
        "error_difference_interval_95_by_group": None if interval is None else interval.rounded(),
        "auroc": _areas(tiles, (a.parts, b.parts)),
        "disagreements": _disagreements(a, names, wrong)[:MOST_NAMED],
    }
    return Comparison(
        numbers=without_none(numbers),
        conclusion=conclude(without_none(numbers)),
        tiles=((names[0], tiles[0]), (names[1], tiles[1])),
        parts=((names[0], a.parts), (names[1], b.parts)),
    )


def _same_tiles(a: tuple[Scores, Path], b: tuple[Scores, Path]) -> tuple[Scores, Scores]:
    """Return both tables in one order; the runs may have cut the groups into other folds."""
    ordered, keys = [], []
    for rows, _ in (a, b):
        order = np.lexsort((rows.x, rows.y, rows.picture))
        rows = Scores(*(getattr(rows, name)[order] for name in rows.__slots__))
        columns = (c.tolist() for c in (rows.picture, rows.y, rows.x, rows.truth, rows.part))
        ordered.append(rows)
        keys.append(list(zip(*columns, strict=True)))
    if keys[0] != keys[1]:
        odd = sorted(set(keys[0]) ^ set(keys[1]))
        picture, y, x, *_ = odd[0]
        raise UsageError(
            f"{a[1]} and {b[1]} did not score the same tiles: {len(odd)} stand in one alone or with another truth, "
            f"first {picture} at (y={y}, x={x}); train both on the same dataset with the same cutting"
        )
    return ordered[0], ordered[1]


def _areas(tiles: tuple[Scores, Scores], parts: tuple[Parts, Parts]) -> dict[str, Any]:
    found = {}
    pairs: tuple[tuple[str, Scores | Parts, Scores | Parts], ...] = (("part", *parts), ("tile", *tiles))
    for unit, a, b in pairs:
        if not has_both(a.truth):
            continue
        interval = auroc_difference(a.margin, b.margin, a.truth, a.group)
        both = [auroc(rows.margin, rows.truth) or 0.0 for rows in (a, b)]
        found[unit] = {
            "a": round(both[0], 4),
            "b": round(both[1], 4),
            "difference": round(both[0] - both[1], 4),
            "interval_95_by_group": None if interval is None else interval.rounded(),
        }
    return found


def _disagreements(a: Evidence, names: tuple[str, str], wrong: list[Truth]) -> list[dict[str, str]]:
    return [
        {
            "part": str(a.parts.name[row]),
            "truth": "DEFECT" if a.parts.truth[row] else "OK",
            "wrong": names[0] if wrong[0][row] else names[1],
            "group": str(a.parts.group[row]),
        }
        for row in np.flatnonzero(wrong[0] != wrong[1]).tolist()
    ]


def conclude(numbers: dict[str, Any]) -> str:
    """Return what the numbers of a comparison mean, in plain words."""
    a, b, groups = numbers["a"]["name"], numbers["b"]["name"], numbers["groups"]
    unit, area = next(iter(numbers["auroc"].items()))
    said = [_difference(a, b, unit, area, groups)]
    p, only = numbers["mcnemar_p"], (numbers["a"]["only_here_wrong"], numbers["b"]["only_here_wrong"])
    if p < SIGNIFICANT:
        better, worse = (b, a) if only[0] > only[1] else (a, b)
        said.append(f"At their limits {better} judges fewer parts wrongly than {worse} (McNemar p = {p:.2g}).")
    else:
        said.append(
            f"At their limits the parts show no difference (McNemar p = {p:.2g}: {only[0]} parts wrong in {a} alone, "
            f"{only[1]} in {b} alone)."
        )
    return " ".join(said)


def _difference(a: str, b: str, unit: str, area: dict[str, Any], groups: int) -> str:
    if "interval_95_by_group" not in area:
        return f"With {groups} group no difference can be told."
    interval = Interval(*area["interval_95_by_group"])
    # Adding 0.0 turns a rounded -0.0 into what people write.
    interval = Interval(interval.low + 0.0, interval.high + 0.0)
    span = f"AUROC per {unit} {area['difference']:+.4f}, 95 % {interval.low:+.4f} to {interval.high:+.4f}"
    if interval.low <= 0 <= interval.high:
        return f"No difference between {a} and {b} that {groups} groups could show ({span})."
    better, worse = (a, b) if interval.low > 0 else (b, a)
    return f"{better} separates defects better than {worse} ({span}, by {groups} groups)."
