"""The bypass flag: on every kind of message, whatever the message itself says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_inspector.client.subscriber import Message, Subscriber
from edge_inspector.client.wire import Flag, Header
from edge_inspector.core.verdict import Heartbeat, LineState, Totals
from edge_inspector.signal.message import heartbeat_body, heartbeat_frames
from edge_inspector.signal.telemetry import Telemetry

BEAT = Heartbeat("l1", 7, 1, 0, LineState.READY, True, (), 1000, True, -1, Totals(1, 1, 0, 0, 0))


class Switch:
    """Says what a test wants it to say."""

    is_on = False

    def __call__(self) -> bool:
        return self.is_on


class Bench:
    """Telemetry with one listener that has been greeted."""

    def __init__(self, endpoint: str) -> None:
        self.switch = Switch()
        self.telemetry = Telemetry(endpoint, "l1", False, lambda: 1, self.switch)
        self.endpoint = endpoint

    def greeted(self, listener: Subscriber) -> list[Message]:
        """Return what a new listener is told first, up to the first quiet moment."""
        heard: list[Message] = []
        for _ in range(400):
            self.telemetry.greet()
            message = listener.receive(0.05)
            if message is not None:
                heard.append(message)
            elif heard:
                return heard
        raise AssertionError("nobody was greeted")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(f"ipc://{tmp_path}/t")
    yield bench
    bench.telemetry.close()


@pytest.mark.parametrize("is_bypass", [True, False])
def test_a_heartbeat_has_the_flag_while_bypass_is_on(is_bypass: bool) -> None:
    beat = replace(BEAT, is_bypass=is_bypass)

    _, header, _ = heartbeat_frames(beat, heartbeat_body(beat), is_simulated=False)

    assert Header.parse(header).flags == (Flag.READY | Flag.BYPASS if is_bypass else Flag.READY)


@pytest.mark.parametrize("is_drill", [True, False])
def test_drill_mode_has_a_flag_of_its_own_on_heartbeats_and_telemetry(is_drill: bool, tmp_path: Path) -> None:
    beat = replace(BEAT, is_drill=is_drill)
    telemetry = Telemetry(f"ipc://{tmp_path}/d", "l1", False, lambda: 1, is_drill=lambda: is_drill)
    with Subscriber("l1", [f"ipc://{tmp_path}/d"]) as listener:
        heard = None
        for _ in range(400):
            telemetry.greet()
            if (heard := listener.receive(0.05)) is not None:
                break
    telemetry.close()
    _, header, _ = heartbeat_frames(beat, heartbeat_body(beat), is_simulated=False)

    assert heard is not None
    assert heard.header.flags == (Flag.DRILL if is_drill else 0)
    assert Header.parse(header).flags == (Flag.READY | Flag.DRILL if is_drill else Flag.READY)


@pytest.mark.parametrize("is_bypass", [True, False])
def test_state_event_and_metrics_have_the_flag_while_bypass_is_on(is_bypass: bool, bench: Bench) -> None:
    with Subscriber("l1", [bench.endpoint]) as listener:
        bench.greeted(listener)
        bench.switch.is_on = is_bypass

        bench.telemetry.state(LineState.READY, LineState.PREOPERATIONAL, "ready")
        bench.telemetry.event("camera_armed", "info", "armed")
        bench.telemetry.metrics([])
        heard = [listener.receive(10.0) for _ in range(3)]

    assert [message.kind for message in heard if message is not None] == ["state", "event", "metrics"]
    assert {bool(message.header.flags & Flag.BYPASS) for message in heard if message is not None} == {is_bypass}


def test_a_standing_event_is_told_to_newcomers_until_it_is_withdrawn(bench: Bench) -> None:
    bench.telemetry.event("bypass_on", "warning", "on", stands=True)
    bench.telemetry.event("parts_lost", "error", "lost", stands=True)
    with Subscriber("l1", [bench.endpoint]) as first:
        told_first = [message.body.get("name") for message in bench.greeted(first)]

    bench.telemetry.withdraw("bypass_on")
    with Subscriber("l1", [bench.endpoint]) as second:
        told_second = [message.body.get("name") for message in bench.greeted(second)]

    assert told_first == [None, "bypass_on", "parts_lost"]
    assert told_second == [None, "parts_lost"]
