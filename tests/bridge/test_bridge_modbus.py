"""The bridge as a PLC sees it: the real program, a line that follows the protocol, and Modbus frames by hand."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.plc import FAIL_SAFE, FAULT, N_WORDS, NONE, PASS, REJECT, RESULT_ACK, TRIGGER_READY, UNKNOWN, VALID, Plc
from fakes.raw_modbus import RawModbus, Refused
from fakes.wire_line import BYPASS, DRILL, LATE, REPLAYED, SIMULATED, WireLine
from noticing import Noticed

LIMIT_S = 20.0
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Bridge:
    def __init__(self, line: WireLine, *options: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "edge_inspector.cli.main", "bridge", "modbus", "--line", line.name]
        command += ["--connect", line.signals, "--service", line.service, "--listen", f"127.0.0.1:{self.port}"]
        command += ["--window-ms", "1000"]  # a loaded computer holds everything up; the tests are about what is shown
        env = os.environ | {"PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            raise AssertionError(self.end())
        assert said.decode().strip() == f"line {line.name}: Modbus TCP on 127.0.0.1:{self.port}"

    def end(self) -> tuple[int, str]:
        """Stop it and return its exit code and what it complained about."""
        self.process.send_signal(signal.SIGTERM)
        try:
            _, err = self.process.communicate(timeout=LIMIT_S)
        finally:
            self.process.kill()
        return self.process.returncode, err.decode()


Start = Callable[..., Plc]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[WireLine]:
    with WireLine(tmp_path) as line:
        yield line


@pytest.fixture
def start(line: WireLine) -> Iterator[Start]:
    bridges: list[Bridge] = []
    connections: list[RawModbus] = []

    def make(*options: str, wait: bool = True) -> Plc:
        bridges.append(Bridge(line, *options))
        connections.append(RawModbus(bridges[-1].port))
        plc = Plc(connections[-1])
        plc.bridge = bridges[-1]  # type: ignore[attr-defined]
        if wait:
            plc.ready()
            time.sleep(0.6)  # so that it knows what is usual on this network
        return plc

    yield make
    for connection in connections:
        connection.close()
    for bridge in bridges:
        code, err = bridge.end()
        assert code == 0, err
        assert "Traceback" not in err


def test_each_verdict_is_shown_once_and_in_order(line: WireLine, start: Start) -> None:
    plc = start()
    parts = []
    for verdict in ("PASS", "REJECT", "UNKNOWN", "PASS"):
        line.judge(verdict)
        parts.append((plc.take(), line.part_id))
    line.wait_for(lambda: line.acks and line.acks[-1]["upto"] == 4, "the acknowledgement")

    assert [seen.code for seen, _ in parts] == [PASS, REJECT, UNKNOWN, PASS]
    assert [seen.part_id for seen, _ in parts] == [part_id for _, part_id in parts]
    assert [seen.id for seen, _ in parts] == [1, 2, 3, 4]
    assert [seen.has(4) for seen, _ in parts] == [True, False, True, False]
    assert line.acks[-1]["consumer"] == "modbus"


@pytest.mark.fault(
    47,
    injected="a PLC that reads slower than parts come",
    seen="results wait in order, bounded",
    noticed="no effect",
)
def test_results_wait_for_a_plc_that_is_slower(line: WireLine, start: Start) -> None:
    plc = start("--queue", "4")
    for _ in range(6):
        line.judge()
    plc.until(lambda seen: seen.has(VALID) and seen.words[28] + seen.words[29] >= 5, "a full queue")
    shown = [plc.take().part_id for _ in range(5)]

    assert plc.look().words[29] == 1
    assert shown == [101, 103, 104, 105, 106]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"flags": LATE}, UNKNOWN),
        ({"flags": SIMULATED}, UNKNOWN),
        ({"flags": DRILL}, UNKNOWN),
        ({"flags": BYPASS, "reason": "bypass"}, UNKNOWN),
        ({"reason": "because"}, UNKNOWN),
        ({"verdict": "FINE"}, UNKNOWN),
    ],
)
def test_what_may_not_be_acted_on_is_no_pass(line: WireLine, start: Start, options: dict[str, Any], code: int) -> None:
    plc = start()
    line.judge(**options)

    assert plc.take().code == code


def test_flagged_passes_count_where_the_site_said_so(line: WireLine, start: Start) -> None:
    plc = start("--rehearsal", "--bypass")
    line.judge(flags=SIMULATED)
    first = plc.take()
    line.judge(flags=BYPASS, reason="bypass")
    second = plc.take()

    assert [(first.code, first.words[8] & SIMULATED), (second.code, second.words[8] & BYPASS)] == [
        (PASS, 2),
        (PASS, 64),
    ]


def test_replayed_and_missed_verdicts_are_never_shown(line: WireLine, start: Start) -> None:
    plc = start()
    line.judge(is_sent=False)
    line.judge(flags=REPLAYED)
    line.judge()

    assert plc.take().part_id == line.part_id
    assert {request["op"] for request in line.requests} <= {"hello", "ack"}


def test_age_budget_place_and_defect_are_told(line: WireLine, start: Start) -> None:
    plc = start()
    boxes = [{"x": 10, "y": 20, "w": 32, "h": 64, "score": 0.9, "label": "pit"}, {"x": 1, "y": 1, "w": 1, "h": 1}]
    line.judge("REJECT", budget_us=60_000_000, fire_enc=123_456, latency_us=5_000_000, enc_trigger=-1, enc_gen=3,
               score=0.9, defects=boxes)  # fmt: skip
    seen = plc.take()

    assert 5_000 <= seen.words[16] < 35_000
    assert 25_000 < seen.words[17] <= 59_980
    assert (seen.wide(20), seen.wide(18), seen.words[22]) == (123_456, -1, 3)
    assert (seen.words[7], seen.words[9], seen.words[23:28]) == (10, 900, [2, 10, 20, 32, 64])


def test_a_result_is_withdrawn_at_its_deadline(line: WireLine, start: Start) -> None:
    plc = start("--margin-ms", "0")
    line.judge(budget_us=100_000)
    gone = plc.until(lambda seen: seen.words[30] == 1, "the withdrawal")

    assert (gone.has(VALID), gone.code) == (False, NONE)


def test_a_verdict_that_was_held_up_is_no_pass(line: WireLine, start: Start) -> None:
    plc = start("--window-ms", "50")
    line.judge(t_utc_us=line.utc_us() - 60_000)

    assert plc.take().code == UNKNOWN


@pytest.mark.fault(
    47,
    injected="the line ends under a bridge",
    seen="registers show the fail-safe value until it is back",
)
@pytest.mark.parametrize(("end", "fault"), [("silent", 2), ("not ready", 3), ("new epoch", 4), ("gone", 2)])
def test_a_lost_line_shows_the_fail_safe_value_until_it_is_back(
    line: WireLine, start: Start, end: str, fault: int, noticed: Noticed
) -> None:
    plc = start()
    line.judge()
    plc.result()
    noticed.injected()
    if end == "silent":
        line.beats = False
    elif end == "not ready":
        line.ready = False
    elif end == "new epoch":
        line.answers = False
        line.new_epoch(8)
    else:
        line.stop()
    lost = plc.until(lambda seen: seen.has(FAULT), "the fault")
    noticed.seen()
    line.beats = line.ready = line.answers = True
    if end == "gone":
        line.start()
    back = plc.ready()
    time.sleep(0.6)
    line.judge()

    assert (lost.code, lost.fault, lost.has(VALID), lost.has(TRIGGER_READY)) == (FAIL_SAFE, fault, False, False)
    assert (back.code, back.fault) == (NONE, 0)
    assert plc.take().code == PASS


def test_without_a_line_it_says_so_and_lives(tmp_path: Path) -> None:
    bridge = Bridge(WireLine(tmp_path))
    with RawModbus(bridge.port) as modbus:
        plc = Plc(modbus)
        first = plc.look()
        plc.until(lambda seen: seen.words[2] != first.words[2], "the heartbeat")

    assert (first.code, first.fault, first.has(FAULT)) == (FAIL_SAFE, 1, True)
    assert bridge.end()[0] == 0


def test_every_function_reads_the_same_words(line: WireLine, start: Start) -> None:
    plc = start()
    line.judge()
    seen = plc.result()
    as_input = plc.look(function=4)
    by_23 = plc.modbus.write_read(RESULT_ACK, seen.id, 0, N_WORDS)
    line.judge()
    plc.until(lambda each: each.id == 2, "the next")
    plc.modbus.write_many(RESULT_ACK, [2])

    assert (as_input.id, as_input.code) == (seen.id, seen.code)
    assert by_23[1] & VALID == 0
    assert not plc.look().has(VALID)
    assert plc.modbus.read(RESULT_ACK, 1) == [2]


def test_what_is_not_in_the_map_is_refused_and_harms_nobody(line: WireLine, start: Start) -> None:
    plc = start()
    codes = []
    for ask in (
        lambda: plc.modbus.write(6, 1),
        lambda: plc.modbus.write_many(39, [1, 1]),
        lambda: plc.modbus.write(RESULT_ACK + 1, 1),
        lambda: plc.modbus.read(0, 60),
        lambda: plc.modbus.read(500, 1),
        lambda: plc.modbus.ask(b"\x01\x00\x00\x00\x08"),
        lambda: plc.modbus.ask(b"\x05\x00\x28\xff\x00"),
        lambda: plc.modbus.ask(b"\x64"),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        codes.append(refused.value.code)
    line.judge()

    assert codes[:5] == [ILLEGAL_ADDRESS] * 5
    assert set(codes[5:]) <= {ILLEGAL_FUNCTION, ILLEGAL_ADDRESS}
    assert plc.take().code == PASS


def test_garbage_and_a_client_that_hangs_disturb_nobody(line: WireLine, start: Start) -> None:
    plc = start()
    port = plc.bridge.port  # type: ignore[attr-defined]
    hanging = RawModbus(port)
    hanging.send(b"\0\1\0\0\0\6\1\3\0")
    for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(3000), b"\0" * 600):
        with RawModbus(port) as other:
            other.send(data)
    line.judge()
    seen = plc.take()
    hanging.close()

    assert seen.code == PASS


def test_an_address_that_is_taken_ends_it_in_words(line: WireLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "edge_inspector.cli.main", "bridge", "modbus", "--line", "l1"]
        command += ["--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--connect", line.signals]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)

    assert done.returncode == 70
    assert "cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "give --config FILE, or --line NAME"),
        (["--line", "Press 4"], "no name"),
        (["--line", "l1", "--listen", "everywhere"], "no place to listen"),
        (["--line", "l1", "--listen", "127.0.0.1:99999"], "no place to listen"),
        (["--line", "l1", "--connect", "127.0.0.1:5560"], "write --connect like"),
        (["--line", "l1", "--service", "x"], "write --service like"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused_in_words(options: list[str], word: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_inspector.cli.main", "bridge", "modbus", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S, cwd=tmp_path)

    assert done.returncode == 64
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_file_that_is_none_is_told_like_any_other_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_inspector.cli.main", "bridge", "modbus", "--line", "l1"]
    command += ["--key", str(tmp_path / "missing.key")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S, cwd=tmp_path)

    assert done.returncode == 78
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
