"""The gate acts where the part is: the place that a verdict names does not depend on how long the verdict took."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulated_line import COUNTS_PER_MM, MODULUS, STEP_MM, SimulatedLine

from edge_inspector.simulator.build import find_compiler

if find_compiler() is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

GATE = {"distance_mm": 400.0, "lead_ms": 20.0, "speed_mm_s": 250.0, "window_mm": 12.0}


def test_each_verdict_names_the_same_way_from_its_trigger_to_the_gate(tmp_path: Path) -> None:
    with SimulatedLine(tmp_path, gate=GATE) as line:
        line.fire(3)
        line.camera.jump_encoder(10_000_000)
        line.fire(4)
        bodies = line.verdicts(7)
        heads = [message.head for message in line.witness.messages("verdict")]

        known = [body for body in bodies if body["enc_trigger"] >= 0 and body["reason"] != "encoder"]
        assert len(known) >= 4
        way = {(body["fire_enc"] - body["enc_trigger"]) % MODULUS for body in known}
        assert way == {round((400.0 - 5.0) * COUNTS_PER_MM)}
        assert {body["fire_window_enc"] for body in known} == {round(12.0 * COUNTS_PER_MM)}
        assert [head.fire_enc for head in heads] == [body["fire_enc"] for body in bodies]
        # 400 mm at 250 mm/s less 20 ms; each verdict has that much less what it took itself.
        assert all(0 < body["budget_us"] + body["latency_us"] <= 1_580_000 for body in known)
        assert min(body["budget_us"] + body["latency_us"] for body in known) > 1_579_000
        assert known[1]["fire_enc"] - known[0]["fire_enc"] == STEP_MM * COUNTS_PER_MM
        assert line.line.stop() == 0
