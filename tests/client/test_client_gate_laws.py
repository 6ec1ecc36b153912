"""The gate's laws over chance: it never releases a part without a live PASS of exactly that part."""

from __future__ import annotations

import pytest
from gate_world import COUNTS_PER_US, Trouble, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_inspector.client.gate_settings import GateSettings

TRAVEL_US = 120_000
ENC = round(TRAVEL_US * COUNTS_PER_US)

BY_TIME = GateSettings(window=4_000, travel=TRAVEL_US, ahead=5_000)
BY_TIME_THEN_ENCODER = GateSettings(window=4_000, travel_by="encoder", travel=ENC, ahead=60)
BY_ENCODER = GateSettings(match="encoder", window=40, travel_by="encoder", travel=ENC, ahead=60)
AT_THE_GATE = GateSettings(window=4_000, offset_us=100_000, travel=12_000, ahead=10_000)
BY_DEADLINE = GateSettings(
    window=4_000, expect_from="deadline", offset_us=-20_000, travel=12_000, ahead=10_000, margin_us=500
)

GATES = {
    "sensor at the camera, constant speed": (BY_TIME, {}),
    "sensor at the camera, own encoder": (BY_TIME_THEN_ENCODER, {}),
    "two encoders": (BY_ENCODER, {}),
    "two encoders, fire_enc": (BY_ENCODER, {"fire_counts": ENC}),
    "sensor at the gate": (AT_THE_GATE, {"sensor_us": 100_000}),
    "sensor at the gate, by the deadline": (BY_DEADLINE, {"sensor_us": 100_000, "budget_us": 120_000}),
    "sensor at the camera, with a deadline": (BY_TIME, {"budget_us": 125_000}),
}
CONSTANT = {name for name, (gate, _) in GATES.items() if gate.travel_by == "time"}
"""These are for a constant speed of the belt."""

shares = st.sampled_from([0.0, 0.01, 0.1])
troubles = st.builds(
    Trouble,
    drop=shares,
    replayed=shares,
    twice=shares,
    stall_ms=st.sampled_from([0, 50, 400]),
    lag_ms=st.sampled_from([0, 50, 300]),
    speed=st.sampled_from([0.0, 0.3]),
    kills=st.sampled_from([0.0, 0.03]),
    not_ready=st.sampled_from([0.0, 0.03]),
    new_epoch=st.sampled_from([0.0, 0.03]),
    utc_jumps=st.sampled_from([0.0, 0.01]),
    enc_reset=st.sampled_from([0.0, 0.02]),
    missed=shares,
    blind=shares,
    bounce=shares,
)


@pytest.mark.parametrize("name", GATES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), trouble=troubles)
def test_no_part_is_released_without_a_live_pass_of_its_own(name: str, seed: int, trouble: Trouble) -> None:
    gate, options = GATES[name]
    if name in CONSTANT:
        trouble = Trouble(**{**trouble.__dict__, "speed": 0.0})

    assert World(seed, trouble, gate, **options).run().wrong() == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", GATES)
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), trouble=troubles)
def test_nor_is_any_in_a_long_run(name: str, seed: int, trouble: Trouble) -> None:
    gate, options = GATES[name]
    if name in CONSTANT:
        trouble = Trouble(**{**trouble.__dict__, "speed": 0.0})

    assert World(seed, trouble, gate, **options).run().wrong() == []


@pytest.mark.parametrize("name", GATES)
def test_on_a_quiet_day_good_parts_pass(name: str) -> None:
    gate, options = GATES[name]
    world = World(3, Trouble(), gate, parts=200, **options).run()

    assert world.wrong() == []
    assert world.good_released > 0.9  # 2 % are judged UNKNOWN, and what comes before arming is rejected
