"""Who asks, and what he may say: names and roles from the handshake, over real sockets."""

from __future__ import annotations

import json
import socket as socket_module
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from curve_rig import WAIT_S, Client, Keys

from edge_inspector.client.key_file import KeyFile
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.run.worker import Worker
from edge_inspector.signal.authenticator import Authenticator
from edge_inspector.signal.authorized import Role
from edge_inspector.signal.consumers import Consumers
from edge_inspector.signal.journal_reader import JournalReader
from edge_inspector.signal.peers import Peer, claim_fault, consumer_of, peer_of
from edge_inspector.signal.service import Service, ServiceFacts

FLOOD = 2300
NULL_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
"""Of a client without encryption, rfc.zeromq.org/spec/37."""
BEAT = {"state": "Ready", "ready": True, "durable_seq": 0, "head_seq": 9}


def facts() -> ServiceFacts:
    return ServiceFacts("l1", 7, 1000, 9, LineState.READY, BEAT, monotonic_ns())


class Asked:
    """A service with keys, stepped in the test's thread."""

    def __init__(self, keys: Keys, folder: Path) -> None:
        self.keys = keys
        self.guard = Authenticator(keys.server, keys.list)
        self.worker = Worker("authenticator", self.guard.step, self.guard)
        self.worker.start()
        self.consumers = Consumers(folder / "consumers.db")
        self.service = Service(
            "tcp://127.0.0.1:*", facts, JournalReader(folder / "journal"), self.consumers, self.guard
        )  # fmt: skip
        self.service.__enter__()
        self.endpoint = self.service._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def step(self) -> None:
        self.service.step()

    def wait_for(self, is_true: Any, what: str) -> None:
        ends = monotonic_ns() + WAIT_S * 1e9
        while not is_true():
            assert monotonic_ns() < ends, f"waited {WAIT_S:g} s for {what}"
            self.step()

    def ask(self, client: Client, **request: object) -> Any:
        client.socket.send(json.dumps(request).encode())
        self.wait_for(lambda: client.socket.poll(0), "the answer")
        return json.loads(client.socket.recv())


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture
def asked(keys: Keys, tmp_path: Path) -> Iterator[Asked]:
    asked = Asked(keys, tmp_path)
    yield asked
    asked.service.__exit__(None, None, None)
    asked.worker.stop(WAIT_S)


@contextmanager
def dealer(asked: Asked, key: KeyFile | None, kind: int = zmq.DEALER) -> Iterator[Client]:
    with Client(asked.endpoint, key, kind=kind) as client:
        yield client


def test_a_request_knows_name_and_role_of_its_sender(keys: Keys, asked: Asked) -> None:
    gate, panel = keys.new("gate-1", Role.GATE), keys.new("panel", Role.READ)
    socket = asked.service._socket
    with dealer(asked, gate) as one, dealer(asked, panel) as other:
        found = []
        for client in (one, other):
            client.socket.send(b"{}")
            assert socket.poll(WAIT_S * 1000)
            found.append(peer_of(socket.recv_multipart(copy=False), asked.guard))

    assert found == [Peer("gate-1", Role.GATE), Peer("panel", Role.READ)]


def test_a_change_of_role_counts_at_once_and_on_the_same_connection(keys: Keys, asked: Asked) -> None:
    key = keys.new("gate-1", Role.READ)
    with dealer(asked, key) as client:
        asked.ask(client, op="hello", id=1)
        keys.revoke("gate-1")
        keys.authorize(key, Role.GATE)
        asked.wait_for(lambda: asked.guard.role_of("gate-1") is Role.GATE, "the new role")

        client.socket.send(b"{}")
        assert asked.service._socket.poll(WAIT_S * 1000)
        assert peer_of(asked.service._socket.recv_multipart(copy=False), asked.guard) == Peer("gate-1", Role.GATE)


