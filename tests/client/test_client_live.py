"""What a gate tells the line of its parts, and when: not before the line's main process can know of the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.wire_line import WireLine

from edge_inspector.client.decision import Outcome, Result
from edge_inspector.client.live import Live

LIMIT_S = 15.0


class Gate:
    """The sockets of a gate, and a line that beats when the test says so."""

    def __init__(self, line: WireLine) -> None:
        self.line = line
        self.live = Live(line.name, line.signals, line.service, "gate-1", None, None)
        self.heard: list[int] = []

    def turn(self) -> None:
        self.heard += [each.message.header.seq for each in self.live.hear() if each.message.kind == "hb"]
        self.live.serve(must_greet=False)
        self.live.wait(0.005)

    def until(self, is_true: Callable[[], Any], what: str) -> None:
        ends_s = time.monotonic() + LIMIT_S
        while not is_true():
            assert time.monotonic() < ends_s, f"waited for {what}; {self.line.requests}"
            self.turn()

    def beats(self, head: int) -> None:
        """Hear two heartbeats that tell a head: what the main process surely knows."""
        self.line.head = head
        for _ in range(2):
            n = len(self.heard)
            self.line.beat()
            self.until(lambda n=n: len(self.heard) > n, "a heartbeat")

    def told(self) -> list[tuple[int, int, list[int]]]:
        """Return epoch, upto and the outcomes' seqs of each acknowledgement so far."""
        acks = [request for request in self.line.requests if request["op"] == "ack"]
        return [(ack["epoch"], ack["upto"], [each["seq"] for each in ack["outcomes"]]) for ack in acks]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with WireLine(tmp_path) as line:
        line.beats = False
        gate = Gate(line)
        gate.until(lambda: line.subscribers, "the subscription")
        yield gate
        gate.live.close()


def released(seq: int, epoch: int = 7) -> Outcome:
    return Outcome(epoch, Result.RELEASED, seq=seq)


def test_an_outcome_is_told_once_two_heartbeats_know_its_verdict_and_not_before(gate: Gate) -> None:
    gate.beats(5)
    gate.live.report([released(5), released(6)], 7, 6)
    gate.until(gate.told, "the first acknowledgement")
    first = gate.told()

    gate.beats(6)
    gate.until(lambda: len(gate.told()) > 1, "the second one")

    assert first == [(7, 5, [5])]
    assert gate.told()[1:] == [(7, 6, [6])]
    assert gate.live.dropped == 0


def test_an_outcome_of_a_former_epoch_waits_for_no_heartbeat(gate: Gate) -> None:
    gate.beats(1)
    gate.live.report([released(9, epoch=6)], None, 0)

    gate.until(gate.told, "the acknowledgement")

    assert gate.told() == [(6, 9, [9])]
