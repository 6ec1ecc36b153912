"""What a Grafana dashboard is made of, as far as ours need it; scripts/docs writes the JSON files from it.

Only keys that differ from Grafana's defaults are written. Panels are placed by themselves, from left to right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 36
"""Of Grafana 9; later ones bring it up to theirs on import."""
WIDTH = 24
"""Columns of Grafana's grid."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "#808080"


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression of a panel."""

    expr: str
    legend: str = ""
    """Such as `{{stage}}`; empty for all labels."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; its place comes from its size and the panels before it."""

    title: str
    kind: str
    """Grafana's name of it: `stat`, `timeseries`, `table`, `heatmap`, `state-timeline`, `text`, `row`."""
    queries: Sequence[Query] = ()
    width: int = 8
    height: int = 7
    description: str = ""
    defaults: Mapping[str, Any] | None = None
    """`fieldConfig.defaults`."""
    options: Mapping[str, Any] | None = None


def row(title: str) -> Panel:
    """Return a heading over the whole width."""
    return Panel(title, "row", width=WIDTH, height=1)


def text(title: str, markdown: str, width: int, height: int) -> Panel:
    """Return a panel of words."""
    return Panel(title, "text", width=width, height=height, options={"mode": "markdown", "content": markdown})


def steps(*colours: tuple[float | None, str]) -> dict[str, Any]:
    """Return thresholds: each colour from its value on, the first from None on."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in colours]}


def words(meanings: Mapping[float, tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the mapping of numbers to (word, colour)."""
    options = {f"{value:g}": {"text": word, "color": colour} for value, (word, colour) in meanings.items()}
    return [{"type": "value", "options": options}]


def stat(title: str, query: Query, width: int = 4, height: int = 5, *, shows_name: bool = False, **more: Any) -> Panel:
    """Return a large number, or the large name of a series; `more`: defaults such as unit, mappings, thresholds."""
    options = {
        "colorMode": "background",
        "textMode": "name" if shows_name else "auto",
        "reduceOptions": {"calcs": ["lastNotNull"]},
    }
    return Panel(title, "stat", (query,), width, height, defaults=more, options=options)


def lines(
    title: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    height: int = 7,
    description: str = "",
    is_stacked: bool = False,
    is_bars: bool = False,
    **more: Any,
) -> Panel:
    """Return a graph over time; `more`: further defaults such as min, max, thresholds."""
    custom: dict[str, Any] = {"fillOpacity": 60 if is_bars or is_stacked else 10, "lineWidth": 1}
    if is_bars:
        custom["drawStyle"] = "bars"
    if is_stacked:
        custom["stacking"] = {"mode": "normal"}
    if "thresholds" in more:
        custom["thresholdsStyle"] = {"mode": "line"}
    return Panel(title, "timeseries", queries, width, height, description, {"unit": unit, "custom": custom} | more)


def table(title: str, query: Query, columns: Iterable[str], width: int, height: int, description: str = "") -> Panel:
    """Return the labels of all series now, those named in `columns`."""
    options = {"footer": {"show": False}, "columns": list(columns)}
    return Panel(title, "table", (query,), width, height, description, {"noValue": "nothing"}, options)


def dashboard(uid: str, title: str, description: str, panels: Iterable[Panel], since: str, refresh: str) -> str:
    """Return the JSON of a dashboard with the variables `datasource` and `line`, ending in a newline."""
    model = {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["edge-inspector"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "refresh": refresh,
        "time": {"from": since, "to": "now"},
        "templating": {"list": _variables()},
        "panels": list(_placed(panels)),
    }
    return json.dumps(model, indent=1, ensure_ascii=False) + "\n"


def _variables() -> list[dict[str, Any]]:
    # By `up`, so that a line whose daemon is down can still be chosen.
    query = 'label_values(up{job="edge-inspector"}, line)'
    return [
        {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus"},
        {
            "name": "line",
            "label": "Line",
            "type": "query",
            "datasource": DATASOURCE,
            "definition": query,
            "query": {"query": query, "refId": "line"},
            "refresh": 2,  # whenever the time changes
            "sort": 1,
        },
    ]


def _placed(panels: Iterable[Panel]) -> Iterable[dict[str, Any]]:
    """Yield each panel with its id and its place: beside the one before while there is room, else below all."""
    x = y = bottom = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH or panel.kind == "row":
            x, y = 0, bottom
        yield _as_json(number, panel) | {"gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height}}
        x, bottom = x + panel.width, max(bottom, y + panel.height)


def _as_json(number: int, panel: Panel) -> dict[str, Any]:
    made: dict[str, Any] = {"id": number, "title": panel.title, "type": panel.kind}
    if panel.description:
        made["description"] = panel.description
    if panel.kind == "row":
        return made | {"collapsed": False, "panels": []}
    if panel.queries:
        made |= {"datasource": DATASOURCE, "targets": [_target(at, panel) for at in range(len(panel.queries))]}
        made["fieldConfig"] = {"defaults": dict(panel.defaults or {}), "overrides": []}
    options = dict(panel.options or {})
    if panel.kind == "table":
        columns = options.pop("columns")
        made["transformations"] = [{"id": "filterFieldsByName", "options": {"include": {"names": columns}}}]
    return made | ({"options": options} if options else {})


def _target(at: int, panel: Panel) -> dict[str, Any]:
    query = panel.queries[at]
    target: dict[str, Any] = {"refId": chr(ord("A") + at), "datasource": DATASOURCE, "expr": query.expr}
    if panel.kind in ("stat", "table"):
        target |= {"instant": True, "range": False}
    if panel.kind in ("table", "heatmap"):
        target["format"] = panel.kind
    if query.legend:
        target["legendFormat"] = query.legend
    return target
