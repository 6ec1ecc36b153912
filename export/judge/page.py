"""Reports as one HTML file each: pictures and curves inside, no script, no address outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from export.data.scores import Scores
from export.judge.charts import curves, reliability_chart
from export.judge.curves import has_both, precision_recall, reliability, roc
from export.judge.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from export.judge.compare import Comparison
    from export.judge.evaluate import Evidence
    from export.judge.looks import Mistake

PAGES = Path(__file__).parent / "pages"


def percent(value: float | None) -> str:
    """Return a rate for people; a dash when it cannot be said."""
    return "–" if value is None else f"{100 * value:.1f} %"


def bounds(values: Sequence[float] | None) -> str:
    """Return an interval of rates for people."""
    return "" if values is None else f"{100 * values[0]:.1f} – {100 * values[1]:.1f} %"


def number(value: float | None) -> str:
    """Return a number from 0 to 1 for people."""
    return "–" if value is None else f"{value:.3f}"


def interval(values: Sequence[float] | None) -> str:
    """Return an interval of such numbers for people."""
    return "" if values is None else f"{values[0]:.3f} – {values[1]:.3f}"


def signed(values: Sequence[float] | None) -> str:
    """Return the interval of a difference for people."""
    return "" if values is None else f"{values[0] + 0.0:+.3f} to {values[1] + 0.0:+.3f}"  # -0.0 becomes 0


def short(name: str) -> str:
    """Return the end of a picture's name: where the pictures lay on the workstation is nobody's business."""
    return "/".join(name.split("/")[-2:])


def render(template: str, **values: Any) -> str:
    """Return a page of `pages/`; text is escaped, a name that is not given is an error."""
    world = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    world.filters |= {
        "percent": percent,
        "bounds": bounds,
        "number": number,
        "interval": interval,
        "signed": signed,
        "short": short,
    }
    return world.get_template(template).render(**values)


def evaluation_page(
    evidence: Evidence, metrics: dict[str, Any], escapes: Sequence[Mistake], false_rejects: Sequence[Mistake]
) -> str:
    """Return report.html of `evaluate`."""
    return render(
        "evaluation.html",
        name=evidence.name,
        m=metrics,
        calibration=evidence.calibration,
        charts=_charts(evidence),
        mistakes=(
            ("Escaped parts", "Defective, but no tile reaches the limit. The lowest score first.", escapes),
            ("False rejects", "Sound, but a tile reaches the limit. The highest score first.", false_rejects),
        ),
    )


def _charts(evidence: Evidence) -> list[tuple[str, Markup]]:
    both: list[tuple[str, Scores | Parts]] = [("parts", evidence.parts), ("tiles", evidence.tiles)]
    usable = [(name, rows) for name, rows in both if has_both(rows.truth)]
    found = []
    if usable:
        drawn = [(name, roc(rows.margin, rows.truth)) for name, rows in usable]
        found.append(("ROC", curves("ROC curve", drawn, "false-reject rate", "share of defects found")))
        drawn = [(name, precision_recall(rows.margin, rows.truth)) for name, rows in usable]
        title = "Precision and recall"
        found.append((title, curves(title, drawn, "share of defects found", "defects among rejects")))
    tiles, crossed = evidence.tiles, evidence.crossed
    known = crossed.knows(tiles.fold)
    if known.any():
        bins = reliability(crossed.probability(tiles.margin, tiles.fold)[known], tiles.truth[known])
        found.append(("Reliability of tile scores", reliability_chart("Reliability of tile scores", bins)))
    return [(title, Markup(svg)) for title, svg in found]


def comparison_page(comparison: Comparison) -> str:
    """Return the page of `compare`."""
    both = [(name, roc(rows.margin, rows.truth)) for name, rows in comparison.parts if has_both(rows.truth)]
    if not both:
        both = [(name, roc(rows.margin, rows.truth)) for name, rows in comparison.tiles]
    chart = Markup(curves("ROC curves", both, "false-reject rate", "share of defects found"))
    return render("comparison.html", c=comparison.numbers, conclusion=comparison.conclusion, chart=chart)
