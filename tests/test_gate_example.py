"""The gate of docs/how-to/connect-a-plc-or-gate.md is run: whatever is missing, it rejects."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.client.wire import Flag, Header

PAGE = (Path(__file__).parents[1] / "docs/how-to/connect-a-plc-or-gate.md").read_text("utf-8")
EPOCH = 7
LEASE_MS = 1000
LEAD_S, WINDOW_S = 0.05, 0.02
BUDGET_US = 100_000
AT_GATE_S = 0.15
"""From the receipt of a verdict to its part being at the gate: budget and lead."""


def source() -> str:
    found = re.search(r"<!-- gate-example: [^>]*-->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def new_gate(**options: Any) -> Any:
    names: dict[str, Any] = {"__name__": "gate"}
    exec(compile(source(), "gate.py", "exec"), names)
    return names["Gate"](LEAD_S, WINDOW_S, **options)


def message(kind: str, flags: Flag, seq: int, part_id: int, budget_us: int = -1, epoch: int = EPOCH) -> list[bytes]:
    header = Header(flags, epoch, seq, 0, part_id, budget_us=budget_us)
    return [b"insp.v1.l1." + kind.encode(), header.pack(), b"{}"]


def beat(flags: Flag = Flag.READY, seq: int = 0, epoch: int = EPOCH) -> list[bytes]:
    return message("hb", flags, seq, LEASE_MS, epoch=epoch)


def verdict(seq: int = 1, flags: Flag = Flag.READY, **options: Any) -> list[bytes]:
    return message("verdict", flags, seq, 100 + seq, **({"budget_us": BUDGET_US} | options))


def armed_gate(**options: Any) -> Any:
    gate = new_gate(**options)
    gate.answer({"epoch": EPOCH, "ready": True})
    gate.hear(beat(), now_s=0.0)
    return gate


def test_a_part_with_a_pass_of_its_own_in_time_passes_once() -> None:
    gate = armed_gate()
    gate.hear(verdict(), now_s=0.1)

    answers = [gate.may_pass(now_s=0.1 + AT_GATE_S) for _ in range(2)]

    assert answers == [True, False]


@pytest.mark.parametrize(
    "frames",
    [
        verdict(flags=Flag.READY | Flag.REJECT),
        verdict(flags=Flag.READY | Flag.REPLAYED),
        verdict(flags=Flag.READY | Flag.LATE),
        verdict(flags=Flag.READY | Flag.SIMULATED),
        verdict(flags=Flag.READY | Flag.BYPASS),
        verdict(flags=Flag.READY | Flag.DRILL),
        verdict(flags=Flag(0)),
        verdict(seq=0),
        verdict(budget_us=-1),
        verdict(epoch=EPOCH + 1),
        verdict()[:2],
        [verdict()[0], verdict()[1][:47], b"{}"],
        [verdict()[0], b"XX" + verdict()[1][2:], b"{}"],
        [],
    ],
)
def test_a_verdict_that_may_not_be_acted_on_rejects(frames: list[bytes]) -> None:
    gate = armed_gate()
    gate.hear(frames, now_s=0.1)

    assert gate.may_pass(now_s=0.1 + AT_GATE_S) is False


@pytest.mark.parametrize("off_s", [-0.03, 0.03])
def test_a_part_that_comes_at_another_time_rejects(off_s: float) -> None:
    gate = armed_gate()
    gate.hear(verdict(), now_s=0.1)

    assert gate.may_pass(now_s=0.1 + AT_GATE_S + off_s) is False


def test_without_a_deadline_the_gate_knows_no_moment_and_rejects() -> None:
    gate = armed_gate()
    gate.hear(verdict(budget_us=-1), now_s=0.1)

    assert gate.may_pass(now_s=0.1 + LEAD_S) is False


def test_a_verdict_that_came_before_arming_rejects() -> None:
    gate = new_gate()
    gate.answer({"epoch": EPOCH, "ready": True})
    gate.hear(verdict(), now_s=0.1)
    gate.hear(beat(), now_s=0.11)

    assert gate.may_pass(now_s=0.1 + AT_GATE_S) is False


def test_two_verdicts_that_fit_one_part_reject_it() -> None:
    gate = armed_gate()
    gate.hear(verdict(seq=1), now_s=0.100)
    gate.hear(verdict(seq=2), now_s=0.110)

    assert gate.may_pass(now_s=0.105 + AT_GATE_S) is False


def test_a_rejected_part_does_not_touch_its_neighbours() -> None:
    gate = armed_gate()
    for seq, flags in ((1, Flag.READY), (2, Flag.READY | Flag.REJECT), (3, Flag.READY)):
        gate.hear(verdict(seq, flags), now_s=0.1 * seq)

    answers = [gate.may_pass(now_s=0.1 * seq + AT_GATE_S) for seq in (1, 2, 3)]

    assert answers == [True, False, True]


def test_silence_for_a_lease_rejects_until_it_is_armed_again() -> None:
    gate = armed_gate()
    gate.hear(verdict(), now_s=0.95)
    after_lease = gate.may_pass(now_s=0.95 + AT_GATE_S)
    gate.hear(beat(seq=1), now_s=1.2)
    gate.hear(verdict(seq=2), now_s=1.2)
    by_a_heartbeat_alone = gate.may_pass(now_s=1.2 + AT_GATE_S)
    gate.answer({"epoch": EPOCH, "ready": True})
    gate.hear(beat(seq=2), now_s=1.5)
    gate.hear(verdict(seq=3), now_s=1.5)

    assert (after_lease, by_a_heartbeat_alone) == (False, False)
    assert gate.may_pass(now_s=1.5 + AT_GATE_S) is True


@pytest.mark.parametrize("frames", [beat(Flag(0)), beat(epoch=EPOCH + 1)])
def test_a_line_that_is_not_ready_or_begins_anew_disarms(frames: list[bytes]) -> None:
    gate = armed_gate()
    gate.hear(verdict(), now_s=0.1)
    gate.hear(frames, now_s=0.11)

    assert gate.may_pass(now_s=0.1 + AT_GATE_S) is False


@pytest.mark.parametrize("hello", [{"epoch": EPOCH, "ready": False}, {"epoch": EPOCH + 1, "ready": True}, None])
def test_without_a_hello_that_is_ready_nothing_passes(hello: dict[str, Any] | None) -> None:
    gate = new_gate()
    if hello is not None:
        gate.answer(hello)
    gate.hear(beat(), now_s=0.0)
    gate.hear(verdict(), now_s=0.1)

    assert gate.may_pass(now_s=0.1 + AT_GATE_S) is False


def test_a_simulated_camera_is_believed_in_a_rehearsal_alone() -> None:
    gate = armed_gate(rehearsal=True)
    gate.hear(verdict(flags=Flag.READY | Flag.SIMULATED), now_s=0.1)

    assert gate.may_pass(now_s=0.1 + AT_GATE_S) is True


def test_with_no_line_there_the_program_rejects(tmp_path: Path) -> None:
    program = tmp_path / "gate.py"
    program.write_text(source().replace("tcp://127.0.0.1:5560", f"ipc://{tmp_path}/signals")
                       .replace("tcp://127.0.0.1:5562", f"ipc://{tmp_path}/service"))  # fmt: skip

    done = subprocess.run([sys.executable, program, "l1"], input=b"\n", stdout=subprocess.PIPE, check=True, timeout=30)

    assert done.stdout == b"REJECT\n"
