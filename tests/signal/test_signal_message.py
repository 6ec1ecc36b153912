"""Messages as bytes. The golden bytes are what other machines read: a change here is a new protocol version."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edge_inspector.client.wire import Flag, Header
from edge_inspector.core.frame import Travel
from edge_inspector.core.verdict import (
    Defect,
    Heartbeat,
    Judgement,
    LineState,
    Outcome,
    Reason,
    Scale,
    Totals,
    Verdict,
    ViewVerdict,
    ZoneJudgement,
)
from edge_inspector.signal.message import (
    as_replayed,
    encode_body,
    event_body,
    heartbeat_body,
    heartbeat_frames,
    other_frames,
    state_body,
    verdict_body,
    verdict_frames,
)

DEFECT = Defect(32, 64, 96, 32, 0.75, "DEFECT")
VERDICT = Verdict(
    line="l1",
    epoch=7,
    seq=3,
    part_id=20017,
    camera="cam0",
    frame_id=12,
    judgement=Judgement(Outcome.REJECT, Reason.DEFECT, 0.75, "DEFECT", (DEFECT,), 7, 1),
    model="steel@1.0.0",
    model_sha256="ab" * 32,
    recipe="strip",
    trigger_utc_us=1_790_000_000_000_000,
    trigger_source="host",
    latency_us=21_000,
    budget_us=79_000,
    is_late=False,
    is_bypass=False,
    evidence_id="l1-00000007-00020017",
)
BEAT = Heartbeat("l1", 7, 3, 0, LineState.CONTINUOUS_EXECUTION, True, (), 1000, True, 450, Totals(5, 1, 1, 1, 1))
GOLDEN_VERDICT = (
    b'{"v":1,"line":"l1","epoch":7,"seq":3,"part_id":20017,"camera":"cam0","frame_id":12,"verdict":"REJECT",'
    b'"reason":"defect","score":0.75,"label":"DEFECT","defects":[{"x":32,"y":64,"w":96,"h":32,"score":0.75,'
    b'"label":"DEFECT","x_mm":null,"y_mm":null}],"n_tiles":7,"n_defect_tiles":1,"model":"steel@1.0.0",'
    b'"model_sha256":"' + b"ab" * 32 + b'","recipe":"strip","context":{},"t_trigger_utc_us":1790000000000000,'
    b'"t_trigger_source":"host","latency_us":21000,"enc_trigger":-1,"enc_gen":0,"enc_modulus":0,"fire_enc":-1,'
    b'"fire_window_enc":0,"budget_us":79000,"late":false,"bypass":false,"evidence_id":"l1-00000007-00020017"}'
)
GOLDEN_BEAT = (
    b'{"v":1,"line":"l1","epoch":7,"head_seq":3,"durable_seq":0,"state":"ContinuousExecution","ready":true,'
    b'"faults":[],"lease_ms":1000,"enc_now":-1,"enc_age_us":-1,"enc_gen":0,"clock_synced":true,'
    b'"last_frame_age_us":450,"triggers":5,"passes":1,"rejects":1,"unknowns":1,"lates":1,"in_flight":2}'
)


def header_of(verdict: Verdict, is_ready: bool = True, is_simulated: bool = False) -> Header:
    return Header.parse(verdict_frames(verdict, verdict_body(verdict), is_ready, is_simulated)[1])


def test_a_verdict_body_is_these_bytes() -> None:
    assert encode_body(verdict_body(VERDICT)) == GOLDEN_VERDICT


def test_zones_are_told_where_there_are_any() -> None:
    zones = (ZoneJudgement("seal", 2, Outcome.REJECT), ZoneJudgement("rest", 0, Outcome.PASS))

    body = verdict_body(replace(VERDICT, judgement=replace(VERDICT.judgement, zones=zones)))

    assert body.pop("zones") == [
        {"name": "seal", "n_defect_tiles": 2, "verdict": "REJECT"},
        {"name": "rest", "n_defect_tiles": 0, "verdict": "PASS"},
    ]
    assert encode_body(body) == GOLDEN_VERDICT


def test_a_calibrated_line_with_an_encoder_tells_places_in_counts_and_mm() -> None:
    scale = Scale(x_mm_per_px=0.25, y_mm_per_px=0.1, counts_per_mm=8.0, modulus=2**32)

    body = verdict_body(replace(VERDICT, travel=Travel(77, 4, 1000), scale=scale))

    assert (body["enc_trigger"], body["enc_gen"], body["enc_modulus"], body["position_mm"]) == (77, 4, 2**32, 125.0)
    assert (body["defects"][0]["x_mm"], body["defects"][0]["y_mm"]) == (8.0, 6.4)  # x 32, y 64 px


def test_places_along_the_web_count_from_the_strip_s_own_first_line() -> None:
    body = verdict_body(replace(VERDICT, scale=Scale(y_mm_per_px=0.1, y_first_px=96)))

    assert body["defects"][0]["y_mm"] == -3.2  # row 64: with the strip before


def test_a_part_whose_place_is_not_known_tells_none() -> None:
    body = verdict_body(replace(VERDICT, travel=Travel(-1, 4, 1000), scale=Scale(counts_per_mm=8.0, modulus=2**32)))

    assert (body["enc_trigger"], body["enc_gen"]) == (-1, 4)
    assert "position_mm" not in body


def test_a_heartbeat_tells_where_the_line_stood_last() -> None:
    beat = replace(BEAT, travel=Travel(77, 4), travel_age_us=12)

    body = heartbeat_body(beat)

    assert (body["enc_now"], body["enc_age_us"], body["enc_gen"]) == (77, 12, 4)
    assert Header.parse(heartbeat_frames(beat, body, False)[1]).fire_enc == 77


def test_a_heartbeat_body_is_these_bytes() -> None:
    assert encode_body(heartbeat_body(BEAT)) == GOLDEN_BEAT


def test_a_verdict_message_has_three_frames_that_agree() -> None:
    topic, header, body = verdict_frames(VERDICT, verdict_body(VERDICT), True, False)

    parsed = Header.parse(header)
    assert topic == b"insp.v1.l1.verdict"
    assert (parsed.epoch, parsed.seq, parsed.part_id, parsed.fire_enc, parsed.budget_us) == (7, 3, 20017, -1, 79_000)
    assert json.loads(body)["seq"] == parsed.seq


@pytest.mark.parametrize(
    ("outcome", "is_clear"), [(Outcome.PASS, True), (Outcome.REJECT, False), (Outcome.UNKNOWN, False)]
)
def test_the_reject_flag_is_clear_for_pass_alone(outcome: Outcome, is_clear: bool) -> None:
    verdict = replace(VERDICT, judgement=replace(VERDICT.judgement, outcome=outcome))

    assert (Flag.REJECT not in header_of(verdict).flags) == is_clear


def test_each_other_flag_is_set_by_its_own_cause_alone() -> None:
    passed = replace(VERDICT, judgement=Judgement(Outcome.PASS, Reason.OK, 0.1, "OK", (), 7, 0))

    assert header_of(passed, is_ready=False).flags == Flag(0)
    assert header_of(passed, is_ready=True).flags == Flag.READY
    assert header_of(passed, is_ready=False, is_simulated=True).flags == Flag.SIMULATED
    assert header_of(replace(passed, is_late=True), is_ready=False).flags == Flag.LATE
    assert header_of(replace(passed, is_bypass=True), is_ready=False).flags == Flag.BYPASS


def test_a_part_that_was_not_judged_has_no_score() -> None:
    body = verdict_body(replace(VERDICT, judgement=Judgement(Outcome.UNKNOWN, Reason.FRAME_LOST)))

    assert (body["score"], body["label"], body["defects"], body["n_tiles"]) == (None, None, [], 0)


def test_a_heartbeat_carries_head_and_lease_in_its_header() -> None:
    topic, header, _ = heartbeat_frames(BEAT, heartbeat_body(BEAT), is_simulated=True)

    parsed = Header.parse(header)
    assert topic == b"insp.v1.l1.hb"
    assert (parsed.seq, parsed.part_id, parsed.flags) == (3, 1000, Flag.READY | Flag.SIMULATED)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_has_not_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_body({"score": value})


def test_replaying_changes_the_flag_and_nothing_else() -> None:
    frames = verdict_frames(VERDICT, verdict_body(VERDICT), True, False)

    again = as_replayed(frames)

    assert again[1][3] == frames[1][3] | Flag.REPLAYED
    assert (again[0], again[1][:3], again[1][4:], again[2]) == (frames[0], frames[1][:3], frames[1][4:], frames[2])


def test_state_and_event_bodies_hold_their_keys() -> None:
    state = state_body("l1", 7, LineState.HALTED, LineState.READY, "asked")
    event = event_body("l1", 7, "parts_lost", "error", "killed", {"range": [5, 9]})

    assert (state["state"], state["previous"], state["reason"]) == ("Halted", "Ready", "asked")
    assert (event["name"], event["severity"], event["range"]) == ("parts_lost", "error", [5, 9])


def test_other_kinds_carry_no_part_and_no_budget() -> None:
    topic, header, _ = other_frames("l1", "event", 7, 3, Flag.READY, {})

    parsed = Header.parse(header)
    assert topic == b"insp.v1.l1.event"
    assert (parsed.seq, parsed.part_id, parsed.fire_enc, parsed.budget_us) == (3, 0, -1, -1)


def test_several_cameras_are_told_with_their_own_defects_models_and_millimetres() -> None:
    rejects = Judgement(Outcome.REJECT, Reason.DEFECT, 0.75, "DEFECT", (DEFECT,), 7, 1)
    worse = Judgement(Outcome.REJECT, Reason.DEFECT, 0.9, "DEFECT", (replace(DEFECT, score=0.9),), 2, 1)
    views = (
        ViewVerdict("top", 12, False, rejects, "steel@1.0.0", "ab" * 32, Scale(x_mm_per_px=0.5)),
        ViewVerdict("side", 9, False, worse, "edge@2.0.0", "cd" * 32, Scale()),
    )

    body = verdict_body(replace(VERDICT, views=views))

    assert [(one["camera"], one["score"], one["x_mm"]) for one in body["defects"]] == [
        ("side", 0.9, None),
        ("top", 0.75, 16.0),
    ]
    assert [(one["camera"], one["frame_id"], one["verdict"], one["model"]) for one in body["views"]] == [
        ("top", 12, "REJECT", "steel@1.0.0"),
        ("side", 9, "REJECT", "edge@2.0.0"),
    ]
    assert body["missing"] == []


def test_a_part_tells_its_32_worst_defects_of_all_cameras_and_who_is_missing() -> None:
    many = Judgement(Outcome.REJECT, Reason.DEFECT, 0.9, "DEFECT", (DEFECT,) * 32, 40, 32)
    none = Judgement(Outcome.UNKNOWN, Reason.PARTIAL_SET)
    views = (
        ViewVerdict("top", 12, False, many, "m@1", "ab" * 32, Scale()),
        ViewVerdict("side", 12, False, many, "m@1", "ab" * 32, Scale()),
        ViewVerdict("left", -1, True, none, "m@1", "ab" * 32, Scale()),
    )

    body = verdict_body(replace(VERDICT, views=views))

    assert len(body["defects"]) == 32
    assert body["missing"] == ["left"]
    assert body["views"][2]["reason"] == "partial_set"
