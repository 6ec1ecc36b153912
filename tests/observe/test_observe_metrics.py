"""The numbers are exact, finite, bounded in labels, and the page is the snapshot."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from edge_inspector.core.verdict import LineState, Reason, Stages, Totals
from edge_inspector.observe.figures import CameraFigures, LineFigures
from edge_inspector.observe.metrics import MAX_LABELS, LineMetrics
from edge_inspector.observe.reference import metrics_table
from edge_inspector.observe.snapshot import Family, render, snapshot

REPO = Path(__file__).parents[2]
SamplesByName = dict[tuple[str, frozenset[tuple[str, str]]], float]


def make() -> tuple[CollectorRegistry, LineMetrics]:
    registry = CollectorRegistry()
    return registry, LineMetrics(registry, deadline_s=0.1)


def make_body(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "part_id": 987654321, "verdict": "REJECT", "reason": "defect", "score": 0.93, "label": "DEFECT",
        "latency_us": 42_000, "n_tiles": 7, "n_defect_tiles": 2, "evidence_id": "line1-987654321",
    }  # fmt: skip
    return body | changes


def by_name(families: list[Family]) -> SamplesByName:
    return {
        (family["name"] + suffix, frozenset(labels.items())): value
        for family in families
        for suffix, labels, value in family["samples"]
    }


def parsed(page: bytes) -> SamplesByName:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return by_name(snapshot(registry)).get((f"edge_inspector_{name}", frozenset(labels.items())))


def feed_everything(metrics: LineMetrics) -> None:
    metrics.observe_verdict(make_body(), Stages(1_000_000, 2_000_000, 30_000_000, 4_000, 500_000))
    metrics.set_totals(Totals(triggers=9, passes=3, rejects=2, unknowns=1, lates=1))
    metrics.set_build("0.1.0", "line1", "default", "steel@1.0.0", "ab" * 32)
    metrics.set_line(LineFigures(LineState.CONTINUOUS_EXECUTION, True, 6, True, 0.05, 2))
    metrics.set_camera("cam0", CameraFigures(True, 5, 1, 2, 3, 4, 1, 0.02))
    metrics.set_queue("evidence", 1, 8)
    metrics.set_handover_dropped(3)
    metrics.set_process("inspect", restarts=1, resident_bytes=200_000_000)
    figures = SimpleNamespace(
        written=4, evicted=1, dropped={"disk_full": 2}, n_bytes=5_000, quota_bytes=9_000, free_bytes=10**12
    )
    metrics.set_evidence(figures, not_accepted=7)


def test_counters_are_exactly_the_totals_of_the_ledger() -> None:
    registry, metrics = make()

    metrics.set_totals(Totals(triggers=2**40 + 5, passes=2**40, rejects=2, unknowns=1, lates=1))

    assert value(registry, "triggers_total") == 2**40 + 5
    assert value(registry, "passes_total") == 2**40
    assert value(registry, "rejects_total") == 2
    assert value(registry, "unknowns_total") == 1
    assert value(registry, "verdicts_late_total") == 1
    assert value(registry, "parts_in_flight") == 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=5, max_size=5))
def test_no_part_is_missing_in_any_snapshot(counts: list[int]) -> None:
    registry, metrics = make()
    extra, passes, rejects, unknowns, lates = counts

    metrics.set_totals(Totals(extra + passes + rejects + unknowns, passes, rejects, unknowns, lates))

    now = {name: value(registry, name) or 0 for name in ("passes_total", "rejects_total", "unknowns_total")}
    assert value(registry, "triggers_total") == sum(now.values()) + (value(registry, "parts_in_flight") or 0)


def test_a_new_epoch_starts_again_at_zero() -> None:
    registry, metrics = make()
    metrics.set_totals(Totals(5, 5))

    metrics.set_totals(Totals())

    assert value(registry, "triggers_total") == 0


def test_every_reason_has_its_series_from_the_start() -> None:
    registry, _ = make()

    reasons = [dict(labels)["reason"] for name, labels in by_name(snapshot(registry)) if "verdicts_total" in name]

    assert sorted(reasons) == sorted(reason.value for reason in Reason)


def test_a_verdict_is_counted_by_its_reason() -> None:
    registry, metrics = make()

    metrics.observe_verdict(make_body(), None)
    metrics.observe_verdict(make_body(verdict="UNKNOWN", reason="deadline"), None)

    assert value(registry, "verdicts_total", verdict="REJECT", reason="defect") == 1
    assert value(registry, "verdicts_total", verdict="UNKNOWN", reason="deadline") == 1
    assert value(registry, "tiles_total") == 14
    assert value(registry, "defect_tiles_total") == 4


@pytest.mark.parametrize(("verdict", "reason"), [("MAYBE", "ok"), ("PASS", "new"), ("PASS", "deadline"), (None, None)])
def test_a_verdict_outside_the_closed_list_is_unknown(verdict: object, reason: object) -> None:
    registry, metrics = make()

    metrics.observe_verdict(make_body(verdict=verdict, reason=reason), None)

    assert value(registry, "verdicts_total", verdict="UNKNOWN", reason="unlisted") == 1


def test_a_stage_that_did_not_run_is_not_timed() -> None:
    registry, metrics = make()

    metrics.observe_verdict(make_body(), Stages(grab_ns=3_000_000, infer_ns=0))

    assert value(registry, "stage_duration_seconds_count", stage="grab") == 1
    assert value(registry, "stage_duration_seconds_sum", stage="grab") == pytest.approx(0.003)
    assert value(registry, "stage_duration_seconds_count", stage="infer") == 0


def test_latency_buckets_stand_around_the_deadline() -> None:
    registry, metrics = make()

    metrics.observe_verdict(make_body(latency_us=95_000), None)

    assert value(registry, "trigger_to_verdict_seconds_bucket", le="0.09") == 0
    assert value(registry, "trigger_to_verdict_seconds_bucket", le="0.1") == 1


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_a_score_that_is_no_number_spoils_no_sum(score: float | None) -> None:
    registry, metrics = make()

    metrics.observe_verdict(make_body(score=score), None)
    metrics.observe_verdict(make_body(score=0.5), None)

    assert value(registry, "score_sum", label="DEFECT") == 0.5


def test_labels_stay_bounded_whatever_a_model_says() -> None:
    registry, metrics = make()

    for i in range(MAX_LABELS + 50):
        metrics.observe_verdict(make_body(label=f"label{i}"), None)

    labels = {dict(labels)["label"] for name, labels in by_name(snapshot(registry)) if name.endswith("score_count")}
    assert len(labels) == MAX_LABELS + 1
    assert value(registry, "score_count", label="other") == 50


def test_part_numbers_and_evidence_ids_never_become_labels() -> None:
    registry, metrics = make()
    feed_everything(metrics)

    page = render(snapshot(registry)).decode()

    assert "987654321" not in page


def test_exactly_one_state_is_set() -> None:
    registry, metrics = make()
    feed_everything(metrics)

    states = {dict(labels)["state"]: v for (name, labels), v in by_name(snapshot(registry)).items() if "_state" in name}

    assert states == {state.wire_name: int(state is LineState.CONTINUOUS_EXECUTION) for state in LineState}


def test_a_changed_model_leaves_no_stale_build_info() -> None:
    registry, metrics = make()
    metrics.set_build("0.1.0", "line1", "default", "steel@1.0.0", "aa")

    metrics.set_build("0.1.0", "line1", "default", "steel@1.1.0", "bb")

    builds = [dict(labels)["model"] for name, labels in by_name(snapshot(registry)) if name.endswith("build_info")]
    assert builds == ["steel@1.1.0"]


def test_a_number_that_is_not_known_is_absent() -> None:
    registry, metrics = make()
    metrics.set_line(LineFigures(LineState.READY, True, 0, True, heartbeat_age_s=0.1))

    metrics.set_line(LineFigures(LineState.READY, True, 0, True, heartbeat_age_s=None))

    assert value(registry, "heartbeat_age_seconds") is None


def test_evidence_that_waited_in_vain_is_counted_with_the_rest() -> None:
    registry, metrics = make()

    feed_everything(metrics)

    assert value(registry, "evidence_dropped_total", reason="disk_full") == 2
    assert value(registry, "evidence_dropped_total", reason="queue_full") == 7


def test_every_declared_metric_can_be_fed() -> None:
    registry, metrics = make()

    feed_everything(metrics)

    empty = [family["name"] for family in snapshot(registry) if not family["samples"]]
    assert empty == []
    assert [family["name"] for family in snapshot(registry)] == [each.name for each in metrics.declared]


def test_a_snapshot_is_plain_json() -> None:
    registry, metrics = make()
    feed_everything(metrics)

    families = snapshot(registry)

    text = json.dumps(families, allow_nan=False)
    assert by_name(json.loads(text)) == by_name(families)


def test_what_is_not_finite_is_left_out() -> None:
    registry, metrics = make()

    metrics.set_line(LineFigures(LineState.READY, True, 0, True, heartbeat_age_s=math.inf))

    assert value(registry, "heartbeat_age_seconds") is None


def test_the_page_is_exactly_the_snapshot() -> None:
    registry, metrics = make()
    feed_everything(metrics)
    families = snapshot(registry)

    page = render(families)

    assert parsed(page) == by_name(families)
    assert "_created" not in page.decode()


def test_a_collector_elsewhere_shows_the_same_page() -> None:
    registry, metrics = make()
    feed_everything(metrics)
    families = snapshot(registry)

    over_the_wire = json.loads(json.dumps(families))

    assert render(over_the_wire) == render(families)


label_names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
samples = st.tuples(st.just(""), st.dictionaries(label_names, texts, max_size=3), numbers)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["counter", "gauge"]),
    given_samples=st.lists(samples, max_size=6, unique_by=lambda s: frozenset(s[1].items())),
)
def test_any_label_text_and_number_survives_the_page(
    kind: str, given_samples: list[tuple[str, dict[str, str], float]]
) -> None:
    family = Family(name="edge_inspector_x_total", type=kind, help="What\nit \\ is", samples=given_samples)

    assert parsed(render([family])) == by_name([family])


def test_types_and_help_of_the_page_are_those_of_the_snapshot() -> None:
    registry, metrics = make()
    feed_everything(metrics)
    families = snapshot(registry)

    page = render(families).decode().splitlines()

    assert [line for line in page if line.startswith("# TYPE")] == [f"# TYPE {f['name']} {f['type']}" for f in families]
    assert [line for line in page if line.startswith("# HELP")] == [f"# HELP {f['name']} {f['help']}" for f in families]


def test_names_follow_the_rules_of_prometheus() -> None:
    _, metrics = make()

    for each in metrics.declared:
        assert each.name.startswith("edge_inspector_")
        assert each.name.endswith("_total") == (each.kind == "counter")
        assert not each.name.endswith(("_ms", "_us", "_ns", "_mb"))


def test_a_wrong_number_of_labels_is_a_mistake() -> None:
    _, metrics = make()

    with pytest.raises(ValueError, match="has labels"):
        metrics._ready.set(1, "too many")


def test_the_reference_page_is_current() -> None:
    assert (REPO / "docs/reference/metrics.md").read_text("utf-8") == metrics_table()
