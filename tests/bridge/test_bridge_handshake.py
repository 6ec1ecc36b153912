"""The order of the registers, in a time of its own."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.plc import (
    BUSY,
    FAIL_SAFE,
    FAULT,
    NONE,
    OVERFLOW,
    PASS,
    REJECT,
    RESULT_ACK,
    TOGGLE,
    TRIGGER_READY,
    VALID,
    Seen,
)
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.bridge.handshake import Handshake, Result
from edge_inspector.bridge.registers import REGISTERS, FaultCode, ResultCode, StatusBit, fill

MS = 1000


def result(part_id: int, code: ResultCode = ResultCode.PASS, deadline_us: int | None = None, **body: Any) -> Result:
    return Result(code, 32, 7, part_id, part_id, 0, deadline_us, -1, {"reason": "ok", "score": 0.25} | body)


def well(capacity: int = 8) -> Handshake:
    handshake = Handshake(capacity)
    handshake.line(FaultCode.NONE, "Ready", False, StatusBit(0))
    return handshake


def look(handshake: Handshake, now_us: int = 0) -> Seen:
    seen = Seen(handshake.read(now_us))
    handshake.was_read()
    return seen


def test_before_the_line_was_heard_everything_says_reject() -> None:
    seen = look(Handshake(8))

    assert seen.code == FAIL_SAFE
    assert seen.status & (FAULT | TRIGGER_READY | VALID) == FAULT


def test_a_result_is_complete_before_it_is_valid_and_the_toggle_changes_with_it() -> None:
    handshake = well()
    before = look(handshake)
    handshake.put(result(11))
    first = look(handshake)

    assert (before.has(VALID), before.has(TOGGLE), before.code) == (False, False, NONE)
    assert (first.has(VALID), first.has(TOGGLE), first.code, first.id, first.part_id) == (True, True, PASS, 1, 11)


def test_a_result_stays_as_it_is_until_it_is_acknowledged() -> None:
    handshake = well()
    for part_id in (11, 12):
        handshake.put(result(part_id))

    assert {(look(handshake).id, look(handshake).part_id) for _ in range(5)} == {(1, 11)}


def test_after_the_acknowledgement_the_plc_sees_not_valid_before_the_next_is() -> None:
    handshake = well()
    for part_id, code in ((11, ResultCode.PASS), (12, ResultCode.REJECT)):
        handshake.put(result(part_id, code))
    first = look(handshake)
    handshake.write_ack(first.id, 0)
    low, second = look(handshake), look(handshake)

    assert (low.has(VALID), low.code, low.has(TOGGLE)) == (False, NONE, True)
    assert (second.has(VALID), second.code, second.has(TOGGLE), second.part_id) == (True, REJECT, False, 12)


def test_writing_0_after_the_acknowledgement_is_as_good_as_reading() -> None:
    handshake = well()
    for part_id in (11, 12):
        handshake.put(result(part_id))
    look(handshake)
    handshake.write_ack(1, 0)
    handshake.write_ack(0, 0)

    assert Seen(handshake.read(0)).part_id == 12


@pytest.mark.parametrize("number", [2, 65535, 7])
def test_another_number_acknowledges_nothing_and_is_counted(number: int) -> None:
    handshake = well()
    handshake.put(result(11))
    look(handshake)
    handshake.write_ack(number, 0)

    assert look(handshake).has(VALID)
    assert handshake.wrong_acks == 1


def test_an_old_number_written_in_every_cycle_is_no_mistake_and_takes_nothing() -> None:
    handshake = well()
    for part_id in (11, 12):
        handshake.put(result(part_id))
    look(handshake)
    for _ in range(5):
        handshake.write_ack(1, 0)
        second = look(handshake)

    assert (second.has(VALID), second.part_id, handshake.wrong_acks) == (True, 12, 0)


def test_a_full_queue_drops_the_oldest_and_says_so() -> None:
    handshake = well(capacity=2)
    for part_id in (11, 12, 13, 14):
        handshake.put(result(part_id))
        if part_id == 11:
            look(handshake)
    full = look(handshake)
    handshake.write_ack(full.id, 0)
    look(handshake)
    then = look(handshake)

    assert (full.part_id, full.has(OVERFLOW), full.has(TRIGGER_READY), full.words[28:30]) == (11, True, False, [2, 1])
    assert (then.part_id, then.has(OVERFLOW)) == (13, False)


def test_a_result_whose_deadline_passes_is_withdrawn_and_counted() -> None:
    handshake = well()
    handshake.put(result(11, deadline_us=5 * MS))
    handshake.put(result(12, deadline_us=6 * MS))
    handshake.put(result(13))
    first = look(handshake, 4 * MS)
    gone = look(handshake, 7 * MS)
    third = look(handshake, 8 * MS)

    assert (first.part_id, first.words[17]) == (11, 1)
    assert (gone.has(VALID), gone.code, gone.words[30]) == (False, NONE, 2)
    assert (third.part_id, third.words[17]) == (13, 65535)


def test_an_acknowledgement_after_the_deadline_takes_nothing() -> None:
    handshake = well()
    handshake.put(result(11, deadline_us=5 * MS))
    look(handshake)
    handshake.write_ack(1, 6 * MS)

    assert (handshake.taken, handshake.expired) == (None, 1)


def test_a_lost_line_shows_the_fail_safe_value_and_throws_everything_away() -> None:
    handshake = well()
    for part_id in (11, 12):
        handshake.put(result(part_id))
    look(handshake)
    handshake.line(FaultCode.NO_HEARTBEAT, "Ready", True, StatusBit(0))
    handshake.put(result(13))
    lost = look(handshake)
    handshake.line(FaultCode.NONE, "Ready", False, StatusBit(0))
    again = look(handshake)

    assert lost.status & (FAULT | VALID | TRIGGER_READY | BUSY) == FAULT | BUSY
    assert (lost.code, lost.fault, lost.words[31]) == (FAIL_SAFE, 2, 3)
    assert (again.code, again.has(VALID), again.has(FAULT)) == (NONE, False, False)


def test_the_age_is_counted_on() -> None:
    handshake = well()
    handshake.put(result(11))

    assert [look(handshake, ms * MS).words[16] for ms in (0, 20, 100_000)] == [0, 20, 65534]


def test_the_heartbeat_counts_and_wraps() -> None:
    seen = [look(well(), n * 100_000) for n in (0, 1, 65535, 65536)]

    assert [each.words[2] for each in seen] == [0, 1, 65535, 0]
    assert [bool(each.status & 32) for each in seen] == [False, True, True, False]


def test_numbers_wrap_past_0() -> None:
    handshake = well()
    handshake._id = 65534
    ids = []
    for part_id in (1, 2, 3):
        handshake.put(result(part_id))
        seen = look(handshake)
        ids.append(seen.id)
        handshake.write_ack(seen.id, 0)
        look(handshake)

    assert ids == [65535, 1, 2]


def test_wide_and_negative_values_are_whole() -> None:
    seen = Seen(fill({"ResultPartId": (5 << 32) + 0x12345678, "ResultFireEnc": -1, "ResultEncTrigger": -70_000}))

    assert seen.wide(10) == 0x12345678
    assert (seen.wide(20), seen.wide(18)) == (-1, -70_000)


def test_no_two_registers_share_a_word() -> None:
    words = [register.address + i for register in REGISTERS for i in range(register.words)]

    assert len(words) == len(set(words))
    assert max(words) == RESULT_ACK


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["ok", "because", [], [None], [{"x": "a"}], [{"x": -5, "y": 2**70}]]),
)


@given(st.dictionaries(st.sampled_from(["score", "defects", "reason", "enc_trigger", "enc_gen"]), values))
def test_any_body_fits_into_the_registers(body: dict[str, Any]) -> None:
    handshake = well()
    handshake.put(result(11, **body))

    assert all(0 <= word <= 65535 for word in handshake.read(0))


@given(st.lists(st.sampled_from(["put", "read", "ack", "ack 0", "wrong", "fault", "well", "later"]), max_size=80))
def test_no_result_is_taken_twice_or_for_another_and_all_are_accounted_for(steps: list[str]) -> None:
    handshake, now, part_id, taken, shown = well(3), 0, 0, [], Seen([0] * 41)
    for step in steps:
        if step == "put":
            part_id += 1
            handshake.put(result(part_id, deadline_us=now + 50 * MS if part_id % 3 == 0 else None))
        elif step == "read":
            shown = look(handshake, now)
            assert shown.has(VALID) == (shown.code == PASS)
            assert not (shown.has(VALID) and shown.has(FAULT))
        elif step == "ack" and shown.has(VALID):
            before = handshake.taken
            handshake.write_ack(shown.id, now)
            if handshake.taken is not before:
                taken.append(shown.part_id)
                assert handshake.taken is not None
                assert handshake.taken.part_id == shown.part_id
        elif step == "ack 0":
            handshake.write_ack(0, now)
        elif step == "wrong":
            handshake.write_ack((shown.id + 7) % 65536, now)
        elif step in ("fault", "well"):
            code = FaultCode.NOT_READY if step == "fault" else FaultCode.NONE
            handshake.line(code, "Ready", False, StatusBit(0))
        else:
            now += 20 * MS

    waiting = handshake.read(now)
    present = bool(waiting[1] & VALID)
    assert taken == sorted(set(taken))
    lost = handshake.dropped + handshake.expired + handshake.discarded
    assert part_id == len(taken) + lost + waiting[28] + present
