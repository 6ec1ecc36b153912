"""The limit, from a wanted recall or from costs, and what can be promised with it. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edge_inspector.core.errors import UsageError
from export.judge.statistics import Numbers, Truth, clopper_pearson, parts_needed, upper_bound

STEP = 1e-4
"""Limits are written in such steps: finer ones would follow single tiles, and nobody could type them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a person wants the limit chosen: by `recall`, or by the three numbers of costs."""

    by: Literal["recall", "costs"] = "recall"
    per: Literal["part", "tile"] = "part"
    """Of what the recall is; costs are always per part."""
    recall: float = 0.97
    escape_cost: float = 0.0
    """Of one defective part that passes."""
    false_reject_cost: float = 0.0
    """Of one sound part that is rejected, in the same money."""
    defect_rate: float = 0.0
    """Share of defective parts on the line, which is not their share among the pictures."""

    def __post_init__(self) -> None:
        if self.by == "costs" and not (
            self.escape_cost > 0 and self.false_reject_cost > 0 and 0 < self.defect_rate < 1
        ):
            raise UsageError(
                f"costs {self.escape_cost} and {self.false_reject_cost} must be above 0, the defect rate "
                f"{self.defect_rate} between 0 and 1; give --escape-cost, --false-reject-cost and --defect-rate"
            )

    @property
    def wanted_escape_rate(self) -> float | None:
        """Share of defects that may escape, if a recall was asked for that leaves one."""
        return round(1.0 - self.recall, 6) if self.by == "recall" else None


def limit_for_recall(scores: Numbers, truth: Truth, recall: float) -> float:
    """Return the highest limit, in steps, at which at least `recall` of the defects count (score >= limit).

    Raises:
        UsageError: There is no defect.
    """
    defects = np.sort(scores[truth])[::-1]
    if not len(defects):
        raise UsageError("there is no defective part, so no recall can be told; label defective pictures")
    needed = max(1, int(np.ceil(recall * len(defects) - 1e-9)))
    return float(floor_step(defects[needed - 1 : needed])[0])


def limit_for_costs(scores: Numbers, truth: Truth, choice: Choice) -> float:
    """Return the limit with the lowest expected cost of a part; of equal ones the lowest, which lets less escape.

    Raises:
        UsageError: One of the two kinds is missing.
    """
    if not truth.any() or truth.all():
        kind = "defective" if not truth.any() else "sound"
        raise UsageError(
            f"there is no {kind} part, so costs cannot be weighed; add such pictures, or cut parts by rows "
            "(dataset --part row), or choose the limit by --recall"
        )
    limits = np.unique(floor_step(scores))
    costs = expected_cost(escape_rates(scores[truth], limits), 1.0 - escape_rates(scores[~truth], limits), choice)
    return float(limits[int(np.argmin(costs))])


def check_worth(counted: Truth, truth: Truth, choice: Choice) -> None:
    """Refuse a limit by costs that costs more than to inspect nothing: no limit of this model is worth its rejects.

    A limit that no part reaches would be the cheapest, and a line that is alive but not inspecting.

    Args:
        counted: Which parts reach the limit.
        truth: Which are DEFECT; of both kinds.
        choice: How the limit was chosen; by recall nothing is refused.

    Raises:
        UsageError: Names both costs.
    """
    if choice.by != "costs":
        return
    rates = np.array([(~counted[truth]).mean(), 1.0]), np.array([counted[~truth].mean(), 0.0])
    with_limit, without = expected_cost(*rates, choice).tolist()
    if with_limit > without * (1 + 1e-9):
        raise UsageError(
            f"at these costs it is cheapest to reject no part: {without:.4g} a part, and {with_limit:.4g} with the "
            f"best limit, which rejects {rates[1][0]:.1%} of the sound and lets {rates[0][0]:.1%} of the defective "
            "pass; train a better model, check costs and defect rate, or choose the limit by --recall"
        )


def expected_cost(escape_rate: Numbers, false_reject_rate: Numbers, choice: Choice) -> Numbers:
    """Return the cost of one part, on average, when defects come at the line's own rate."""
    p = choice.defect_rate
    cost: Numbers = choice.escape_cost * p * escape_rate + choice.false_reject_cost * (1.0 - p) * false_reject_rate
    return cost


def escape_rates(scores: Numbers, limits: Numbers) -> Numbers:
    """Return the share of scores below each limit, as float32."""
    ordered = np.sort(scores.astype(np.float32))
    return np.searchsorted(ordered, limits.astype(np.float32), "left") / len(ordered)


def floor_step(scores: Numbers) -> Numbers:
    """Return scores rounded down to steps; never 0, which would reject everything, whatever the model says."""
    return np.maximum(STEP, np.round(np.floor(scores / STEP + 1e-9) * STEP, 4))


def choose(choice: Choice, tiles: tuple[Numbers, Truth], parts: tuple[Numbers, Truth]) -> float:
    """Return the limit by the choice, from probabilities and truths of tiles and of parts.

    Raises:
        UsageError: A kind that the choice needs is missing.
    """
    if choice.by == "costs":
        return limit_for_costs(*parts, choice)
    return limit_for_recall(*(tiles if choice.per == "tile" else parts), choice.recall)


def counts_at(counted: Truth, truth: Truth) -> dict[str, Any]:
    """Return counts, rates and 95 % bounds of escapes and false rejects; a rate is None without such rows.

    The bounds count rows as independent (Clopper-Pearson). Parts nearly are; tiles of a part are not.

    Args:
        counted: What reached the limit.
        truth: What is DEFECT.
    """
    found: dict[str, Any] = {}
    for kind, rows, wrong, name in (
        ("defect", truth, ~counted, "escape"),
        ("ok", ~truth, counted, "false_reject"),
    ):
        n, k = int(rows.sum()), int((rows & wrong).sum())
        found |= {
            kind: n,
            f"{name}s": k,
            f"{name}_rate": round(k / n, 4) if n else None,
            f"{name}_bounds_95": clopper_pearson(k, n).rounded(),
        }
    return found


def promise(counted: Truth, truth: Truth, choice: Choice) -> dict[str, Any]:
    """Return `counts_at` of rows that had no part in fit and limit, and what they allow to promise.

    Keys added: `per`; `escape_rate_at_most` (95 %, one-sided); by recall `wanted_escape_rate`, `is_promised` and
    `more_defects_if_none_escapes` and `more_defects_at_this_rate` (of escapes), None when no number would do; by costs
    `expected_cost_per_part` with its bounds.
    """
    found = {"per": choice.per} | counts_at(counted, truth)
    escapes, defects = found["escapes"], found["defect"]
    found["escape_rate_at_most"] = round(upper_bound(escapes, defects), 4) if defects else 1.0
    if (wanted := choice.wanted_escape_rate) is not None and wanted > 0:
        found["wanted_escape_rate"] = wanted
        found["is_promised"] = bool(defects) and upper_bound(escapes, defects) <= wanted
        for key, at_rate in (("more_defects_if_none_escapes", False), ("more_defects_at_this_rate", True)):
            needed = parts_needed(escapes, defects, wanted, at_rate)
            found[key] = None if needed is None else needed - defects
    elif choice.by == "costs" and found["ok"] and defects:
        rates = [(found[f"{name}_rate"], *found[f"{name}_bounds_95"]) for name in ("escape", "false_reject")]
        costs = [float(expected_cost(np.array(e), np.array(f), choice)) for e, f in zip(*rates, strict=True)]
        found["expected_cost_per_part"] = round(costs[0], 6)
        found["expected_cost_bounds"] = [round(costs[1], 6), round(costs[2], 6)]
    return found
