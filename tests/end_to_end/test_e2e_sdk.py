"""The SDK and the Modbus bridge against the real daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import Line, wait_until
from fakes.plc import PASS, REJECT, UNKNOWN, Plc
from fakes.ports import free_ports
from fakes.raw_modbus import RawModbus

from edge_inspector.client import FileCursor, Notice, Subscriber

MakeLine = Callable[..., Line]


@pytest.mark.timeout(90)
def test_a_consumer_has_every_verdict_that_a_witness_heard(make_line: MakeLine, tmp_path: Path) -> None:
    line = make_line(camera={"rate_hz": 100.0, "wait_for_subscribers": 2})
    witness = line.listen()
    notices: list[Notice] = []
    endpoints = [line.endpoints["signals"], line.endpoints["telemetry"]]
    with Subscriber(
        "e2e", endpoints, service=line.endpoints["service"], consumer="record",
        cursor=FileCursor(tmp_path / "cursor"), on_notice=notices.append,
    ) as record:  # fmt: skip
        line.start()
        mine = []

        def take(timeout_s: float) -> bool:
            message = record.receive(timeout_s)
            if message is not None and message.kind == "verdict":
                mine.append((message.header.epoch, message.header.seq))
            return message is not None

        wait_until(lambda: take(0.05) and len(mine) >= 200, 60.0, "200 verdicts")
        code = line.stop()
        while take(0.5):
            pass

    assert code == 0
    assert mine == [(m.head.epoch, m.head.seq) for m in witness.messages("verdict")]
    assert [notice for notice in notices if notice.name in ("gap", "tail_lost")] == []


@pytest.mark.timeout(90)
def test_a_plc_is_shown_what_the_line_said(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 20.0, "wait_for_subscribers": 2})
    witness = line.listen()
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "edge_inspector.cli.main", "bridge", "modbus", "--config", str(line.config)]
    bridge = subprocess.Popen(
        [*command, "--listen", f"127.0.0.1:{port}", "--rehearsal"], stdout=subprocess.PIPE, env=os.environ.copy()
    )
    try:
        assert bridge.stdout is not None
        assert b"Modbus TCP" in bridge.stdout.readline()
        line.start()
        with RawModbus(port) as modbus:
            plc = Plc(modbus)
            wait_until(lambda: plc.look().has(1), 40.0, "TriggerReady")
            time.sleep(0.5)
            taken = [plc.take() for _ in range(40)]
            said = {m.head.part_id: m.body["verdict"] for m in witness.messages("verdict")}
            code = line.stop()
            after = plc.until(lambda seen: seen.has(16), "the fault")
    finally:
        bridge.send_signal(signal.SIGTERM)
        bridge.communicate(timeout=20)

    codes = {"PASS": PASS, "REJECT": REJECT, "UNKNOWN": UNKNOWN}
    settled = taken[10:]  # by then it knows what is usual on this network
    assert code == 0
    assert [seen.part_id for seen in taken] == sorted({seen.part_id for seen in taken})
    assert all(seen.code in (codes[said[seen.part_id]], UNKNOWN) for seen in taken)
    assert any(seen.code == codes[said[seen.part_id]] == PASS for seen in settled)
    assert after.code == 255
    assert bridge.returncode == 0
