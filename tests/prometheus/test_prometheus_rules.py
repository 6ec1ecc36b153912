"""The rules are whole and say what to do, and each is tried both ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from alerts_page import alerts_page
from live_alerts import BY_PROMTOOL_ALONE, LINE_OF
from prometheus_client import CollectorRegistry
from rule_files import METRIC, RECORD, ROOT, TESTS, Alert, alerts, metrics_of, records
from scaled_rules import faster

from edge_inspector.observe.metrics import LineMetrics

every_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)


def cases() -> list[dict[str, Any]]:
    return [case for path in TESTS for case in yaml.safe_load(path.read_text("utf-8"))["tests"]]


def fires(case: dict[str, Any]) -> set[str]:
    """Return the alerts that a test expects at some moment."""
    samples = [sample for test in case["promql_expr_test"] for sample in test["exp_samples"]]
    return {name for sample in samples for name in re.findall(r'alertname="(\w+)"', sample["labels"])}


def series_of(case: dict[str, Any]) -> set[str]:
    return {str(series["series"]).split("{")[0] for series in case["input_series"]}


@every_alert
def test_each_alert_has_series_that_fire_it_and_series_that_do_not(alert: Alert) -> None:
    own = [case for case in cases() if case["name"].startswith(f"{alert.name}: ")]
    quiet = [case for case in own if not fires(case)]

    assert any(alert.name in fires(case) for case in own), "nothing fires it"
    there = {name for case in quiet for name in series_of(case)}
    assert metrics_of(alert.expr) <= there, "it is quiet only because some of its metrics are not there"


def test_every_test_asks_for_all_alerts_and_not_only_for_its_own() -> None:
    asked = {test["expr"] for case in cases() for test in case["promql_expr_test"]}

    assert {re.sub(r"^group by \([a-z_, ]+\) ", "", expr) for expr in asked} == {
        '(ALERTS{alertstate="firing"})',
        '(last_over_time(ALERTS{alertstate="firing"}[10d]))',
    }


@every_alert
def test_each_alert_says_what_is_wrong_and_what_to_do_and_where_it_is_explained(alert: Alert) -> None:
    page, _, anchor = alert.page.partition("#")

    assert alert.name.startswith("EdgeInspector")
    assert alert.severity in ("critical", "warning", "info")
    assert "{{ $labels." in alert.summary
    assert len(alert.description.split()) >= 12
    assert f"\n## {alert.name}\n" in (ROOT / page).read_text("utf-8")
    assert anchor == alert.name.lower()
    for named in re.findall(r"docs/[\w/-]+\.md", alert.description):
        assert (ROOT / named).is_file()


def test_alerts_and_records_ask_for_metrics_that_exist() -> None:
    declared = {each.name for each in LineMetrics(CollectorRegistry()).declared} | {"up"}
    asked = {name for alert in alerts() for name in metrics_of(alert.expr)}
    asked |= {name for expr in records().values() for name in metrics_of(expr)}

    assert asked - declared == set()


def test_every_record_is_used_by_an_alert_or_a_dashboard() -> None:
    boards = "".join(path.read_text("utf-8") for path in (ROOT / "config" / "grafana").glob("*.json"))
    used = set(RECORD.findall(boards + " ".join(alert.expr for alert in alerts())))

    assert used == set(records())


def test_no_alert_counts_what_starts_again_at_zero_without_a_window() -> None:
    counters = {each.name for each in LineMetrics(CollectorRegistry()).declared if each.kind == "counter"}
    expressions: Sequence[str] = [*(alert.expr for alert in alerts()), *records().values()]
    bare = [
        match[0]
        for expr in expressions
        for match in re.finditer(rf"({METRIC.pattern})(\{{[^}}]*\}})?(?!\[|[\w{{])", expr)
        if match[1] in counters
    ]

    assert bare == []


def test_the_page_says_which_alerts_are_provoked_live_and_why_the_others_are_not() -> None:
    names = {alert.name for alert in alerts()}
    page = alerts_page()

    assert set(BY_PROMTOOL_ALONE) < names
    assert page.count("| live |") == len(names) - len(BY_PROMTOOL_ALONE)


def test_the_rules_that_are_tried_live_differ_in_durations_alone() -> None:
    text = "expr: rate(a_total[5m]) > 14.4 and x:increase1m[15m:1m] offset 2h\nfor: 30s\nsummary: for 30 minutes"

    assert faster(text, 30) == (
        "expr: rate(a_total[10000ms]) > 14.4 and x:increase1m[30000ms:2000ms] offset 240000ms\n"
        "for: 1000ms\nsummary: for 30 minutes"
    )


def test_every_alert_is_provoked_live_or_it_is_said_why_not() -> None:
    assert sorted([*LINE_OF, *BY_PROMTOOL_ALONE]) == sorted(alert.name for alert in alerts())
