"""The checker itself: silent on a good transcript, and not blind to any rule it knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from transcript_samples import (
    BYPASS,
    LATE,
    NOW_US,
    READY,
    REJECT,
    REPLAYED,
    SIMULATED,
    Row,
    again,
    body,
    both,
    check,
    drop,
    flip,
    good,
    lacks,
    put,
    raw,
    sample,
    swap,
    telemetry,
    verdict,
)

BYPASS_ON = {"name": "bypass_on", "by": "anna", "reason": "", "minutes": 5.0, "until_utc_us": NOW_US}
DEFECT = {"x": 1, "y": 1, "w": 8, "h": 8, "score": 0.6, "label": "DEFECT", "x_mm": None, "y_mm": None}

BROKEN: dict[str, tuple[Callable[[list[Row]], None], str]] = {
    "two frames": (put(2, frames=2), "2 frames"),
    "short header": (put(2, tail=b"x"), "49 bytes"),
    "wrong magic": (put(2, magic=b"NI"), "magic"),
    "wrong version": (put(2, version=2), "version 2"),
    "flag without meaning": (flip(1, 128), "without a meaning"),
    "unknown kind": (put(2, topic="insp.v1.l1.other"), "topic"),
    "topic not ascii": (put(2, topic="insp.v1.lü.verdict"), "line in topic"),
    "capital line": (put(0, topic="insp.v1.L1.state"), "line in topic"),
    "other line": (put(2, topic="insp.v1.l2.verdict"), "line in topic"),
    "line of the body": (body(2, line="l2"), "line is 'l2'"),
    "epoch of the body": (body(2, epoch=8), "epoch is 8"),
    "epoch of a metrics body": (body(5, epoch=8), "epoch is 8"),
    "seq of the body": (body(2, seq=9), "seq is 9"),
    "part of the body": (body(2, part_id=9), "part_id is 9"),
    "fire_enc of the body": (body(2, fire_enc=9), "fire_enc is 9"),
    "budget of the body": (body(2, budget_us=9), "budget_us is 9"),
    "budget below -1": (both(body(2, budget_us=-2), put(2, budget_us=-2)), "budget_us is -2"),
    "pass with reject": (flip(2, REJECT), "reject flag"),
    "reject without reject": (flip(3, REJECT), "reject flag"),
    "unknown without reject": (flip(6, REJECT), "reject flag"),
    "late flag alone": (flip(2, LATE), "late is False"),
    "late body alone": (body(7, late=True), "late is True"),
    "late but pass": (both(body(2, late=True), flip(2, LATE)), "late, but PASS"),
    "deadline not late": (both(body(6, late=False), flip(6, LATE)), "not late"),
    "bypass flag alone": (flip(2, BYPASS), "bypass is False"),
    "reason bypass alone": (body(2, reason="bypass"), "bypass is off"),
    "reject while bypass is on": (both(body(3, bypass=True), flip(3, BYPASS)), "bypass is on, but REJECT defect"),
    "ok while bypass is on": (both(body(2, bypass=True), flip(2, BYPASS)), "bypass is on, but PASS ok"),
    "bypass of a part not judged": (
        both(body(2, bypass=True, reason="bypass", score=None), flip(2, BYPASS)),
        "without being judged",
    ),
    "bypass not announced": (flip(4, BYPASS), "nobody announced bypass_on"),
    "bypass flag after its end": (
        both(flip(8, BYPASS), body(9, **BYPASS_ON | {"until_utc_us": 5})),
        "announced until 5",
    ),
    "bypass without a person": (body(9, **BYPASS_ON | {"by": ""}), "lacks who"),
    "bypass without an end": (body(9, **BYPASS_ON), "nobody announced bypass_off"),
    "bypass ends without why": (body(9, name="bypass_off"), "lacks who"),
    "simulated changes": (flip(3, SIMULATED), "simulated flag changed"),
    "seconds for microseconds": (put(2, t_utc_us=NOW_US // 1_000_000), "t_utc_us"),
    "nanoseconds": (put(2, t_utc_us=NOW_US * 1000), "t_utc_us"),
    "no json": (put(2, raw=b"{"), "body:"),
    "no object": (put(2, raw=b"[1]"), "not an object"),
    "not utf-8": (put(2, raw=b'{"a":"\xff"}'), "body:"),
    "nan": (raw(2, b'"score": 0.9', b'"score": NaN'), "NaN"),
    "infinity": (raw(2, b'"score": 0.9', b'"score": -Infinity'), "Infinity"),
    "number too large for a float": (raw(2, b'"score": 0.9', b'"score": 1e999'), "score is inf"),
    "large integer": (raw(2, b'"latency_us": 900', b'"latency_us": 9007199254740992'), "2^53"),
    "unknown verdict": (body(2, verdict="MAYBE"), "verdict is 'MAYBE'"),
    "unknown reason": (body(2, reason="fine"), "reason is 'fine'"),
    "reason of another verdict": (body(3, reason="model_error"), "does not belong"),
    "true for a number": (body(2, n_tiles=True), "n_tiles is True"),
    "one for true": (body(2, late=1), "late is 1"),
    "text for a number": (body(2, frame_id="1"), "frame_id is '1'"),
    "float for a whole number": (body(2, latency_us=1.5), "latency_us is 1.5"),
    "pass without a score": (body(2, score=None), "without being judged"),
    "pass without tiles": (body(2, n_tiles=0), "without being judged"),
    "ok with a defect tile": (body(2, n_defect_tiles=1), "ok with 1"),
    "defect without a tile": (body(3, n_defect_tiles=0), "defect with 0"),
    "more defect tiles than tiles": (body(3, n_defect_tiles=5), "more defect tiles"),
    "seq zero": (both(body(2, seq=0), put(2, seq=0)), "begin at 1"),
    "33 defects": (body(3, defects=[DEFECT] * 33), "33 defects"),
    "best first": (body(3, defects=[DEFECT, DEFECT | {"score": 0.9}]), "worst first"),
    "defect outside": (body(3, defects=[DEFECT | {"x": 60}]), "inside the frame"),
    "defect of no size": (body(3, defects=[DEFECT | {"h": 0}]), "inside the frame"),
    "defect lacks millimetres": (body(3, defects=[{k: v for k, v in DEFECT.items() if k != "x_mm"}]), "defect {"),
    "defect is a list": (body(3, defects=[[1, 2, 3, 4]]), "defect ["),
    "begins with seq 2": (drop(2), "gap"),
    "seq left out": (drop(3), "gap: head_seq 2 after seq 1"),
    "order": (swap(6), "out of order"),
    "twice": (again(3), "not marked replayed"),
    "twice with other content": (again(3, REPLAYED, score=0.8), "different content"),
    "part again": (both(put(3, part_id=101), body(3, part_id=101)), "two verdicts"),
    "part backwards": (both(put(3, part_id=50), body(3, part_id=50)), "part_id 50 after 101"),
    "conservation": (body(4, in_flight=1), "conservation"),
    "head is not the verdicts": (both(body(4, passes=2, in_flight=1)), "number of verdicts"),
    "totals of other verdicts": (body(4, passes=2, rejects=0), "totals"),
    "lates of other verdicts": (body(11, lates=0), "totals"),
    "verdict that no heartbeat counts": (drop(11), "last heartbeat"),
    "heartbeat behind": (swap(3), "gap"),
    "head in the header": (put(4, seq=3), "head_seq is 2"),
    "lease in the header": (put(4, part_id=0), "lease_ms is 1000"),
    "encoder in the header": (put(4, fire_enc=5), "enc_now is -1"),
    "ready flag of a heartbeat": (flip(4, READY), "ready is True"),
    "ready in a state that cannot be": (body(4, state="Preoperational"), "ready in state"),
    "unknown state": (body(4, state="Running"), "state is 'Running'"),
    "faults as text": (body(4, faults="model"), "faults is 'model'"),
    "trigger count falls": (both(body(1, triggers=9, in_flight=9)), "triggers went from 9"),
    "heartbeat marked replayed": (flip(4, REPLAYED), "hb: flags"),
    "budget in a heartbeat": (put(4, budget_us=5), "budget_us 5 in a hb"),
    "part in a state": (put(0, part_id=5), "state with part_id 5"),
    "state chain": (body(10, previous="Initialized"), "previous is Initialized"),
    "state of its own": (body(0, state="Idle"), "state is 'Idle'"),
    "severity": (body(9, severity="fatal"), "severity is 'fatal'"),
    "range missing": (lacks(9, "range"), "range None"),
    "range backwards": (body(9, range=[5, 4]), "range [5, 4]"),
    "counter falls": (swap(7), "never"),
    "counter falls back": (lambda rows: rows[8]["body"]["families"][0]["samples"][0].__setitem__(2, 1), "back to 1"),
    "buckets fall": (sample(5, 5), "not cumulative"),
    "count is not the last bucket": (sample(5, 2, "_count"), "not the last bucket"),
    "no infinite bucket": (lambda rows: rows[5]["body"]["families"][1]["samples"].pop(1), "bounds"),
    "bounds out of order": (lambda rows: rows[5]["body"]["families"][1]["samples"].reverse(), "bounds"),
    "bucket without le": (lambda rows: rows[5]["body"]["families"][1]["samples"][0][1].pop("le"), "without a bound"),
    "sample is an object": (lambda rows: rows[5]["body"]["families"][0].update(samples=[{"value": 1}]), "samples of"),
    "label is a number": (lambda rows: rows[5]["body"]["families"][0].update(samples=[["", {"a": 1}, 1]]), "samples"),
    "family twice": (lambda rows: rows[5]["body"]["families"].append(rows[5]["body"]["families"][0]), "twice"),
    "counter name": (lambda rows: rows[5]["body"]["families"][0].update(name="x"), "_total"),
    "family lacks help": (lambda rows: rows[5]["body"]["families"][0].pop("help"), "family {"),
    "not halted": (both(drop(11), drop(10)), "not Halted"),
    "in flight at the end": (body(11, in_flight=1, triggers=5), "in_flight 1"),
    "ready at the end": (both(body(11, ready=True, state="Ready"), flip(11, READY)), "ready True"),
    "former epoch": (lambda rows: rows.insert(3, rows[2] | {"epoch": 8}), "epoch"),
}
del BROKEN["counter falls"]  # metrics 5 and 8 are not neighbours: see `counter falls back`


def test_a_good_transcript_has_no_violation() -> None:
    assert check(good(), drained=True) == []


@pytest.mark.parametrize("name", BROKEN)
def test_every_broken_rule_is_found(name: str) -> None:
    change, said = BROKEN[name]
    rows = good()
    change(rows)

    found = check(rows, drained=True)

    assert any(said in violation for violation in found), found


@pytest.mark.parametrize(
    ("at", "key"),
    [(at, key) for at in (0, 2, 4, 5, 9) for key in good()[at]["body"] if (at, key) not in {(5, "v"), (9, "range")}],
)
def test_every_missing_key_is_found(at: int, key: str) -> None:
    rows = good()
    del rows[at]["body"][key]

    assert any(f"{key} is missing" in violation for violation in check(rows))


def test_nothing_heard_is_not_clean() -> None:
    assert check([]) == ["end: nothing was heard"]


def test_the_same_verdict_marked_replayed_is_clean() -> None:
    rows = good()
    again(3, REPLAYED)(rows)

    assert check(rows, drained=True) == []


def test_a_verdict_that_was_only_heard_replayed_is_clean() -> None:
    rows = good()
    flip(3, REPLAYED)(rows)

    assert check(rows, drained=True) == []


def test_a_break_of_the_connection_allows_one_gap_and_no_more() -> None:
    rows = good()
    rows[3:4] = [{"link": "down", "endpoint": "signals"}, {"link": "up", "endpoint": "signals"}]

    one_gap = check(rows, drained=True)
    del rows[8]
    two_gaps = check(rows, drained=True)

    assert one_gap == []
    assert any("gap" in violation for violation in two_gaps)


def test_a_break_of_telemetry_allows_no_gap_of_verdicts() -> None:
    rows = good()
    rows[3:4] = [{"link": "down", "endpoint": "telemetry"}]

    assert any("gap" in violation for violation in check(rows))


def test_a_late_comer_may_miss_the_beginning() -> None:
    rows = good()[3:]

    assert check(rows, joined_late=True, drained=True) == []
    assert any("gap" in violation for violation in check(rows))


def test_a_new_epoch_counts_from_one_again_with_higher_parts() -> None:
    rows = good()
    later = [verdict(1, 200, epoch=8) | {"epoch": 8}, verdict(2, 201, epoch=8) | {"epoch": 8}]

    assert check(rows + later) == []
    assert any("part_id 104" in violation for violation in check([*rows, verdict(1, 104, epoch=8) | {"epoch": 8}]))


def test_bypass_that_is_announced_flagged_and_ended_is_clean() -> None:
    rows = good()
    both(body(2, bypass=True, reason="bypass", n_defect_tiles=1), flip(2, BYPASS), flip(4, BYPASS))(rows)
    both(body(6, bypass=True), flip(6, BYPASS))(rows)  # late stays UNKNOWN
    rows.insert(5, telemetry("event", severity="warning", detail="d", **BYPASS_ON))
    rows.insert(10, telemetry("event", severity="info", detail="d", name="bypass_off", why="time"))

    assert check(rows, drained=True) == []
