"""The examples of docs/how-to/connect-a-plc-or-gate.md are run: whatever is missing, the gate rejects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.pipes import is_readable
from fakes.wire_line import SIMULATED, WireLine

PAGE = (Path(__file__).parents[1] / "docs/how-to/connect-a-plc-or-gate.md").read_text("utf-8")
LIMIT_S = 20.0
AT_SENSOR_S = 0.4
"""From the trigger to the sensor, as the example is set."""


def source(name: str) -> str:
    found = re.search(rf"<!-- {name}: [^>]*-->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[WireLine]:
    with WireLine(tmp_path) as line:
        yield line


class Example:
    def __init__(self, line: WireLine, folder: Path) -> None:
        program = folder / "gate.py"
        program.write_text(source("gate-example"))
        self.process = subprocess.Popen(
            [sys.executable, program, line.name, line.signals, line.service],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip

    def panel(self, word: str) -> None:
        assert self.process.stderr is not None
        ends_s, said = time.monotonic() + LIMIT_S, ""
        while word not in said:
            assert time.monotonic() < ends_s, said
            said += self.said(0.1)

    def said(self, within_s: float) -> str:
        """What the panel showed since it was last asked; empty when nothing new comes within the time."""
        assert self.process.stderr is not None
        if not is_readable(self.process.stderr, within_s):
            return ""
        return os.read(self.process.stderr.fileno(), 4096).decode()

    def part(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        said = b""
        while not said.endswith(b"\n"):  # a program whose output is not buffered writes the end of a line by itself
            assert is_readable(self.process.stdout, LIMIT_S)
            more = os.read(self.process.stdout.fileno(), 4096)
            assert more, "the program ended"
            said += more
        return said.decode().strip()

    def __enter__(self) -> Example:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            _, err = self.process.communicate(timeout=LIMIT_S)
            assert self.process.returncode == 0, err
        finally:
            self.process.kill()


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        ({}, "pass"),
        ({"flags": SIMULATED}, "pass"),
        ({"verdict": "REJECT"}, "REJECT reject"),
        ({"verdict": "UNKNOWN"}, "REJECT unknown"),
        ({"is_sent": False}, "REJECT no_verdict"),
        ({"latency_us": 400_000}, "REJECT no_verdict"),
    ],
)
def test_the_gate_lets_a_part_pass_for_its_own_pass_alone(
    line: WireLine, tmp_path: Path, verdict: dict[str, Any], answer: str
) -> None:
    with Example(line, tmp_path) as gate:
        gate.panel("armed")
        time.sleep(0.6)  # so that it knows what is usual on this network
        line.judge(**verdict)
        time.sleep(AT_SENSOR_S)

        assert gate.part() == answer


def test_with_no_line_there_the_gate_rejects_and_says_why(tmp_path: Path) -> None:
    with Example(WireLine(tmp_path), tmp_path) as gate:
        gate.panel("no hello yet")

        assert gate.part() == "REJECT not_armed"


def test_the_gate_asks_for_a_stop_after_ten_parts_without_a_verdict(tmp_path: Path) -> None:
    with Example(WireLine(tmp_path), tmp_path) as gate:
        said = ""
        # A gate that was held up by a busy machine rejects a part for that reason: then it counts anew.
        for _ in range(40):
            gate.part()
            said += gate.said(0.05)
            if "10 parts in a row had no verdict" in said:
                break
        assert "10 parts in a row had no verdict" in said, said


def test_the_record_has_every_verdict(line: WireLine, tmp_path: Path) -> None:
    stored: list[tuple[int, int, bool]] = []
    last = 6

    def store(epoch: int, seq: int, body: dict[str, Any], is_live: bool) -> None:
        stored.append((epoch, seq, is_live))
        if len(stored) == 1:
            line.judge(is_sent=False)
            for _ in range(last - 2):
                line.judge()
        if len({seq for _, seq, _ in stored}) == last:
            raise StopIteration

    names: dict[str, Any] = {"store": store}
    exec(compile(source("record-example"), "record.py", "exec"), names)
    (tmp_path / "cursor.json").write_text('{"v": 1, "epochs": [{"epoch": 7, "seq": 0}]}')
    line.judge()
    with pytest.raises(StopIteration):
        names["record"]("l1", line.signals, line.telemetry, line.service, tmp_path)

    assert sorted(seq for _, seq, _ in stored) == [1, 2, 3, 4, 5, 6]
    assert (7, 2, False) in stored
