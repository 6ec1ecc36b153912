"""From the scores of all tiles to the judgement of one part. Pure.

Everything that cannot be trusted ends in UNKNOWN, which rejects: NaN, infinity, a probability outside 0 to 1, no tile
at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from edge_inspector.core.frame import F32, Index
from edge_inspector.core.verdict import Defect, Judgement, Outcome, Reason, TileResults
from edge_inspector.decide.boxes import covered_area_px, defect_boxes
from edge_inspector.decide.defects import Sighting, merged_defects
from edge_inspector.decide.evidence import tile_scores

BOX_SHARE = 0.5
"""As exact as a heat map is: half of the peak is where its blob ends."""
PROBABILITY_SLACK = 1e-3  # float16 and INT8 graphs leave 0..1 by rounding; beyond this the model is broken


@dataclass(frozen=True, slots=True)
class Rules:
    """What turns scores into a verdict; fixed while a recipe runs.

    Raises:
        ValueError: Limits that do not fit the labels, or counts out of range. `merged_limits` makes fitting ones.
    """

    labels: tuple[str, ...]
    """The bundle's labels, in the order of the scores; the first means OK."""
    limits: F32
    """Shape (n_labels,): probability from which a tile counts as that label. The first is infinity."""
    min_defect_tiles: int = 1
    """Tiles that must count for a part to be rejected; fewer pass it as `below_area`."""
    min_area_px: int = 0
    """Frame pixels that the defect boxes must cover together for a part to be rejected; 0 for any."""
    box_share: float = BOX_SHARE
    """Share of a heat map's peak from which a cell belongs to a defect."""
    surely: np.float32 = field(init=False)
    """The highest of the limits: a score from here on is surely a defect, whatever its label."""

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or self.limits.shape != (len(self.labels),) or self.limits.dtype != np.float32:
            raise ValueError(
                f"labels must be OK and at least one other, with one float32 limit each, but got {self.labels} and "
                f"limits of {self.limits.dtype} with shape {self.limits.shape}"
            )
        # Written so that a NaN limit, to which nothing would ever compare, is refused too.
        if not np.isposinf(self.limits[0]) or not ((self.limits[1:] > 0) & (self.limits[1:] <= 1)).all():
            raise ValueError(f"limits must be infinity, then numbers over 0 and at most 1, but got {self.limits}")
        if self.min_defect_tiles < 1 or self.min_area_px < 0 or not 0.0 < self.box_share <= 1.0:
            raise ValueError(
                "min_defect_tiles must be at least 1, min_area_px at least 0, box_share over 0 and at most 1, but got "
                f"{self.min_defect_tiles}, {self.min_area_px} and {self.box_share}"
            )
        object.__setattr__(self, "surely", self.limits[1:].max())


@dataclass(frozen=True, slots=True)
class Counting:
    """One tile that reached a limit."""

    tile: int
    """Its row in the results."""
    score: float
    label: str


def judge(results: TileResults, corners_yx: Index, tile_hw: tuple[int, int], rules: Rules) -> Judgement:
    """Judge one part by the scores of its tiles.

    A tile's score is 1 - p(OK), or its largest defect probability should rounding make that larger. A tile counts
    when the probability of a defect label reaches that label's limit, or when its score reaches the highest of the
    limits: surely a defect, only unsure which. Reaching a limit is enough.

    Args:
        results: Scores and heat maps in grid order. Not kept: the judgement holds copies.
        corners_yx: Shape (n_grid, 2), top-left corner of each tile of the grid, in frame pixels.
        tile_hw: Tile height and width, in pixels.
        rules: Limits, count and area rules.

    Returns:
        UNKNOWN `model_nan` for any NaN or infinity, UNKNOWN `model_error` for no tiles or impossible probabilities
        (score and label None for both), PASS `ok` when no tile counts, PASS `below_area` when the count or area rules
        let the part pass, else REJECT `defect`. The label is that of the worst tile that counts, OK's where none does.

    Raises:
        ValueError: Scores, heat, corners and labels do not belong together.
    """
    if results.tiles is not None:
        corners_yx = corners_yx[results.tiles]
    check_shapes(results, corners_yx, rules.labels)
    n_tiles = len(results.scores)
    distrust = distrust_of(results)
    if distrust is not None:
        return Judgement(Outcome.UNKNOWN, distrust, n_tiles=n_tiles)
    worst = tile_scores(results.scores)
    score = min(float(worst.max()), 1.0)
    counting = counting_tiles(results.scores, worst, rules)
    if not counting:
        return Judgement(Outcome.PASS, Reason.OK, score, rules.labels[0], n_tiles=n_tiles)
    # Where the picture's background left fewer tiles than must count, all that are left suffice.
    needed = rules.min_defect_tiles if results.tiles is None else min(rules.min_defect_tiles, n_tiles)
    is_below, defects = _weigh(results.heat, corners_yx, tile_hw, rules, counting)
    is_below |= len(counting) < needed
    outcome, reason = (Outcome.PASS, Reason.BELOW_AREA) if is_below else (Outcome.REJECT, Reason.DEFECT)
    hits = hits_of(counting, results.tiles)
    return Judgement(outcome, reason, score, counting[0].label, defects, n_tiles, len(counting), hits=hits)


