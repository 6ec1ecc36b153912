"""The dashboards can be imported: whole, without overlaps, and every query asks for something that exists."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
import yaml
from operators_board import WHAT_TO_DO
from prometheus_client import CollectorRegistry
from rule_files import BOARDS, RECORD, ROOT, board, board_queries, metrics_of, records

from edge_inspector.observe.fault_metrics import FAULTS, OTHER
from edge_inspector.observe.metrics import LineMetrics

KINDS = {"stat", "timeseries", "table", "heatmap", "text", "row"}
WIDTH = 24

every_board = pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)


def test_there_are_two_dashboards_with_names_of_their_own() -> None:
    assert [path.stem for path in BOARDS] == ["engineers", "operators"]
    assert len({board(path)["uid"] for path in BOARDS}) == len({board(path)["title"] for path in BOARDS}) == 2


@every_board
def test_panels_have_ids_of_their_own_and_places_that_do_not_overlap(path: Path) -> None:
    panels = board(path)["panels"]
    places = [panel["gridPos"] for panel in panels]

    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels) > 10
    assert {panel["type"] for panel in panels} <= KINDS
    assert all(set(place) == {"x", "y", "w", "h"} for place in places)
    assert all(isinstance(value, int) and value >= 0 for place in places for value in place.values())
    assert all(place["w"] > 0 and place["h"] > 0 and place["x"] + place["w"] <= WIDTH for place in places)
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"x": 8, "y": 0, "w": 8, "h": 5}, False),
        ({"x": 0, "y": 5, "w": 8, "h": 5}, False),
        ({"x": 7, "y": 4, "w": 8, "h": 5}, True),
        ({"x": 2, "y": 1, "w": 1, "h": 1}, True),
    ],
)
def test_an_overlap_is_noticed(other: dict[str, int], expected: bool) -> None:
    assert overlap({"x": 0, "y": 0, "w": 8, "h": 5}, other) is expected


@every_board
def test_every_panel_that_shows_numbers_asks_the_chosen_source_for_the_chosen_line(path: Path) -> None:
    model = board(path)
    variables = {variable["name"]: variable for variable in model["templating"]["list"]}

    assert set(variables) == {"datasource", "line"}
    assert variables["line"]["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for panel in model["panels"]:
        assert (panel["type"] in ("text", "row")) is not bool(panel.get("targets")), panel["title"]
        for target in panel.get("targets", ()):
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert 'line="$line"' in target["expr"] or panel["title"] == "What runs"
        references = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(references)) == len(references)


def test_every_query_asks_for_metrics_and_records_that_exist() -> None:
    declared = {each.name for each in LineMetrics(CollectorRegistry()).declared} | {"up"}

    for query in board_queries():
        assert set(RECORD.findall(query.expr)) <= set(records()), query
        assert metrics_of(query.expr) <= declared, query
        assert metrics_of(query.expr) or "ALERTS" in query.expr, query


def test_operators_are_told_what_to_do_about_every_fault() -> None:
    assert set(WHAT_TO_DO) == {*FAULTS, OTHER}


def test_grafana_is_told_where_the_numbers_and_the_dashboards_are() -> None:
    folder = ROOT / "config" / "grafana" / "provisioning"
    [source] = yaml.safe_load((folder / "datasource.yaml").read_text("utf-8"))["datasources"]
    [provider] = yaml.safe_load((folder / "dashboards.yaml").read_text("utf-8"))["providers"]

    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")
    assert provider["type"] == "file"
