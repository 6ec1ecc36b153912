"""The gate in C: compiled with every warning and with sanitizers, and run against a line that follows the protocol."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.pipes import is_readable
from fakes.wire_line import BYPASS, DRILL, HEADER, LATE, READY, REPLAYED, SIMULATED, WireLine

import edge_inspector.client

SOURCE = Path(edge_inspector.client.__file__).with_name("c") / "gate.c"
BEFORE_US, WINDOW_US, MARGIN_US = 400_000, 150_000, 1_000
# A loaded computer may hold everything up for a while; the tests are about what is decided, not how fast.
LIMIT_S = 15.0

if shutil.which("cc") is None or not Path("/usr/include/zmq.h").exists():
    pytest.skip("no C compiler, or libzmq3-dev is not installed", allow_module_level=True)


def compiled(out: Path, *options: str) -> Path:
    command = ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", *options, "-o", str(out), str(SOURCE), "-lzmq"]
    subprocess.run(command, check=True)
    return out


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    return compiled(tmp_path_factory.mktemp("c") / "gate", *sanitizers)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[WireLine]:
    with WireLine(tmp_path) as line:
        yield line


class Program:
    def __init__(self, program: Path, line: WireLine, *options: str) -> None:
        numbers = [str(n) for n in (BEFORE_US, WINDOW_US, MARGIN_US)]
        self.line = line
        self.process = subprocess.Popen(
            [program, line.name, line.signals, line.service, *numbers, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        self.said = b""

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            assert self.process.wait(LIMIT_S) == 0, self.said + self._rest()
        finally:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdout, self.process.stderr):
                assert pipe is not None
                pipe.close()

    def _rest(self) -> bytes:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def panel(self, word: bytes) -> None:
        """Wait until it says something on its panel."""
        assert self.process.stderr is not None
        ends_s = time.monotonic() + LIMIT_S
        while word not in self.said:
            assert time.monotonic() < ends_s, self.said
            if is_readable(self.process.stderr, 0.1):
                data = os.read(self.process.stderr.fileno(), 4096)
                assert data, self.said
                self.said += data
        self.said = self.said.partition(word)[2]

    def armed(self) -> None:
        """Armed, and long enough on the line to know what is usual."""
        self.panel(b"armed\n")
        time.sleep(0.5)

    def part(self) -> str:
        """A part is at the sensor: what becomes of it?"""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        assert is_readable(self.process.stdout, LIMIT_S)
        return os.read(self.process.stdout.fileno(), 4096).decode().strip()

    def judged_part(self, after_s: float = 0.2, **options: Any) -> str:
        """A part is judged 0.6 s before its deadline, and is at the sensor 0.2 s later."""
        self.line.judge(**({"budget_us": 600_000} | options))
        time.sleep(after_s)
        return self.part()


def test_a_part_with_its_pass_passes_once(line: WireLine, program: Path) -> None:
    with Program(program, line) as gate:
        gate.armed()
        answers = [gate.judged_part(), gate.part()]

    assert answers == ["pass", "REJECT more than one fits"]


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "rejected": ({"verdict": "REJECT"}, "REJECT rejected"),
    "unknown": ({"verdict": "UNKNOWN"}, "REJECT rejected"),
    "late": ({"flags": LATE}, "REJECT rejected"),
    "simulated": ({"flags": SIMULATED}, "REJECT rejected"),
    "drill": ({"flags": DRILL}, "REJECT rejected"),
    "bypass": ({"flags": BYPASS}, "REJECT rejected"),
    "replayed": ({"flags": REPLAYED}, "REJECT no verdict"),
    "not sent": ({"is_sent": False}, "REJECT no verdict"),
    "no deadline": ({"budget_us": -1}, "REJECT no verdict"),
    "another moment": ({"budget_us": 1_000_000}, "REJECT no verdict"),
    "held up": ({"t_utc_us": WireLine.utc_us() - 3_600_000_000}, "REJECT rejected"),
    "far future": ({"budget_us": 2**62}, "REJECT no verdict"),
    "at the gate already": ({"budget_us": 100_000}, "REJECT no verdict"),
}


@pytest.mark.parametrize("name", CASES)
def test_everything_else_rejects(line: WireLine, program: Path, name: str) -> None:
    options, answer = CASES[name]
    with Program(program, line) as gate:
        gate.armed()

        assert gate.judged_part(**options) == answer


def test_a_simulated_camera_is_believed_at_a_desk_alone(line: WireLine, program: Path) -> None:
    with Program(program, line, "desk") as gate:
        gate.armed()

        assert gate.judged_part(flags=SIMULATED) == "pass"
        time.sleep(0.4)
        assert gate.judged_part(flags=SIMULATED | LATE) == "REJECT rejected"


def test_the_stricter_of_two_verdicts_counts_and_two_parts_that_fit_are_none(line: WireLine, program: Path) -> None:
    with Program(program, line) as gate:
        gate.armed()
        line.judge(budget_us=600_000)
        strict = gate.judged_part(verdict="REJECT", part_id=line.part_id)
        time.sleep(0.4)
        line.judge(budget_us=600_000)
        two = gate.judged_part()

    assert (strict, two) == ("REJECT rejected", "REJECT more than one fits")


def test_what_was_promised_before_the_line_was_lost_is_worth_nothing(line: WireLine, program: Path) -> None:
    with Program(program, line) as gate:
        gate.armed()
        began_s = time.monotonic()
        line.judge(budget_us=3_000_000)
        line.ready = False
        gate.panel(b"disarmed")
        line.ready = True
        gate.armed()
        time.sleep(max(0.0, began_s + 2.6 - time.monotonic()))

        assert gate.part() == "REJECT no verdict"


def test_a_verdict_from_before_arming_releases_nothing_however_it_comes(line: WireLine, program: Path) -> None:
    line.judge(budget_us=600_000)
    with Program(program, line) as gate:
        gate.armed()
        header, body = line.journal[7][1]
        line.send("verdict", header, body)
        time.sleep(0.2)

        assert gate.part() == "REJECT no verdict"


@pytest.mark.parametrize("end", ["silent", "not ready", "verdict not ready", "new epoch"])
def test_it_disarms_forgets_and_arms_again(line: WireLine, program: Path, end: str) -> None:
    with Program(program, line) as gate:
        gate.armed()
        line.judge(budget_us=600_000)
        if end == "silent":
            line.beats = False
        elif end == "new epoch":
            line.new_epoch(8)
        else:
            line.ready = False
            line.beats = end == "not ready"
            line.judge(budget_us=600_000)
        gate.panel(b"disarmed")
        first = gate.part()
        line.beats = line.ready = True
        gate.armed()

        assert first in ("REJECT not armed", "REJECT no verdict")
        assert gate.judged_part() == "pass"


def test_without_a_hello_that_is_ready_it_stays_disarmed(line: WireLine, program: Path) -> None:
    line.answer_hook = lambda request: [b'{"id":%d,"schema":"insp/1","epoch":7,"ready":false}' % request["id"]]
    with Program(program, line) as gate:
        line.wait_for(lambda: len(line.requests) >= 3, "three questions")
        first = gate.judged_part()
        line.answer_hook = lambda request: [
            b'{"id": %d, "schema": "insp/1", "epoch": 7, "ready": true}' % request["id"]
        ]
        gate.armed()

    assert first == "REJECT not armed"


def test_it_runs_as_its_first_line_says_to_build_it(line: WireLine, tmp_path: Path) -> None:
    with Program(compiled(tmp_path / "plain", "-O2"), line) as gate:
        gate.armed()

        assert gate.judged_part() == "pass"


def test_nobody_there_rejects(tmp_path: Path, program: Path) -> None:
    with Program(program, WireLine(tmp_path)) as gate:
        assert gate.part() == "REJECT not armed"


def test_nonsense_changes_nothing(line: WireLine, program: Path) -> None:
    good = HEADER.pack(b"IN", 1, READY, 7, 5, 0, 101, -1, 600_000)
    with Program(program, line) as gate:
        gate.armed()
        for header in (b"", b"x", good[:47], good + b"x", b"XX" + good[2:], good[:2] + b"\2" + good[3:], b"x" * 5000):
            line.send("verdict", header, b"{" * 3000)
        line.send("x" * 200, good, b"")
        line._sockets["signals"].send_multipart([b"insp.v1.l1.verdict"])
        line._sockets["signals"].send_multipart([b"insp.v1.l1.verdict", good, b"", b"", good])
        line.answer_hook = lambda request: [b"\xff" * 200_000]
        first = gate.judged_part()
        line.new_epoch(8)
        gate.panel(b"disarmed")
        line.wait_for(lambda: len(line.requests) >= 5, "questions answered with nonsense")
        line.answer_hook = lambda request: None
        gate.armed()

    assert first == "pass"


def test_numbers_that_cannot_work_are_refused(program: Path) -> None:
    done = subprocess.run(
        [program, "l1", "ipc:///a", "ipc:///b", "100", "90", "20"], capture_output=True, check=False, timeout=20
    )

    assert done.returncode == 64
    assert b"BEFORE > WINDOW + MARGIN" in done.stderr
