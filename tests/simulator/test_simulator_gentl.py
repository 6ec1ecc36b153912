"""The producer as a GenTL library: all symbols, and no call that can crash it."""

from __future__ import annotations

from typing import Any

import sim_gentl
from fakes.alone import run_alone
from sim_child import MakeControls, require_compiler

require_compiler()

OK, IN_USE, INVALID_HANDLE, INVALID_ID, INVALID_PARAMETER = 0, -1004, -1006, -1007, -1009
NOT_INITIALIZED, NOT_IMPLEMENTED, TIMEOUT, ABORT, BUSY = -1002, -1003, -1011, -1012, -1022


def test_all_64_functions_are_there(cti: str, make_controls: MakeControls) -> None:
    assert len(sim_gentl.FUNCTIONS) == 64
    assert run_alone(sim_gentl.symbols, cti, environment=make_controls().environment()) == []


def test_before_init_nothing_works_and_says_so(cti: str, make_controls: MakeControls) -> None:
    assert run_alone(sim_gentl.before_init, cti, environment=make_controls().environment()) == []


def test_null_garbage_foreign_and_stale_handles_are_refused(cti: str, make_controls: MakeControls) -> None:
    assert run_alone(sim_gentl.wrong_handles, cti, environment=make_controls().environment()) == []


def test_without_a_place_for_the_answer_no_function_crashes(cti: str, make_controls: MakeControls) -> None:
    got: Any = run_alone(sim_gentl.no_places, cti, environment=make_controls().environment())

    may_be_null = {"DSRevokeBuffer", "TLUpdateInterfaceList", "IFUpdateDeviceList"}
    assert {name for name, error in got.items() if error == OK} == may_be_null
    assert len(got) > 40


def test_every_info_command_is_answered_or_refused(cti: str, make_controls: MakeControls) -> None:
    assert run_alone(sim_gentl.every_command, cti, environment=make_controls().environment()) == 15 * 42


def test_calls_in_a_wrong_order_have_their_errors(cti: str, make_controls: MakeControls) -> None:
    got = run_alone(sim_gentl.life, cti, environment=make_controls().environment())

    opening = [IN_USE, IN_USE, IN_USE, INVALID_ID, IN_USE, INVALID_ID, IN_USE]
    events = [IN_USE, NOT_IMPLEMENTED, TIMEOUT]
    buffers = [OK, IN_USE, BUSY, INVALID_PARAMETER, OK]
    ending = [OK, ABORT, OK, INVALID_HANDLE, OK, INVALID_PARAMETER, OK, OK, NOT_INITIALIZED]
    assert got == opening + events + buffers + ending
