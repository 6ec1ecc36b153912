from __future__ import annotations

import dataclasses

import pytest

from edge_inspector.core.verdict import LineState
from edge_inspector.run.memory import CameraStatus
from edge_inspector.run.readiness import CAMERA_STALL_NS, CameraSituation, Situation, assess

GOOD = Situation(
    is_model_proven=True,
    is_recovering=False,
    has_numbers=True,
    cameras=(CameraSituation(CameraStatus.ARMED, 0),),
    has_parts=True,
    is_halting=False,
    is_drained=False,
)


def test_a_proven_model_and_an_armed_camera_are_ready() -> None:
    assert assess(GOOD).is_ready
    assert assess(GOOD).state is LineState.CONTINUOUS_EXECUTION
    assert assess(dataclasses.replace(GOOD, has_parts=False)).state is LineState.READY


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"is_model_proven": False}, "model"),
        ({"is_recovering": True}, "recovering"),
        ({"has_numbers": False}, "part_numbers"),
        ({"cameras": (CameraSituation(CameraStatus.DOWN, 0),)}, "camera"),
        ({"cameras": (CameraSituation(CameraStatus.ARMED, CAMERA_STALL_NS + 1),)}, "camera_stalled"),
        ({"has_image_fault": True}, "image_health"),
        ({"is_guarded": False}, "authenticator"),
    ],
)
def test_each_fault_alone_takes_readiness_away_and_is_named(change: dict[str, object], fault: str) -> None:
    found = assess(dataclasses.replace(GOOD, **change))  # type: ignore[arg-type]

    assert (found.is_ready, found.state, found.faults) == (False, LineState.PREOPERATIONAL, (fault,))


def test_a_line_that_is_not_in_step_again_after_a_loss_is_able_but_not_ready() -> None:
    found = assess(dataclasses.replace(GOOD, cameras=(CameraSituation(CameraStatus.RESYNCING, 0),)))

    assert (found.is_ready, found.state, found.faults) == (False, LineState.INITIALIZED, ("resync",))


def test_a_line_out_of_step_with_another_fault_is_not_even_able() -> None:
    found = assess(
        dataclasses.replace(GOOD, cameras=(CameraSituation(CameraStatus.RESYNCING, 0),), is_model_proven=False)
    )

    assert (found.is_ready, found.state, found.faults) == (False, LineState.PREOPERATIONAL, ("model", "resync"))


@pytest.mark.parametrize("is_drained", [True, False])
def test_a_halting_line_is_never_ready(is_drained: bool) -> None:
    found = assess(dataclasses.replace(GOOD, is_halting=True, is_drained=is_drained))

    assert not found.is_ready
    assert (found.state is LineState.HALTED) == is_drained


def test_a_source_that_has_ended_is_not_ready() -> None:
    assert not assess(dataclasses.replace(GOOD, cameras=(CameraSituation(CameraStatus.ENDED, 0),))).is_ready
