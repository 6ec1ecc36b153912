"""Parts whose scores follow from their heat exactly, and rules to judge them by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge_inspector.core.verdict import TileResults
from edge_inspector.decide.evidence import Margin
from edge_inspector.decide.limits import merged_limits
from edge_inspector.decide.rules import Rules
from edge_inspector.decide.zones import Zone, ZoneRules

Bools = npt.NDArray[np.bool_]
LABELS = ("OK", "DEFECT")
MARGIN = Margin(scale=1.5, shift=-0.5)
N_TILES, CELLS, TILE = 3, (4, 4), (128, 128)
SHAPE = (N_TILES, *CELLS)
CORNERS = np.array([(0, 128 * place) for place in range(N_TILES)], np.intp)


def score_of(mean_heat: float) -> float:
    """Return the score of a tile with such a mean of its heat."""
    return float(1.0 / (1.0 + np.exp(-(MARGIN.scale * mean_heat + MARGIN.shift))))


def results_of(heat: npt.ArrayLike, tiles: npt.NDArray[np.intp] | None = None) -> TileResults:
    """Return what a model with MARGIN says of tiles with this heat."""
    heat = np.asarray(heat, np.float32)
    logit = MARGIN.scale * heat.mean(axis=(1, 2), dtype=np.float64) + MARGIN.shift
    p_ok, p_defect = 1.0 / (1.0 + np.exp(logit)), 1.0 / (1.0 + np.exp(-logit))
    return TileResults(np.stack([p_ok, p_defect], axis=1).astype(np.float32), heat, tiles)


def limit_rules(limit: float = 0.5, **others: int) -> Rules:
    """Return rules with one limit."""
    return Rules(LABELS, merged_limits(LABELS, {"DEFECT": limit}, {}, "line.yaml"), **others)


def zone_rules(*zones: tuple[str, Rules, Bools], inspected: Bools | None = None) -> ZoneRules:
    """Return rules for zones given by name, rules and cells; everything is inspected unless said otherwise."""
    seen = np.ones(SHAPE, bool) if inspected is None else inspected
    return ZoneRules(tuple(Zone(name, rules, cells & seen) for name, rules, cells in zones), seen, MARGIN, True)


def columns(*chosen: int) -> Bools:
    """Return the cells of some columns of heat cells, counted across all tiles."""
    cells = np.zeros(SHAPE, bool)
    for column in chosen:
        cells[column // CELLS[1], :, column % CELLS[1]] = True
    return cells


def quiet(level: float = -3.0) -> npt.NDArray[np.float32]:
    """Return the heat of a part without a defect."""
    return np.full(SHAPE, level, np.float32)
