"""The picture a person looks at: tiles, heat map, boxes and a caption drawn on the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import F32, U8, Index
from edge_inspector.core.verdict import Defect, Outcome
from edge_inspector.record.caption import draw_caption, draw_chip, font_px
from edge_inspector.record.regions import DrawnRegions, draw_areas, draw_skipped, shade_ignored

MIN_WIDTH_PX = 960  # narrower pictures are enlarged by a whole factor: the caption needs about so much
MAX_NAMES = 3  # of zones in the caption; every one is marked in the picture
MAX_ZOOM = 4  # a tall and narrow frame would become a poster
HEAT_ALPHA = 0.7  # of the hottest cell; its colour carries the steel's own light and dark, so a pit stays visible
GRID_ALPHA = 0.22  # tile frames are there when looked for, and do not hide a scratch
RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)
HIT: RGB = (255, 82, 82)
BOX: RGB = (255, 214, 64)
# From cold to hot, each as position in 0..1 and RGB: amber, red, magenta. Not a rainbow: brightness follows heat
# for people who see few colours, and no blue, which a cold steel picture has itself.
HEAT_STOPS: tuple[tuple[float, RGB], ...] = (
    (0.0, (255, 196, 0)),
    (0.45, (255, 98, 0)),
    (0.8, (240, 20, 60)),
    (1.0, (255, 20, 120)),
)


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands under the picture."""

    part_id: int
    verdict: str
    """PASS, REJECT or UNKNOWN; decides the colour."""
    reason: str
    score: float | None
    """None when not judged."""
    model: str
    """name@version."""
    zones: tuple[str, ...] = ()
    """Names of the zones that reject the part."""


def annotate(
    pixels: U8,
    corners_yx: Index,
    tile_hw: tuple[int, int],
    scores: F32 | None,
    over: npt.NDArray[np.bool_] | None,
    heat: F32 | None,
    defects: Sequence[Defect],
    caption: Caption,
    regions: DrawnRegions | None = None,
    skipped_yx: Index | None = None,
) -> U8:
    """Draw what the model saw on a copy of a frame.

    Args:
        pixels: Shape (h, w, c), c 1 or 3, RGB or grey. Not changed.
        corners_yx: Shape (n, 2), top-left corner of each tile, in pixels of the frame.
        tile_hw: Tile height and width, in pixels.
        scores: Shape (n,), defect score of each tile; None when not judged.
        over: Shape (n,), True where a tile reached its limit; None when not judged.
        heat: Shape (n, h', w'), class activation, unbounded; drawn where positive, relative to the frame's
            maximum; None for none.
        defects: Boxes in pixels of the frame.
        caption: The text under the picture.
        regions: What is not inspected, and zones; None for none.
        skipped_yx: Shape (m, 2), corners of the tiles that were taken for background; None for none.

    Returns:
        Shape (H, W, 3), RGB: the frame, enlarged by a whole factor when it is narrow, and the caption bar below.
    """
    canvas = _as_rgb(pixels)
    if heat is not None and len(heat):
        canvas = _blend_heat(canvas, _frame_heat(canvas.shape[:2], corners_yx, tile_hw, heat))
    canvas, zoom = _enlarged(canvas)
    _draw_scene(canvas, zoom, corners_yx, tile_hw, regions, skipped_yx, caption.zones)
    if scores is not None and over is not None:
        _draw_hits(canvas, _boxes(corners_yx, tile_hw, zoom), scores, over)
    for defect in defects:
        _draw_brackets(canvas, defect, zoom)
    return np.vstack([canvas, draw_caption(canvas.shape[1], caption.verdict, _texts(caption), caption.model)])


def survey(
    pixels: U8, corners_yx: Index, tile_hw: tuple[int, int], regions: DrawnRegions | None, skipped_yx: Index | None
) -> U8:
    """Draw on a copy of a frame how it would be looked at: tiles, regions, background. Arguments as for `annotate`."""
    canvas, zoom = _enlarged(_as_rgb(pixels))
    _draw_scene(canvas, zoom, corners_yx, tile_hw, regions, skipped_yx, ())
    return canvas


def caption_of(body: dict[str, object]) -> Caption:
    """Return the caption for a verdict body; what it lacks is shown as a dash."""
    score, part_id = body.get("score"), body.get("part_id")
    return Caption(
        part_id=part_id if isinstance(part_id, int) else 0,
        verdict=str(body.get("verdict", Outcome.UNKNOWN)),
        reason=str(body.get("reason", "-")),
        score=float(score) if isinstance(score, int | float) else None,
        model=str(body.get("model", "-")),
        zones=_rejecting(body.get("zones")),
    )


def _rejecting(zones: object) -> tuple[str, ...]:
    told = zones if isinstance(zones, list) else []
    return tuple(str(zone["name"]) for zone in told if zone.get("verdict") == Outcome.REJECT)


def _texts(caption: Caption) -> tuple[str, str, str]:
    score = "not judged" if caption.score is None else f"score {caption.score:.3f}"
    return f"part {caption.part_id}", caption.reason + _in_zones(caption.zones), score


