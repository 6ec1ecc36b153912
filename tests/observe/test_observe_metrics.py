"""The numbers are exact, and their labels bounded."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_samples import by_name, feed_everything, make, make_body, value

from edge_inspector.core.verdict import LineState, Reason, Stages, Totals
from edge_inspector.decide.image_health import CHECKS
from edge_inspector.observe.figures import ImageFigures, LineFigures, ModelFigures
from edge_inspector.observe.metrics import MAX_LABELS
from edge_inspector.observe.reference import metrics_table
from edge_inspector.observe.snapshot import render, snapshot

REPO = Path(__file__).parents[2]


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
    metrics.models.set("0.1.0", "line1", "default", [ModelFigures("cam0", "steel@1.0.0", "aa", "")])

    metrics.models.set("0.1.0", "line1", "default", [ModelFigures("cam0", "steel@1.1.0", "bb", "plant")])

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


def test_zones_are_counted_by_their_names() -> None:
    registry, metrics = make()
    zones = [{"name": "seal", "n_defect_tiles": 2, "verdict": "REJECT"}]

    metrics.observe_verdict(make_body(zones=[*zones, {"name": "rest", "n_defect_tiles": 1, "verdict": "PASS"}]), None)
    metrics.observe_verdict(make_body(zones=zones), None)
    metrics.observe_verdict(make_body(), None)

    assert value(registry, "zone_rejects_total", zone="seal") == 2
    assert value(registry, "zone_defect_tiles_total", zone="seal") == 4
    assert value(registry, "zone_rejects_total", zone="rest") == 0
    assert value(registry, "zone_defect_tiles_total", zone="rest") == 1


def test_figures_are_of_the_newest_picture_and_troubles_of_all() -> None:
    registry, metrics = make()

    metrics.observe_image("cam0", ImageFigures(3.0, 0.1, 1.0, 0.0, ("black", "brightness")))
    metrics.observe_image("cam0", ImageFigures(128.0, 4.5, 0.0, 0.25, ()))

    assert value(registry, "image_brightness", camera="cam0") == 128
    assert value(registry, "image_sharpness", camera="cam0") == 4.5
    assert value(registry, "image_dark_share", camera="cam0") == 0
    assert value(registry, "image_bright_share", camera="cam0") == 0.25
    counted = {check: value(registry, "image_troubles_total", check=check) for check in CHECKS}
    assert counted == {"black": 1, "saturated": 0, "stuck": 0, "defocus": 0, "brightness": 1}


def test_every_declared_metric_can_be_fed() -> None:
    registry, metrics = make()

    feed_everything(metrics)

    empty = [family["name"] for family in snapshot(registry) if not family["samples"]]
    assert empty == []
    assert [family["name"] for family in snapshot(registry)] == [each.name for each in metrics.declared]


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
