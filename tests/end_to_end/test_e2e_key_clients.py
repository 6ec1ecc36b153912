"""The verbs that are clients, each with its key against a real line whose endpoints are encrypted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from daemon import PROGRAM, Line, wait_until
from fakes.plc import PASS, REJECT, Plc
from fakes.ports import free_ports
from fakes.raw_modbus import RawModbus
from keyed import encrypt, key_file

from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.subscriber import ask

MakeLine = Callable[..., Line]
CAMERA = {"rate_hz": 20.0, "defect_every": 5, "wait_for_subscribers": 0}


def command(*words: str | Path) -> list[str]:
    return [sys.executable, *PROGRAM, *map(str, words)]


@contextmanager
def program(*words: str | Path, stderr: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a verb beside the test; it is asked to end after the block."""
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=stderr, text=True, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


@pytest.mark.timeout(120)
def test_a_drill_with_a_key_to_read_with_watches_an_encrypted_line_that_it_started(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA)
    encrypt(line)
    key = key_file(line, "drill", "read")
    words = ["drill", "--config", line.config, "--start", "--yes", "--reason", "keys", "--json"]
    words += ["--only", "subscriber-restarted,main-killed"]

    plain = subprocess.run(command(*words), capture_output=True, text=True, timeout=60, check=False)
    done = subprocess.run(command(*words, "--key", key), capture_output=True, text=True, timeout=100, check=False)

    report: dict[str, Any] = json.loads(done.stdout)
    assert (plain.returncode, "give --key FILE" in plain.stderr) == (64, True)
    assert {drill["name"]: drill["result"] for drill in report["drills"]} == {
        "subscriber-restarted": "pass", "main-killed": "pass",
    }  # fmt: skip
    assert all(drill["released"] > 0 for drill in report["drills"])
    assert done.returncode == 0


@pytest.mark.timeout(120)
def test_a_drill_whose_key_is_not_let_in_says_so_and_leaves_the_line_at_work(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA)
    encrypt(line)
    key = key_file(line, "drill", None)
    line.start()
    wait_until(lambda: line.figure("ready") == 1.0, 40, "the line to be ready")

    words = ["drill", "--config", line.config, "--yes", "--reason", "keys", "--key", key, "--back-within", "5"]
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=100, check=False)
    mode = subprocess.run(
        command("drill", "status", "--config", line.config), capture_output=True, text=True, timeout=30, check=False
    )

    assert line.stop() == 0
    assert done.returncode == 70
    assert "the line does not know this key" in done.stderr
    assert "at work" in mode.stdout


@pytest.mark.timeout(120)
def test_watch_and_the_bridge_show_an_encrypted_line_with_their_keys(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA)
    encrypt(line)
    panel, plc_key = key_file(line, "panel", "read"), key_file(line, "plc-1", "gate")
    line.start()
    (port,) = free_ports(1)
    place = f"127.0.0.1:{port}"

    with ExitStack() as stack:
        watch = stack.enter_context(program("watch", "--config", line.config, "--key", panel, "--json"))
        words = ["bridge", "modbus", "--config", line.config, "--key", plc_key, "--listen", place]
        words += ["--rehearsal", "--window-ms", "1000", "--margin-ms", "0"]
        bridge = stack.enter_context(program(*words, stderr=subprocess.PIPE))
        assert watch.stdout is not None
        assert bridge.stdout is not None
        seen = json.loads(watch.stdout.readline())
        told = bridge.stdout.readline()
        modbus = RawModbus(port)
        stack.callback(modbus.close)
        plc = Plc(modbus)
        plc.ready()
        codes = {plc.take().code for _ in range(20)}
        acked = wait_until(lambda: _acked(line, plc_key, "plc-1"), 20, "the bridge's acknowledgement")
        bridge.send_signal(signal.SIGTERM)
        _, complaints = bridge.communicate(timeout=20)

    assert line.stop() == 0
    assert (seen["line"], "flags" in seen) == ("e2e", True)
    assert place in told
    assert {PASS, REJECT} <= codes
    assert acked > 0
    assert (bridge.returncode, complaints) == (0, "")


def _acked(line: Line, key: Path, consumer: str) -> int:
    answer = ask(line.endpoints["service"], {"op": "status", "id": 1}, 5.0, ClientKeys.load(key)) or {}
    return next((each["acked_seq"] for each in answer.get("consumers", ()) if each["consumer"] == consumer), 0)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("verb", [["watch"], ["bridge", "modbus"], ["drill"]])
def test_a_key_is_asked_for_where_the_line_has_keys_and_only_there(verb: list[str], make_line: MakeLine) -> None:
    plain, key = make_line(), Path("my.key")
    without = subprocess.run(
        command(*verb, "--config", plain.config, "--key", key), capture_output=True, text=True, timeout=30, check=False
    )
    encrypt(plain)
    lacking = subprocess.run(
        command(*verb, "--config", plain.config), capture_output=True, text=True, timeout=30, check=False
    )

    assert (without.returncode, "not encrypted; leave --key out" in without.stderr) == (64, True)
    assert (lacking.returncode, "are encrypted; give --key FILE" in lacking.stderr) == (64, True)
