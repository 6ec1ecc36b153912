"""Clients that ask, clients that ask nonsense, and a model that cannot run."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable

import pytest
import zmq
from daemon import Client, Line

MakeLine = Callable[..., Line]

BAD_REQUESTS = {
    "no JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "an array": b"[1,2]",
    "a number": b"7",
    "null": b"null",
    "deep": b"[" * 60_000,
    "no op": b'{"id":5}',
    "unknown op": b'{"op":"fire","id":5}',
    "op of another type": b'{"op":["hello"],"id":5}',
    "empty": b"",
    "a number that no reader can hold": b'{"op":"hello","id":' + b"9" * 5000 + b"}",
}


def request(**keys: object) -> bytes:
    return json.dumps(keys).encode()


@pytest.mark.timeout(90)
def test_the_service_answers_and_survives_what_it_is_asked(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 50.0})
    witness = line.listen()
    line.start()
    beat = witness.wait_for("hb", lambda m: m.body["ready"])

    with Client(line, zmq.DEALER) as dealer, Client(line, zmq.REQ) as req, Client(line, zmq.DEALER) as large:
        hello = dealer.ask(request(op="hello", id=1, consumer="gate-1"))
        status = req.ask(request(op="status", id="two"))
        delimited = dealer.ask(b"", request(op="hello", id=3, consumer="gate-1"))
        answers = {name: req.ask(data) for name, data in BAD_REQUESTS.items()}
        two_frames = dealer.ask(request(op="hello", id=4), b"more")
        large_answer = large.ask(request(op="hello", id=5, pad="x" * 70_000), timeout_s=1.0)
        after = dealer.ask(request(op="hello", id=6, consumer="gate-1"))
        large_after = large.ask(request(op="hello", id=7, consumer="gate-1"))
    n = len(witness.messages("verdict"))
    witness.wait_for_verdicts(n + 20)
    code = line.stop()

    assert code == 0
    assert witness.violations(drained=True) == []
    assert (hello["id"], hello["schema"], hello["line"], hello["ready"]) == (1, "insp/1", "e2e", True)
    assert hello["epoch"] == beat.head.epoch
    assert set(hello["epochs"][0]) == {"epoch", "tail_seq", "head_seq", "durable_seq"}
    assert hello["lease_ms"] == 1000
    assert hello["hb_age_ms"] < hello["lease_ms"]
    assert status["id"] == "two"
    assert status["heartbeat"]["line"] == "e2e"
    assert status["consumers"] == []
    assert delimited["id"] == 3
    assert {name: answer["error"] for name, answer in answers.items()} == dict.fromkeys(BAD_REQUESTS, "bad_request")
    assert answers["unknown op"]["id"] == 5
    assert two_frames["error"] == "bad_request"
    assert large_answer is None
    assert (after["id"], large_after["id"]) == (6, 7)


@pytest.mark.timeout(60)
def test_garbage_on_the_ports_disturbs_nobody(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 100.0})
    witness = line.listen()
    line.start()
    witness.wait_for_verdicts(10)
    links = sum('"link"' in record for record in witness.records())

    greeting_then_nothing = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03"
    greeting_then_noise = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL" + bytes(48) + os.urandom(4096)
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096), greeting_then_nothing, greeting_then_noise):
        for endpoint in line.endpoints.values():
            with socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])), 2.0) as client:
                client.sendall(data)
    n = len(witness.messages("verdict"))
    witness.wait_for_verdicts(n + 50)
    with Client(line, zmq.REQ) as client:
        hello = client.ask(request(op="hello", id=1, consumer="gate-1"))
    links_after = sum('"link"' in record for record in witness.records())
    code = line.stop()

    assert code == 0
    assert hello["ready"] is True
    assert links_after == links
    assert witness.violations(drained=True) == []


@pytest.mark.timeout(90)
def test_a_line_without_its_gpu_stays_up_never_ready_and_rejects_every_part(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 50.0}, model={"provider": "cuda"})
    witness = line.listen()
    # Also a machine with a GPU has none for this process.
    line.start(env={"CUDA_VISIBLE_DEVICES": ""})

    verdicts = witness.wait_for_verdicts(20)
    beats = witness.messages("hb")
    code = line.stop()

    states = {m.body["state"] for m in witness.messages("state")}
    assert code == 0
    assert {(m.body["verdict"], m.body["reason"]) for m in verdicts} == {("UNKNOWN", "model_error")}
    assert all("model" in m.body["faults"] and m.body["state"] == "Preoperational" for m in beats)
    assert not any(m.body["ready"] for m in witness.messages("hb"))
    assert states <= {"Preoperational", "Initialized", "Halted"}
    assert witness.violations(drained=True) == []
