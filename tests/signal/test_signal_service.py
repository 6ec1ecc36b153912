"""The service endpoint over real sockets, stepped by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.signal.consumers import Consumers
from edge_inspector.signal.journal_reader import JournalReader
from edge_inspector.signal.service import MAX_REQUEST_BYTES, Service, ServiceFacts

BEAT = {"state": "Ready", "ready": True, "durable_seq": 8, "head_seq": 9}


class Known:
    """What main knows, for a test to change."""

    def __init__(self) -> None:
        self.heartbeat: dict[str, Any] | None = BEAT
        self.age_ms = 0
        self.state = LineState.READY

    def __call__(self) -> ServiceFacts:
        sent_ns = monotonic_ns() - self.age_ms * 1_000_000
        return ServiceFacts("l1", 7, 1000, 9, self.state, self.heartbeat, sent_ns)


class Asker:
    """A client and the service in one thread."""

    def __init__(self, endpoint: str, service: Service) -> None:
        self._endpoint, self._service = endpoint, service
        self._sockets: list[zmq.Socket[bytes]] = []

    def open(self, kind: int = zmq.DEALER) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(self._endpoint)
        self._sockets.append(socket)
        return socket

    def ask(self, *frames: bytes, kind: int = zmq.DEALER) -> Any:
        socket = self.open(kind)
        socket.send_multipart(frames)
        while not socket.poll(0):  # others may have asked before
            self._service.step()
        return json.loads(socket.recv_multipart()[-1])

    def close(self) -> None:
        for socket in self._sockets:
            socket.close()


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def asker(tmp_path: Path, known: Known) -> Iterator[Asker]:
    endpoint = f"ipc://{tmp_path}/s"
    with Service(endpoint, known, JournalReader(tmp_path / "journal"), Consumers(tmp_path / "consumers.db")) as service:
        asker = Asker(endpoint, service)
        yield asker
        asker.close()


def test_hello_says_what_a_gate_needs_before_it_arms(asker: Asker) -> None:
    answer = asker.ask(b'{"op":"hello","id":1,"consumer":"gate-1"}')

    age_ms = answer.pop("hb_age_ms")
    assert answer == {
        "id": 1,
        "schema": "insp/1",
        "line": "l1",
        "epoch": 7,
        "state": "Ready",
        "ready": True,
        "lease_ms": 1000,
        "epochs": [{"epoch": 7, "tail_seq": 10, "head_seq": 9, "durable_seq": 8}],
    }
    assert 0 <= age_ms < 60_000


def test_ready_ends_with_the_lease(asker: Asker, known: Known) -> None:
    known.age_ms = 1500

    answer = asker.ask(b'{"op":"hello","id":1}')

    assert answer["ready"] is False
    assert answer["hb_age_ms"] >= 1500


def test_before_the_first_heartbeat_nothing_is_ready(asker: Asker, known: Known) -> None:
    known.heartbeat, known.state = None, LineState.PREOPERATIONAL

    hello, status = asker.ask(b'{"op":"hello"}'), asker.ask(b'{"op":"status"}')

    assert (hello["ready"], hello["state"], hello["hb_age_ms"]) == (False, "Preoperational", None)
    assert (status["heartbeat"], status["hb_age_ms"]) == (None, None)


def test_a_heartbeat_that_is_not_ready_is_not_ready(asker: Asker, known: Known) -> None:
    known.heartbeat = BEAT | {"ready": False}

    assert asker.ask(b'{"op":"hello"}')["ready"] is False


def test_status_gives_the_newest_heartbeat(asker: Asker) -> None:
    answer = asker.ask(b'{"op":"status","id":"a"}')

    assert (answer["id"], answer["heartbeat"], answer["consumers"]) == ("a", BEAT, [])


@pytest.mark.parametrize("kind", [zmq.REQ, zmq.DEALER])
def test_both_kinds_of_client_are_answered(asker: Asker, kind: int) -> None:
    assert asker.ask(b'{"op":"status","id":1}', kind=kind)["id"] == 1


def test_a_dealer_that_sends_a_delimiter_gets_it_back(asker: Asker) -> None:
    assert asker.ask(b"", b'{"op":"status","id":1}')["id"] == 1


@pytest.mark.parametrize(
    ("request_bytes", "number", "detail"),
    [
        (b"{", None, "not JSON"),
        (b"", None, "not JSON"),
        (b"\xff", None, "not JSON"),
        (b"[" * 60_000, None, "not JSON"),
        (b"[1]", None, "not a JSON object"),
        (b'{"id":4}', 4, "unknown op"),
        (b'{"id":4,"op":"replay"}', 4, "epoch is missing"),
        (b'{"id":4,"op":{"a":1}}', 4, "unknown op"),
        (b'{"id":4,"op":"hello","consumer":"a b"}', 4, "consumer must be"),
        (b'{"id":[4],"op":"hello"}', None, "id must be"),
        (b'{"id":true,"op":"hello"}', None, "id must be"),
        (b'{"id":1.5,"op":"hello"}', None, "id must be"),
        (b'{"id":NaN,"op":"hello"}', None, "not JSON"),
    ],
)
def test_a_bad_request_is_answered_as_such(asker: Asker, request_bytes: bytes, number: int | None, detail: str) -> None:
    answer = asker.ask(request_bytes)

    assert (answer["id"], answer["error"]) == (number, "bad_request")
    assert detail in answer["detail"]


def test_a_request_of_two_frames_is_refused(asker: Asker) -> None:
    assert "this has 2" in asker.ask(b'{"op":"hello"}', b"more")["detail"]


def test_a_request_that_is_too_large_is_dropped_and_others_are_answered(asker: Asker) -> None:
    request = b'{"op":"hello","id":1}'
    large = asker.open()
    large.send(request + b" " * (MAX_REQUEST_BYTES + 1 - len(request)))

    other = asker.ask(b'{"op":"hello","id":2}')
    while asker._service.step():
        pass

    assert other["id"] == 2
    assert not large.poll(100)


def test_a_request_of_exactly_the_limit_is_answered(asker: Asker) -> None:
    request = b'{"op":"hello","id":3}'

    assert asker.ask(request + b" " * (MAX_REQUEST_BYTES - len(request)))["id"] == 3


def test_a_client_that_leaves_before_its_answer_harms_nobody(asker: Asker) -> None:
    leaver = asker.open()
    leaver.send(b'{"op":"hello","id":1}')
    leaver.close(linger=1000)

    answers = {asker.ask(b'{"op":"hello","id":2}')["id"] for _ in range(2)}

    assert answers == {2}


def test_nobody_asking_is_no_answer(asker: Asker) -> None:
    assert asker._service.step() is False
