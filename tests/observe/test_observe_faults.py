"""Why the line is not ready, in the numbers."""

from __future__ import annotations

from metrics_samples import make, value

from edge_inspector.observe.fault_metrics import FAULTS
from edge_inspector.run.memory import CameraStatus
from edge_inspector.run.readiness import CameraSituation, Situation, assess


def test_each_fault_is_a_series_that_is_1_while_it_is_there() -> None:
    registry, metrics = make()

    metrics.faults.set(["camera", "image_health"])
    there = {fault for fault in FAULTS if value(registry, "fault", fault=fault) == 1}
    metrics.faults.set([])
    after = {fault for fault in FAULTS if value(registry, "fault", fault=fault) == 0}

    assert (there, after) == ({"camera", "image_health"}, set(FAULTS))


def test_a_fault_that_is_not_listed_is_another_one() -> None:
    registry, metrics = make()

    metrics.faults.set(["a-newer-one"])

    assert value(registry, "fault", fault="other") == 1
    assert value(registry, "fault", fault="a-newer-one") is None


def test_every_fault_that_readiness_knows_is_listed() -> None:
    cameras = (CameraSituation(CameraStatus.DOWN, 0), CameraSituation(CameraStatus.ARMED, 10**12))
    worst = Situation(
        is_model_proven=False,
        is_recovering=True,
        has_numbers=False,
        cameras=cameras,
        has_parts=True,
        is_halting=False,
        is_drained=False,
        has_image_fault=True,
        is_in_step=False,
        has_journal=False,
        is_guarded=False,
    )

    faults = assess(worst).faults

    assert set(faults) == set(FAULTS) - {"starting", "no_heartbeat"}
