"""Golden tiles: chosen so that a wrong model, calibration, colour order or heat map would be seen by them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import F32, U8
from export.data.picture import Picture
from export.data.tiles import Tile

LABELS = ("OK", "DEFECT")

SPREAD = 4
"""Of each label, from the lowest score to the highest."""

BORDERLINE = 2
"""Of each label, nearest to the limit: there a small change of the model shows first."""

MOST_CLASSES = 32

SCORE_TOLERANCE = 0.02
"""Another provider or batch size moves a float32 score by less than 0.001, TF32 by about 0.01; a wrong channel order,
normalisation or calibration by far more. INT8 in another library moved one by up to 0.010."""

PEAK_TOLERANCE_SHARE = 0.01
"""Of the range of the golden heat maps; float32 on another machine moves a cell by a millionth of it, TF32 by about a
thousandth."""

INT8_PEAK_TOLERANCE_SHARE = 0.05
"""Libraries round an INT8 graph in different places: one moved a cell by 0.031 of the range between its own levels of
optimisation, two by 0.029. INT8 on a processor that rounds otherwise can move more: there it is refused."""


def choose_golden(pictures: Sequence[Picture], tiles: Sequence[Tile], scores: F32, limit: float) -> list[int]:
    """Return rows of tiles: of each label clear ones and borderline ones, and one of each kind of defect.

    Args:
        pictures: What the tiles are of.
        tiles: To choose from.
        scores: Shape (n,), p(DEFECT) of each.
        limit: Score from which a tile counts.

    Raises:
        UsageError: There is no tile of one label.
    """
    chosen: list[int] = []
    for kind in (False, True):
        rows = [row for row, tile in enumerate(tiles) if tile.is_defect is kind]
        if not rows:
            raise UsageError(f"no tile is {LABELS[kind]}, so the bundle could not prove itself; label some")
        near = sorted(rows, key=lambda row: (abs(float(scores[row]) - limit), row))[:BORDERLINE]
        chosen += dict.fromkeys([*spread(scores, rows, SPREAD), *near])
    for name in sorted({p.cls for p in pictures if p.cls})[:MOST_CLASSES]:
        rows = [row for row, tile in enumerate(tiles) if tile.is_defect and pictures[tile.picture].cls == name]
        if rows and not set(rows) & set(chosen):
            chosen.append(spread(scores, rows, 3)[len(rows) > 1])
    return chosen


def spread(scores: F32, rows: Sequence[int], count: int) -> list[int]:
    """Return `count` of `rows` (fewer if there are not so many), evenly from the lowest score to the highest."""
    ordered = sorted(rows, key=lambda row: (float(scores[row]), row))
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int).tolist()
    return [ordered[i] for i in sorted(set(places))]


def write_golden(folder: Path, pixels: U8, is_defect: Sequence[bool], answers: Mapping[str, tuple[F32, F32]]) -> None:
    """Write golden tiles and what each precision answers to them.

    Args:
        folder: `golden` of the bundle; is there.
        pixels: uint8 (n, side, side, 3).
        is_defect: The truth of each.
        answers: By precision, scores (n, 2) and heat (n, cells, cells).
    """
    for number, tile in enumerate(pixels):
        _write_png(folder / f"{number:02}.png", tile)
    widest = max(1e-3, *(float(np.ptp(heat)) for _, heat in answers.values()))
    tolerance: dict[str, object] = _tolerance(PEAK_TOLERANCE_SHARE * widest)
    if "int8" in answers:
        tolerance["int8"] = _tolerance(INT8_PEAK_TOLERANCE_SHARE * widest)
    expected: dict[str, object] = {"tolerance": tolerance}
    for precision, (scores, heat) in answers.items():
        expected[precision] = [
            _entry(number, LABELS[kind], scores[number], heat[number]) for number, kind in enumerate(is_defect)
        ]
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


def _tolerance(peak: float) -> dict[str, object]:
    return {"score": SCORE_TOLERANCE, "peak": round(peak, 6)}


def _entry(number: int, label: str, scores: F32, heat: F32) -> dict[str, object]:
    peak = np.unravel_index(int(heat.argmax()), heat.shape)
    return {
        "file": f"{number:02}.png",
        "label": label,
        "scores": [round(float(score), 6) for score in scores],
        "heat_peak": round(float(heat[peak]), 5),
        "heat_peak_yx": [int(peak[0]), int(peak[1])],
    }


def _write_png(file: Path, pixels: U8) -> None:
    done, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_PNG_COMPRESSION, 9))
    if not done:
        raise UsageError(f"{file} could not be made; is the picture damaged?")
    file.write_bytes(content.tobytes())
