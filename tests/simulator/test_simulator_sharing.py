"""Cameras shared by processes, several cameras of one line, and control channels that hang."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import sim_sharing
from fakes.alone import answer_of, run_alone, start_alone
from sim_child import MakeControls, require_compiler

from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
from edge_inspector.simulator.controls import Controls
from edge_inspector.simulator.faults import Fault
from edge_inspector.simulator.waiting import wait_until

require_compiler()

FREE, BUSY = 1, 4
LONG_MS = 60_000  # longer than any test


def held(cti: str, controls: Controls) -> Any:
    """A process that has the camera."""
    process = start_alone(sim_sharing.hold, cti, environment=controls.environment())
    wait_until(lambda: controls.camera.holder_pid == process.pid, "the child has the camera")
    return process


def test_a_camera_that_another_process_has_is_denied_until_it_lets_go(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((CameraConfig(linger_ms=LONG_MS),)))
    holder = held(cti, controls)

    during = run_alone(sim_sharing.try_to_open, cti, environment=controls.environment())
    assert answer_of(holder) == "closed"
    after = run_alone(sim_sharing.try_to_open, cti, environment=controls.environment())

    assert during == {"status": BUSY, "error": "AccessDeniedException"}
    assert after == {"status": FREE, "error": ""}  # closed properly: nothing lingers


@pytest.mark.parametrize(
    ("linger_ms", "expected"),
    [(LONG_MS, {"status": BUSY, "error": "AccessDeniedException"}), (0, {"status": FREE, "error": ""})],
)
def test_after_a_kill_access_lingers_as_long_as_the_heartbeat_timeout(
    cti: str, make_controls: MakeControls, linger_ms: int, expected: dict[str, object]
) -> None:
    controls = make_controls(SimulationConfig((CameraConfig(linger_ms=linger_ms),)))
    holder = held(cti, controls)

    holder.send_signal(signal.SIGKILL)
    holder.communicate()

    assert run_alone(sim_sharing.try_to_open, cti, environment=controls.environment()) == expected


def test_a_lingering_camera_becomes_free_by_itself(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((CameraConfig(linger_ms=1500),)))
    holder = held(cti, controls)
    waiting = start_alone(sim_sharing.open_when_free, cti, environment=controls.environment())

    holder.send_signal(signal.SIGKILL)
    holder.communicate()

    assert answer_of(waiting) in (["AccessDeniedException"], [])  # a slow start may find it free already
    assert controls.camera.truth.opened == 2


def test_cameras_on_one_conveyor_see_the_same_parts(cti: str, make_controls: MakeControls) -> None:
    cameras = tuple(CameraConfig(f"S{i}", width=32, height=8, stamped=True) for i in range(3))
    controls = make_controls(SimulationConfig(cameras))
    children = [
        start_alone(sim_sharing.one_of_several, cti, i, 5, environment=controls.environment()) for i in range(3)
    ]
    wait_until(lambda: all(camera.is_acquiring for camera in controls.cameras), "all cameras are armed")

    for part in range(1, 6):
        controls.conveyor.fire()
        wait_until(lambda part=part: all(c.truth.edges == part for c in controls.cameras), "all saw the part")

    for i, child in enumerate(children):
        assert answer_of(child) == [[part, part - 1, i] for part in range(1, 6)]


def test_cameras_on_conveyors_of_their_own_see_their_own_parts(cti: str, make_controls: MakeControls) -> None:
    cameras = tuple(CameraConfig(f"S{i}", conveyor=i, width=32, height=8, stamped=True) for i in range(2))
    controls = make_controls(SimulationConfig(cameras, (ConveyorConfig(), ConveyorConfig())))
    child = start_alone(sim_sharing.one_of_several, cti, 1, 2, environment=controls.environment())
    wait_until(lambda: controls.cameras[1].is_acquiring, "it is armed")

    controls.conveyors[0].fire(5)
    for part in (1, 2):
        controls.conveyors[1].fire()
        wait_until(lambda part=part: controls.cameras[1].truth.edges == part, "it saw the part")

    assert answer_of(child) == [[1, 0, 1], [2, 1, 1]]
    assert [conveyor.edges for conveyor in controls.conveyors] == [5, 2, 0, 0]


def test_two_cameras_run_in_one_process(cti: str, make_controls: MakeControls) -> None:
    cameras = tuple(CameraConfig(f"S{i}", width=32, height=8, stamped=True) for i in range(2))
    controls = make_controls(SimulationConfig(cameras))

    got = run_alone(sim_sharing.two_in_one_process, cti, environment=controls.environment())

    assert got == [[part, part - 1, camera] for part in (1, 2, 3) for camera in (0, 1)]


def test_a_hung_control_channel_holds_its_caller_until_it_is_mended(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls()
    child = start_alone(sim_sharing.hold, cti, environment=controls.environment())
    wait_until(lambda: controls.camera.holder_pid == child.pid, "the child has the camera")
    assert answer_of(child) == "closed"
    controls.camera.fail(Fault.HUNG_CONTROL, every=1)
    hanging = start_alone(sim_sharing.hang, cti, environment=controls.environment())
    wait_until(lambda: controls.camera.holder_pid == hanging.pid, "it was opened")

    assert hanging.poll() is None
    controls.camera.mend(Fault.HUNG_CONTROL)

    assert answer_of(hanging) == "41.5"


def test_a_patient_camera_loses_nothing_for_want_of_buffers(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((CameraConfig(width=64, height=16, patient=True),)))

    assert run_alone(sim_sharing.patient, cti, 500, environment=controls.environment()) == [True, True]
    assert controls.camera.truth.underruns == 0
    assert controls.camera.truth.exposed >= 500


def test_a_camera_is_opened_and_closed_many_times(cti: str, make_controls: MakeControls) -> None:
    controls = make_controls(SimulationConfig((CameraConfig(width=64, height=16),)))

    assert run_alone(sim_sharing.reconnect, cti, 10, environment=controls.environment()) == 10
    assert controls.camera.truth.opened == 10
    assert controls.camera.holder_pid == 0


def test_without_a_control_file_there_is_one_camera(cti: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "EDGE_INSPECTOR_SIMULATOR"}

    assert run_alone(sim_sharing.try_to_open, cti, environment=environment) == {"status": FREE, "error": ""}
