"""Curves as SVG, by our own few lines: a report needs four, and a plotting library would be its largest dependency."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from export.judge.curves import Bin, Curve
from export.judge.statistics import clopper_pearson

WIDTH, HEIGHT = 360, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 44
COLOURS = ("#0b5cad", "#c2410c", "#4b5563")
"""Told apart by people who see no red or green, and in grey by their dashes."""
DASHES = ("", "6 3", "2 3")


def _x(value: float) -> float:
    return LEFT + value * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return TOP + (1.0 - value) * (HEIGHT - TOP - BOTTOM)


def _axes(x_label: str, y_label: str) -> list[str]:
    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{_x(1) - LEFT:.0f}" height="{_y(0) - TOP:.0f}" class="frame"/>']
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [
            f'<path class="grid" d="M{_x(tick):.1f} {TOP}V{_y(0):.1f}M{LEFT} {_y(tick):.1f}H{_x(1):.1f}"/>',
            f'<text x="{_x(tick):.1f}" y="{_y(0) + 15:.1f}" text-anchor="middle">{tick:g}</text>',
            f'<text x="{LEFT - 6}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>',
        ]
    middle = (TOP + _y(0)) / 2
    return [
        *parts,
        f'<text x="{(LEFT + _x(1)) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="12" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 12 {middle:.0f})">'
        f"{escape(y_label)}</text>",
    ]


def _svg(title: str, parts: Sequence[str]) -> str:
    inner = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">\n{inner}\n</svg>'
    )


def _path(curve: Curve, number: int) -> str:
    # To a tenth of a pixel, and each point once: a curve of ten thousand tiles is drawn by some hundred points.
    points = list(dict.fromkeys(f"{_x(x):.1f} {_y(y):.1f}" for x, y in zip(curve.x, curve.y, strict=True)))
    dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'<path class="curve" stroke="{COLOURS[number]}"{dash} d="M{"L".join(points)}"/>'


def curves(title: str, named: Sequence[tuple[str, Curve]], x_label: str, y_label: str, at_top: bool = False) -> str:
    """Return up to three curves from (0, 0) to (1, 1) in one frame, with their names.

    Args:
        title: For who cannot see it.
        named: Name and curve.
        x_label: Below.
        y_label: Left.
        at_top: Names stand above instead of below, where the curves are not.
    """
    parts = _axes(x_label, y_label)
    for number, (name, curve) in enumerate(named):
        y = (TOP + 18 if at_top else _y(0) - 12 - 16 * (len(named) - 1)) + 16 * number
        dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
        parts += [
            _path(curve, number),
            f'<path class="curve" stroke="{COLOURS[number]}"{dash} d="M{_x(0.42):.0f} {y - 4:.0f}h24"/>',
            f'<text x="{_x(0.42) + 30:.0f}" y="{y:.0f}">{escape(name)}</text>',
        ]
    return _svg(title, parts)


def reliability_chart(title: str, bins: Sequence[Bin]) -> str:
    """Return what was said against what was seen; the area of a dot grows with its tiles, bars are 95 % bounds."""
    most = max((b.count for b in bins), default=1)
    dots = []
    for b in bins:
        bound = clopper_pearson(round(b.seen * b.count), b.count)
        dots += [
            f'<path class="bar" d="M{_x(b.said):.1f} {_y(bound.low):.1f}V{_y(bound.high):.1f}"/>',
            f'<circle cx="{_x(b.said):.1f}" cy="{_y(b.seen):.1f}" r="{2.5 + 7 * (b.count / most) ** 0.5:.1f}" '
            f'fill="{COLOURS[0]}"><title>{b.count} tiles: said {b.said:.2f}, seen {b.seen:.2f}</title></circle>',
        ]
    diagonal = f'<path class="even" d="M{_x(0):.0f} {_y(0):.0f}L{_x(1):.0f} {_y(1):.0f}"/>'
    return _svg(title, [*_axes("probability said", "share of DEFECT seen"), diagonal, *dots])