@pytest.mark.parametrize("consumer", [{}, {"consumer": "gate-1"}, {"consumer": None}])
def test_hello_under_the_key_s_own_name_or_none_is_answered(keys: Keys, asked: Asked, consumer: dict[str, Any]) -> None:
    with dealer(asked, keys.new("gate-1")) as client:
        answer = asked.ask(client, op="hello", id=1, **consumer)

    assert (answer["id"], answer["schema"]) == (1, "insp/1")


@pytest.mark.parametrize("op", ["hello", "status", "replay", "ack"])
@pytest.mark.parametrize("consumer", ["gate-2", "", "GATE-1", 7, ["gate-1"], {"name": "gate-1"}, True])
def test_a_request_under_another_name_is_refused(keys: Keys, asked: Asked, op: str, consumer: object) -> None:
    with dealer(asked, keys.new("gate-1")) as client:
        refused = asked.ask(client, op=op, id=2, consumer=consumer)
        answer = asked.ask(client, op="hello", id=3)

    assert (refused["id"], refused["error"]) == (2, "bad_request")
    assert "the key of this connection is that of gate-1" in refused["detail"]
    assert answer["schema"] == "insp/1"


@pytest.mark.parametrize("consumer", [{}, {"consumer": "gate-1"}])
def test_a_gate_acknowledges_under_its_key_s_name(keys: Keys, asked: Asked, consumer: dict[str, Any]) -> None:
    with dealer(asked, keys.new("gate-1", Role.GATE)) as gate, dealer(asked, keys.new("panel")) as panel:
        answer = asked.ask(gate, op="ack", id=1, epoch=7, upto=5, **consumer)
        status = asked.ask(panel, op="status", id=2)

    assert answer == {"id": 1, "ok": True}
    assert [(each["consumer"], each["acked_seq"]) for each in status["consumers"]] == [("gate-1", 5)]


def test_a_key_that_only_reads_replays_and_cannot_acknowledge(keys: Keys, asked: Asked) -> None:
    with dealer(asked, keys.new("panel", Role.READ)) as client:
        refused = asked.ask(client, op="ack", id=1, consumer="panel", epoch=7, upto=5)
        replayed = asked.ask(client, **{"op": "replay", "id": 2, "epoch": 7, "from": 1, "to": 5})

    assert (refused["error"], "this needs gate" in refused["detail"]) == ("bad_request", True)
    assert asked.consumers.acked == {}
    assert replayed == {"id": 2, "error": "gap", "gap": [1, 5]}
    counts = asked.service.counts
    assert (counts.bad_requests, counts.replay, counts.ack) == (1, 1, 0)


def test_a_req_socket_with_a_key_is_answered_too(keys: Keys, asked: Asked) -> None:
    with dealer(asked, keys.new("gate-1"), zmq.REQ) as client:
        assert asked.ask(client, op="hello", id=1, consumer="gate-1")["id"] == 1


def test_a_revoked_key_is_refused_before_its_connection_is_dropped_and_cut_off_then(keys: Keys, asked: Asked) -> None:
    with dealer(asked, keys.new("gate-1")) as client, dealer(asked, keys.new("panel")) as other:
        asked.ask(client, op="hello", id=1)
        asked.ask(other, op="hello", id=1)
        keys.revoke("gate-1")
        asked.wait_for(lambda: asked.guard.role_of("gate-1") is None, "the list to be read")

        refused = asked.ask(client, op="hello", id=2)
        asked.wait_for(lambda: ("HANDSHAKE_FAILED_AUTH", 400) in client.events(), "the drop")
        asked.wait_for(lambda: other.count("HANDSHAKE_SUCCEEDED") == 2, "the other one's return")

        assert refused == {
            "id": 2, "error": "bad_request", "detail": "the key of gate-1 is not authorised any more"
        }  # fmt: skip
        assert asked.ask(other, op="hello", id=3)["id"] == 3


