"""Each fault, as a consumer sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sim_faults
from fakes.alone import run_alone
from sim_child import MakeControls, require_compiler

from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.controls import Controls
from edge_inspector.simulator.faults import LEVELS, Fault

require_compiler()

SMALL = CameraConfig(width=32, height=8, stamped=True, padding_bytes=4)
ALL = [1, 2, 3, 4, 5, 6]


@pytest.fixture(scope="module")
def seen(cti: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the consumer saw of each fault."""
    controls = Controls.create(tmp_path_factory.mktemp("faults") / "control", SimulationConfig((SMALL,)))
    return run_alone(sim_faults.tour, cti, environment=controls.environment())


def parts_and_ids(frames: Any) -> tuple[list[int], list[int]]:
    return [frame["part"] for frame in frames], [frame["id"] for frame in frames]


@pytest.mark.parametrize(
    ("fault", "parts", "ids"),
    [
        (Fault.DROP, [1, 2, 4, 5, 6], [0, 1, 3, 4, 5]),
        (Fault.DUPLICATE_ID, ALL, [0, 1, 1, 2, 3, 4]),
        (Fault.REPEATED, [1, 2, 3, 3, 4, 5, 6], [0, 1, 2, 2, 3, 4, 5]),
        (Fault.OUT_OF_ORDER, [1, 2, 4, 3, 5, 6], [0, 1, 3, 2, 4, 5]),
        (Fault.MISSED_TRIGGER, [1, 2, 4, 5, 6], [0, 1, 2, 3, 4]),
        (Fault.OVER_TRIGGER, [1, 2, 4, 5, 6], [0, 1, 2, 3, 4]),
        (Fault.EXTRA_FRAME, [1, 2, 3, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_fault_of_identity_shows_in_parts_and_frame_ids(
    seen: Any, fault: Fault, parts: list[int], ids: list[int]
) -> None:
    assert parts_and_ids(seen[fault.name]) == (parts, ids)
    assert [frame["stamp"][0] for frame in seen[fault.name]] == parts
    assert [frame["stamp"][1] for frame in seen[fault.name]] == ids


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (Fault.INCOMPLETE, {"is_complete": False, "rows": 6, "filled": 192, "wh": [32, 8]}),
        (Fault.TRUNCATED, {"is_complete": True, "rows": 4, "wh": [32, 8]}),
        (Fault.PADDED, {"padding": 4, "is_complete": True, "wh": [32, 8]}),
        (Fault.WRONG_SIZE, {"wh": [32, 4], "rows": 4, "is_complete": True}),
        (Fault.LARGER, {"is_larger": True}),
        (Fault.MISSING_CHUNK, {"chunks": {}, "is_complete": True}),
        (Fault.UNKNOWN_FORMAT, {"format": 0x81080001, "is_complete": True}),
    ],
)
def test_a_fault_of_content_shows_in_that_buffer_alone(seen: Any, fault: Fault, shown: dict[str, Any]) -> None:
    frames = seen[fault.name]
    good = {"is_complete": True, "rows": 8, "wh": [32, 8], "padding": 0, "is_larger": False, "format": 0x01080001}

    assert {name: frames[2][name] for name in shown} == shown
    assert [frame["id"] for frame in frames] == [0, 1, 2, 3, 4, 5]
    for frame in frames[:2] + frames[3:]:
        assert {name: frame[name] for name in good} == good
        assert len(frame["chunks"]) == 6


def test_every_fault_of_a_frame_is_on_the_tour() -> None:
    accesses = {Fault.PORT_ERROR, Fault.SLOW_CONTROL, Fault.START_FAILURE, Fault.STOP_FAILURE}

    assert set(sim_faults.ONE_FRAME) == set(Fault) - accesses - LEVELS


def test_a_fault_may_come_again_and_again(cti: str, make_controls: MakeControls) -> None:
    assert run_alone(sim_faults.every_second, cti, environment=make_controls().environment()) == [0, 2, 4, 6, 8]


def test_one_chunk_may_be_missing_alone(cti: str, make_controls: MakeControls) -> None:
    chunks = run_alone(sim_faults.without_one_chunk, cti, environment=make_controls().environment())

    assert chunks == ["EncoderValue", "ExposureTime", "FrameID", "LineStatusAll", "Timestamp"]


def test_16_bit_frame_ids_leave_zero_out(cti: str, make_controls: MakeControls) -> None:
    camera = CameraConfig(first_frame_id=65533, frame_id_bits=16)
    controls = make_controls(SimulationConfig((camera,), tl_type="GEV"))

    ids = run_alone(sim_faults.wrapping_ids, cti, 5, environment=controls.environment())

    assert ids == [65533, 65534, 65535, 1, 2]


def test_faults_of_the_control_channel_are_errors_and_pass(cti: str, make_controls: MakeControls) -> None:
    got: Any = run_alone(sim_faults.control_channel, cti, environment=make_controls().environment())

    slow = got["fired"].pop("SLOW_CONTROL")
    assert slow >= 1
    assert got == {
        "port": "IoException",
        "port_value": "TimeoutException",
        "slow": "",
        "start": "IoException",
        "frames": 3,
        "stalled": 0,
        "after_stall": 3,
        "stop": "",  # Harvesters logs it and goes on
        "fired": {"PORT_ERROR": 2, "START_FAILURE": 1, "STOP_FAILURE": 1},
    }


def test_a_lost_camera_is_not_reachable_and_must_be_opened_anew(cti: str, make_controls: MakeControls) -> None:
    got: Any = run_alone(sim_faults.lost_and_back, cti, environment=make_controls().environment())

    assert got == {
        "before": 5,
        "lost": 3,
        "node": "IoException",
        "old_handle": [3, "IoException"],
        "width": 640,  # back at its default, as after a loss of power
        "frame": True,
        "reset": 3,
    }


def test_clock_and_encoder_jump_reverse_reset_and_wrap(cti: str, make_controls: MakeControls) -> None:
    camera = CameraConfig(encoder_modulus=4096)
    controls = make_controls(SimulationConfig((camera,)))

    got: Any = run_alone(sim_faults.clocks, cti, environment=controls.environment())

    # 1000 counts per part; 4096 counts and the encoder begins again.
    assert [frame["encoder"] for frame in got] == [1000, 2000, 3500, 2500, 3096, 1896]
    assert 10**12 < got[1]["ns"] - got[0]["ns"] < 10**12 + 10**10


def test_harvesters_fetch_does_not_know_a_vendors_format(cti: str, make_controls: MakeControls) -> None:
    assert run_alone(sim_faults.fetch_vendor_format, cti, environment=make_controls().environment()) == "KeyError"


def test_a_control_file_of_another_version_is_refused(tmp_path: Path) -> None:
    controls = Controls.create(tmp_path / "control")
    controls._state.version = 1

    with pytest.raises(ValueError, match="no control file of version 2"):
        Controls(controls.path)


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ({"width": 30}, "width 30"),
        ({"height": 0}, "height 0"),
        ({"pixel_format": "Mono9"}, "'Mono9'"),
        ({"conveyor": 1}, "conveyor 1"),
        ({"serial": "x" * 32}, "longer than 31 bytes"),
        ({"pictures": Path("x" * 512)}, "longer than 511 bytes"),
    ],
)
def test_what_cannot_be_simulated_is_refused(tmp_path: Path, camera: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Controls.create(tmp_path / "control", SimulationConfig((CameraConfig(**camera),)))


@pytest.mark.parametrize("n", [0, 5])
def test_there_are_one_to_four_cameras(tmp_path: Path, n: int) -> None:
    with pytest.raises(ValueError, match="1 to 4 cameras"):
        Controls.create(tmp_path / "control", SimulationConfig((CameraConfig(),) * n))
