"""The step `calibrate`: scores.csv in, calibration.json out."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import UsageError
from export.judge.curves import calibration_error, has_both
from export.judge.fit import Calibration, Method, cross_fit, fit
from export.judge.limit import Choice, check_worth, promise
from export.judge.parts import checked_scores, gather, out_of_fold
from export.run_folder import RunFolder
from export.whole_file import write_whole

__all__ = ["Calibration", "calibrate", "choice_of", "load_calibration", "sentences"]


def calibrate(run: Path, method: Method, choice: Choice, unclear: Collection[str] = ()) -> Calibration:
    """Fit calibration and limit on all out-of-fold rows of a run, and leave them there with what they promise.

    Args:
        run: Folder of the run.
        method: `platt`: scale and shift; `temperature`: scale alone.
        choice: How the limit is chosen.
        unclear: Parts to leave out, see `export.judge.evaluate.unclear_parts`.

    Raises:
        UsageError: Scores are missing or damaged, of one kind only, the margin falls where defects are, or by
            costs no limit is cheaper than to reject nothing.
    """
    folder = RunFolder(run)
    tiles = out_of_fold(checked_scores(folder.need(folder.scores, "train")), folder.scores)
    parts = gather(tiles, unclear)
    shipped = fit(tiles, parts, method, choice)
    check_worth(shipped.counts(parts.margin), parts.truth, choice)
    crossed = cross_fit(tiles, parts, method, choice)
    rows = tiles if choice.per == "tile" else parts
    known, seen = crossed.knows(rows.fold), crossed.knows(tiles.fold)
    said = crossed.probability(tiles.margin, tiles.fold)
    found = replace(
        shipped,
        recall=choice.recall if choice.by == "recall" else None,
        n_tiles=len(tiles.truth),
        n_defect_tiles=int(tiles.truth.sum()),
        groups=tuple(sorted(set(tiles.group.tolist()))),
        choice=_json(choice),
        bounds=promise(crossed.counts(rows.margin, rows.fold)[known], rows.truth[known], choice),
        ece=round(calibration_error(said[seen], tiles.truth[seen]), 4) if has_both(tiles.truth[seen]) else None,
    )
    write_whole(folder.calibration, json.dumps(asdict(found), indent=1) + "\n")
    return found


def load_calibration(run: Path) -> Calibration:
    """Return the calibration of a run.

    Raises:
        UsageError: It is not there, or is something else.
    """
    folder = RunFolder(run)
    file = folder.need(folder.calibration, "calibrate")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        known = {field.name for field in fields(Calibration)}
        found = Calibration(**{name: values[name] for name in values if name in known})
        if not (found.scale > 0 and 0 < found.limit <= 1):
            raise ValueError(f"scale {found.scale}, limit {found.limit}")
        return replace(found, groups=tuple(found.groups))
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is damaged ({error}); run again: python -m export calibrate") from error


def choice_of(calibration: Calibration) -> Choice:
    """Return how the limit of a calibration was chosen, to choose it again on fewer folds."""
    try:
        return Choice(**calibration.choice)
    except TypeError as error:
        raise UsageError(f"calibration.json is of another version ({error}); run again: export calibrate") from error


def _json(choice: Choice) -> dict[str, Any]:
    values = asdict(choice)
    names = ("recall",) if choice.by == "recall" else ("escape_cost", "false_reject_cost", "defect_rate")
    return {name: values[name] for name in ("by", "per", *names)}


def sentences(found: Calibration) -> list[str]:
    """Return what was fitted, what it promises and what is missing for more, for people."""
    bounds, choice = found.bounds, choice_of(found)
    unit = choice.per
    lines = [
        f"p(DEFECT) = sigmoid({found.scale:.4f} * margin {found.shift:+.4f}), {found.method}, from {found.n_tiles} "
        f"tiles ({found.n_defect_tiles} DEFECT) of {len(found.groups)} groups, none trained on by what scored it",
    ]
    if found.ece is not None:
        lines.append(f"calibration error {found.ece:.4f}, each fold calibrated by the others")
    lines.append(f"limit {found.limit:.4f}: {_why(choice)}")
    lines.append(
        f"with the limit chosen on the other folds, {bounds['escapes']} of {bounds['defect']} defective {unit}s "
        f"escape {_bounds(bounds, 'escape')}, {bounds['false_rejects']} of {bounds['ok']} sound {unit}s are rejected "
        f"{_bounds(bounds, 'false_reject')}"
    )
    return lines + _promised(found, unit)


def _why(choice: Choice) -> str:
    if choice.by == "recall":
        return f"the highest that catches {choice.recall:.1%} of the defective {choice.per}s"
    return (
        f"the lowest expected cost of a part, an escape costing {choice.escape_cost:g}, a false reject "
        f"{choice.false_reject_cost:g}, at {choice.defect_rate:.3%} defective parts on the line (not their share "
        "among the pictures)"
    )


def _bounds(bounds: dict[str, Any], name: str) -> str:
    low, high = bounds[f"{name}_bounds_95"]
    return f"(95 %: {low:.1%} to {high:.1%})"


def _promised(found: Calibration, unit: str) -> list[str]:
    bounds = found.bounds
    lines = [f"this promises, at 95 %, that at most {bounds['escape_rate_at_most']:.1%} of defective {unit}s escape"]
    if "expected_cost_per_part" in bounds:
        low, high = bounds["expected_cost_bounds"]
        lines.append(f"expected cost {bounds['expected_cost_per_part']:.4g} a part (bounds {low:.4g} to {high:.4g})")
    if found.recall == 1.0:
        return [*lines, f"that none escapes cannot be promised by any number of {unit}s; name a recall below 1"]
    if "wanted_escape_rate" not in bounds:
        return lines
    wanted = bounds["wanted_escape_rate"]
    clean, alike = bounds["more_defects_if_none_escapes"], bounds["more_defects_at_this_rate"]
    if bounds["is_promised"]:
        lines.append(f"the wanted {wanted:.1%} is promised")
    elif clean is None:
        lines.append(f"the wanted {wanted:.1%} cannot be promised by any number of parts; train a better model")
    else:
        # A rate just below the wanted one needs tens of thousands: true, and of no use to anybody.
        also = "" if alike is None or alike > 10 * clean else f", or {alike} more if they escape as seldom as these"
        lines.append(
            f"you need {clean} more bad {unit}s, none of which may escape{also}, to promise the wanted {wanted:.1%}"
        )
    return lines
