"""Every number of metrics.json, from tiles, parts and calibration. No picture is opened here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.data.scores import Scores
from export.judge.curves import (
    CARRIED_FROM,
    auroc,
    average_precision,
    calibration_error,
    carries,
    escape_rate_at,
    has_both,
)
from export.judge.fit import Calibration, CrossFit
from export.judge.limit import counts_at
from export.judge.parts import Parts
from export.judge.statistics import auroc_interval, clopper_pearson, group_bootstrap, upper_bound

RATES = (0.05, 0.01)
"""False-reject rates at which the escape rate is told."""

Json = dict[str, Any]


def rounded(value: float | None) -> float | None:
    """Return four digits: more are never known."""
    return None if value is None else round(value, 4)


def without_none(value: Any) -> Any:
    """Return the same without what is None: what cannot be said is not there, and a manifest has no null."""
    if isinstance(value, Mapping):
        return {key: without_none(inner) for key, inner in value.items() if inner is not None}
    return [without_none(inner) for inner in value] if isinstance(value, list) else value


def separation(rows: Scores | Parts) -> Json:
    """Return AUROC with its interval by groups, and average precision; None where a kind is missing."""
    interval = auroc_interval(rows.margin, rows.truth, rows.group) if has_both(rows.truth) else None
    return {
        "auroc": rounded(auroc(rows.margin, rows.truth)),
        "auroc_interval_95_by_group": None if interval is None else interval.rounded(),
        "average_precision": rounded(average_precision(rows.margin, rows.truth)),
    }


def at_false_reject_rate(rows: Parts, rate: float) -> Json:
    """Return the escape rate at a false-reject rate with its interval, or why it cannot be said.

    The interval draws whole groups again and finds the threshold anew in each draw, so it knows that the threshold is
    uncertain too.
    """
    n_ok = int((~rows.truth).sum())
    if not has_both(rows.truth) or not carries(n_ok, rate):
        needed = int(np.ceil(CARRIED_FROM / rate))
        return {"not_carried": f"{n_ok} OK parts; {needed} are needed to speak of {rate:.0%} false rejects"}
    interval = group_bootstrap(lambda i: escape_rate_at(rows.margin[i], rows.truth[i], rate), rows.group)
    return {
        "escape_rate": rounded(escape_rate_at(rows.margin, rows.truth, rate)),
        "interval_95_by_group": None if interval is None else interval.rounded(),
    }


def of_tiles(tiles: Scores, calibration: Calibration, crossed: CrossFit | None) -> Json:
    """Return the numbers per tile."""
    found = separation(tiles)
    if crossed is not None:
        known = crossed.knows(tiles.fold)
        probability, truth = crossed.probability(tiles.margin, tiles.fold)[known], tiles.truth[known]
    else:
        probability, truth = calibration.probability(tiles.margin), tiles.truth
    found["ece"] = rounded(calibration_error(probability, truth)) if len(truth) else None
    return found | {"at_limit": counts_at(calibration.counts(tiles.margin), tiles.truth)}


def of_parts(parts: Parts, calibration: Calibration, crossed: CrossFit | None) -> Json:
    """Return the numbers per part. `limit_cross_fitted`: each fold judged with the limit chosen on the others."""
    found = separation(parts) | {"at_limit": counts_at(calibration.counts(parts.margin), parts.truth)}
    if crossed is not None:
        known = crossed.knows(parts.fold)
        counts = counts_at(crossed.counts(parts.margin, parts.fold)[known], parts.truth[known])
        if counts["defect"]:
            counts["escape_rate_at_most_95"] = rounded(upper_bound(counts["escapes"], counts["defect"]))
        found["limit_cross_fitted"] = counts
    for rate in RATES:
        found[f"at_{rate:.0%}_false_rejects".replace("%", "_percent")] = at_false_reject_rate(parts, rate)
    return found


def of_classes(parts: Parts, calibration: Calibration, classes: Mapping[str, str]) -> Json:
    """Return escapes by kind of defect; `classes` is the kind by picture."""
    kind = np.array([classes.get(name) or "unnamed" for name in parts.picture.tolist()], dtype=np.str_)
    counted, found = calibration.counts(parts.margin), {}
    for name in sorted(set(kind[parts.truth].tolist())):
        rows = parts.truth & (kind == name)
        n, k = int(rows.sum()), int((rows & ~counted).sum())
        bounds = clopper_pearson(k, n).rounded()
        found[name] = {"defect": n, "escapes": k, "escape_rate": rounded(k / n), "escape_bounds_95": bounds}
    return found


def of_folds(tiles: Scores, parts: Parts, calibration: Calibration) -> list[Json]:
    """Return the numbers of each fold, by its own model: how far luck of the draw goes."""
    found = []
    for number in np.unique(tiles.fold).tolist():
        t, p = tiles.of(tiles.fold == number), parts.of(parts.fold == number)
        counts = counts_at(calibration.counts(p.margin), p.truth)
        found.append(
            {
                "fold": number,
                "groups": len(set(t.group.tolist())),
                "tiles": len(t.truth),
                "defect_tiles": int(t.truth.sum()),
                "tile_auroc": rounded(auroc(t.margin, t.truth)),
                "part_auroc": rounded(auroc(p.margin, p.truth)),
            }
            | {name: counts[name] for name in ("defect", "escapes", "ok", "false_rejects")}
        )
    return found


def of_test(tiles: Scores, parts: Parts, calibration: Calibration) -> Json | None:
    """Return the numbers of the test split, by the final model; None when there is none."""
    if not len(tiles.truth):
        return None
    return {
        "groups": len(set(tiles.group.tolist())),
        "tile": of_tiles(tiles, calibration, None),
        "part": of_parts(parts, calibration, None),
    }