@pytest.mark.parametrize("becomes", [None, Role.READ])
def test_requests_that_wait_when_their_key_is_revoked_or_lowered_are_refused(
    keys: Keys, asked: Asked, becomes: Role | None
) -> None:
    key = keys.new("gate-1", Role.GATE)
    with dealer(asked, key) as client:
        asked.ask(client, op="hello", id=1)
        (waiting,) = (peer.waiting for peer in asked.service._turns._peers.values())
        for number in (2, 3):
            client.socket.send(json.dumps({"op": "ack", "id": number, "epoch": 7, "upto": 5}).encode())
        ends = monotonic_ns() + WAIT_S * 1e9
        while len(waiting) < 2:
            assert monotonic_ns() < ends
            asked.service._receive()
        keys.revoke("gate-1")
        if becomes is not None:
            keys.authorize(key, becomes)
        while asked.guard.role_of("gate-1") is not becomes:
            assert monotonic_ns() < ends

        answers = []
        for _ in range(2):
            asked.wait_for(lambda: client.socket.poll(0), "the answer")
            answers.append(json.loads(client.socket.recv()))

    assert [(answer["id"], answer["error"]) for answer in answers] == [(2, "bad_request"), (3, "bad_request")]
    assert ("not authorised any more" if becomes is None else "this needs gate") in answers[0]["detail"]
    assert asked.consumers.acked == {}


def test_a_request_counts_under_the_key_s_name_also_when_it_names_nobody() -> None:
    assert consumer_of(Peer("gate-1", Role.GATE), None) == "gate-1"
    assert consumer_of(None, "gate-2") == "gate-2"


def test_without_keys_any_claim_is_believed() -> None:
    assert peer_of([], None) is None
    assert claim_fault(None, "anybody", Role.GATE) is None


@pytest.mark.parametrize(
    ("peer", "consumer", "needs", "words"),
    [
        (Peer("gate-1", Role.GATE), "gate-1", Role.GATE, None),
        (Peer("gate-1", Role.GATE), None, Role.READ, None),
        (Peer("panel", Role.READ), "panel", Role.READ, None),
        (Peer("panel", Role.READ), "panel", Role.GATE, "panel has the role read; this needs gate"),
        (Peer("panel", Role.READ), "gate-1", Role.GATE, "that of panel"),
        (Peer("gate-1", None), "gate-1", Role.READ, "is not authorised any more"),
        (Peer("", None), None, Role.READ, "the key of this connection is not authorised"),
    ],
)
def test_what_a_peer_may_say(peer: Peer, consumer: object, needs: Role, words: str | None) -> None:
    fault = claim_fault(peer, consumer, needs)

    assert (fault is None) if words is None else (words in (fault or ""))


def test_failed_handshakes_are_counted_by_reason(keys: Keys, asked: Asked) -> None:
    other_server, _ = zmq.curve_keypair()
    good = keys.new("panel")
    with (
        Client(asked.endpoint, None, kind=zmq.DEALER),
        Client(asked.endpoint, good, server=other_server, kind=zmq.DEALER),
        Client(asked.endpoint, keys.new("stranger", role=None), kind=zmq.DEALER),
    ):
        refused = asked.guard.refused
        wanted = {("service", reason) for reason in ("not_curve", "wrong_server_key", "unknown_key")}
        asked.wait_for(lambda: wanted <= refused.keys(), "three reasons")

        assert (refused[("service", "not_curve")], refused[("service", "unknown_key")]) == (1, 1)


def test_a_flood_of_bad_connections_neither_silences_the_endpoint_nor_is_miscounted(keys: Keys, asked: Asked) -> None:
    # ZeroMQ's own thread waits for whoever watches handshakes: with the default bound 2000 of them are the end.
    host, port = asked.endpoint.removeprefix("tcp://").split(":")
    for _ in range(FLOOD):
        with socket_module.create_connection((host, int(port)), WAIT_S) as stranger:
            stranger.sendall(NULL_GREETING)
            while stranger.recv(4096):  # up to its being hung up on
                pass

    with dealer(asked, keys.new("panel")) as client:  # nobody has looked at the failed ones up to here
        assert asked.ask(client, op="hello", id=1)["id"] == 1
    asked.wait_for(lambda: asked.guard.refused.get(("service", "not_curve")) == FLOOD, "all of them to be counted")