def check_shapes(results: TileResults, corners_yx: Index, labels: tuple[str, ...]) -> None:
    """Raise ValueError when scores, heat, corners and labels do not belong together."""
    n_tiles = len(corners_yx)
    if results.scores.shape != (n_tiles, len(labels)) or results.heat.ndim != 3 or len(results.heat) != n_tiles:
        raise ValueError(
            f"{n_tiles} tiles and {len(labels)} labels need scores with shape ({n_tiles}, {len(labels)}) "
            f"and heat with shape ({n_tiles}, h', w'), but got {results.scores.shape} and {results.heat.shape}"
        )


def distrust_of(results: TileResults) -> Reason | None:
    """Return why the model's answer cannot be used, None if it can."""
    if not (np.isfinite(results.scores).all() and np.isfinite(results.heat).all()):
        return Reason.MODEL_NAN
    if results.scores.size == 0 or results.heat.size == 0:
        return Reason.MODEL_ERROR
    # p(OK) of 1.2 would make room for a defect probability below every limit.
    if results.scores.min() < -PROBABILITY_SLACK or results.scores.max() > 1.0 + PROBABILITY_SLACK:
        return Reason.MODEL_ERROR
    return None


def counting_tiles(scores: F32, worst: F32, rules: Rules) -> list[Counting]:
    """Return the tiles that reached a limit, worst first; equally bad ones in their order.

    Args:
        scores: Shape (n_tiles, n_labels).
        worst: Shape (n_tiles,), the score of each tile.
        rules: Their limits.
    """
    # Nearly every part ends here, so it comes first. A NaN is below nothing and goes on.
    if (scores[:, 1:] < rules.limits[1:]).all() and (worst < rules.surely).all():
        return []
    # "not below" instead of "at or over": should a NaN ever come this far, it counts.
    is_over = ~(scores < rules.limits)
    is_over[:, 0] = False
    counts = is_over.any(axis=1) | ~(worst < rules.surely)
    tiles = np.flatnonzero(counts)
    tiles = tiles[np.argsort(-worst[tiles], kind="stable")]
    # A label over its limit names the tile before a more probable one that is not.
    has_name = is_over | ~is_over.any(axis=1, keepdims=True)
    names = np.where(has_name, scores, -1.0)[:, 1:].argmax(axis=1) + 1
    return [Counting(tile, min(float(worst[tile]), 1.0), rules.labels[names[tile]]) for tile in tiles.tolist()]


def hits_of(counting: list[Counting], tiles: Index | None) -> tuple[tuple[int, float], ...]:
    """Return place in the grid and score of counting tiles; `tiles` are the places of the rows, None for all."""
    return tuple((hit.tile if tiles is None else int(tiles[hit.tile]), hit.score) for hit in counting)


def _weigh(
    heat: F32, corners_yx: Index, tile_hw: tuple[int, int], rules: Rules, counting: list[Counting]
) -> tuple[bool, tuple[Defect, ...]]:
    """Return whether the area rule lets the part pass, and its defects."""
    sightings = boxes_of(heat, corners_yx, tile_hw, rules.box_share, counting)
    is_below = False
    if rules.min_area_px > 0:  # only then are all boxes needed; else merging stops at the first 32
        every_sighting = list(sightings)
        is_below = covered_area_px([sighting.box for sighting in every_sighting]) < rules.min_area_px
        sightings = iter(every_sighting)
    return is_below, merged_defects(sightings)


def boxes_of(
    heat: F32, corners_yx: Index, tile_hw: tuple[int, int], box_share: float, counting: list[Counting]
) -> Iterator[Sighting]:
    """Yield the boxes of the counting tiles in frame pixels, worst tile first."""
    for counted in counting:
        top, left = corners_yx[counted.tile].tolist()
        for x, y, w, h in defect_boxes(heat[counted.tile], tile_hw, box_share):
            yield Sighting(counted.tile, (left + x, top + y, w, h), counted.score, counted.label)