def _in_zones(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    return f" in {', '.join(names[:MAX_NAMES])}" + (f" and {len(names) - MAX_NAMES} more" * (len(names) > MAX_NAMES))


def _enlarged(canvas: U8) -> tuple[U8, int]:
    """Return a picture wide enough for its text, and the whole factor by which it was enlarged."""
    zoom = min(MAX_ZOOM, max(1, -(-MIN_WIDTH_PX // canvas.shape[1])))
    if zoom > 1:
        canvas = cv2.resize(canvas, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    return canvas, zoom


def _draw_scene(
    canvas: U8,
    zoom: int,
    corners_yx: Index,
    tile_hw: tuple[int, int],
    regions: DrawnRegions | None,
    skipped_yx: Index | None,
    rejecting: tuple[str, ...],
) -> None:
    """Draw what does not come from the model."""
    if regions is not None:
        shade_ignored(canvas, regions.ignored)
    if skipped_yx is not None and len(skipped_yx):
        draw_skipped(canvas, _boxes(skipped_yx, tile_hw, zoom))
    _draw_grid(canvas, _boxes(corners_yx, tile_hw, zoom))
    if regions is not None:
        draw_areas(canvas, regions.areas, zoom, rejecting)


def _as_rgb(pixels: U8) -> U8:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels.copy()


def _frame_heat(frame_hw: tuple[int, ...], corners_yx: Index, tile_hw: tuple[int, int], heat: F32) -> F32:
    """Return shape (h, w), 0 to 1: the heat of all tiles on the frame; where tiles overlap the hotter one counts."""
    whole = np.zeros(frame_hw, np.float32)
    positive = np.nan_to_num(np.maximum(heat, 0), posinf=0.0).astype(np.float32)
    height, width = tile_hw
    for (y, x), cells in zip(corners_yx.tolist(), positive, strict=True):
        spread = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
        place = whole[y : y + height, x : x + width]
        np.maximum(place, spread, out=place)
    peak = float(whole.max())
    return whole / peak if peak > 0 else whole


def _blend_heat(canvas: U8, heat: F32) -> U8:
    positions = [stop for stop, _ in HEAT_STOPS]
    levels = np.linspace(0, 1, 256)
    table = np.stack([np.interp(levels, positions, [rgb[c] for _, rgb in HEAT_STOPS]) for c in range(3)], axis=1)
    # float32 and in place: a strip of 1600x256 takes 19 ms so, 43 ms in float64.
    blended = canvas.astype(np.float32)
    light = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    colour = table.astype(np.float32)[(heat * 255).astype(np.uint8)]
    colour *= (0.35 + 1.3 * light)[..., None]
    np.minimum(colour, 255, out=colour)
    colour -= blended
    colour *= (HEAT_ALPHA * heat)[..., None]
    blended += colour
    return blended.astype(np.uint8)


def _boxes(corners_yx: Index, tile_hw: tuple[int, int], zoom: int) -> Index:
    return np.concatenate([corners_yx, corners_yx + np.array(tile_hw)], axis=1) * zoom


def _draw_grid(canvas: U8, boxes: Index) -> None:
    """Draw a faint frame around every tile."""
    faint = canvas.copy()
    for top, left, bottom, right in boxes.tolist():
        cv2.rectangle(faint, (left, top), (right - 1, bottom - 1), WHITE, 1)
    cv2.addWeighted(faint, GRID_ALPHA, canvas, 1 - GRID_ALPHA, 0, dst=canvas)


def _draw_hits(canvas: U8, boxes: Index, scores: F32, over: npt.NDArray[np.bool_]) -> None:
    """Draw a strong frame, with its score, around each tile over its limit."""
    stroke = max(2, canvas.shape[1] // 700)
    # The worst is drawn last, so that its frame and number lie on top where tiles overlap.
    for i in [i for i in np.argsort(scores, kind="stable").tolist() if over[i]]:
        top, left, bottom, right = boxes[i].tolist()
        inset = stroke // 2
        cv2.rectangle(canvas, (left + inset, top + inset), (right - 1 - inset, bottom - 1 - inset), HIT, stroke)
        draw_chip(canvas, (top, left), f"{scores[i]:.2f}", HIT, font_px(canvas.shape[1]))


def _draw_brackets(canvas: U8, defect: Defect, zoom: int) -> None:
    """Mark a place to look at by its corners: a whole box would claim an outline that is not known."""
    left, top = defect.x * zoom, defect.y * zoom
    right, bottom = left + defect.w * zoom - 1, top + defect.h * zoom - 1
    arm = max(6, min(defect.w, defect.h) * zoom // 4)
    stroke = max(2, canvas.shape[1] // 700)
    for y, down in ((top, 1), (bottom, -1)):
        for x, across in ((left, 1), (right, -1)):
            for end in ((x + across * arm, y), (x, y + down * arm)):
                cv2.line(canvas, (x, y), end, BOX, stroke, cv2.LINE_AA)
