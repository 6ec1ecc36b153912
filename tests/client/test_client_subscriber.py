"""The subscriber and the one-question client, against plain sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from edge_inspector.client.subscriber import Subscriber, ask
from edge_inspector.client.wire import Flag, Header, WireError

HEADER = Header(Flag.READY, 7, 1, 0, 1000).pack()


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/s"


@pytest.fixture
def publisher(endpoint: str) -> Iterator[zmq.Socket[bytes]]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.bind(endpoint)
    yield socket
    socket.close()


def test_a_message_is_parsed(publisher: zmq.Socket[bytes], endpoint: str) -> None:
    with Subscriber("l1", [endpoint]) as subscriber:
        assert publisher.recv() == b"\x01insp.v1.l1."
        publisher.send_multipart([b"insp.v1.l1.hb", HEADER, b'{"ready":true}'])

        message = subscriber.receive(timeout_s=10.0)

    assert message is not None
    assert (message.kind, message.header.part_id, message.body) == ("hb", 1000, {"ready": True})


def test_nothing_within_the_time_is_none(publisher: zmq.Socket[bytes], endpoint: str) -> None:
    with Subscriber("l1", [endpoint]) as subscriber:
        assert subscriber.receive(timeout_s=0.01) is None


@pytest.mark.parametrize(
    ("frames", "rule"),
    [
        ([b"insp.v1.l1.hb", HEADER], "2 frames, not 3"),
        ([b"insp.v1.l1.hb", HEADER, b"{}", b""], "4 frames, not 3"),
        ([b"insp.v1.l1.hb", HEADER, b"{"], "not JSON"),
        ([b"insp.v1.l1.hb", HEADER, b"\xff"], "not JSON"),
        ([b"insp.v1.l1.hb", HEADER[:40], b"{}"], "40 bytes"),
    ],
)
def test_what_is_not_the_protocol_is_refused(
    publisher: zmq.Socket[bytes], endpoint: str, frames: list[bytes], rule: str
) -> None:
    with Subscriber("l1", [endpoint]) as subscriber:
        publisher.recv()
        publisher.send_multipart(frames)

        with pytest.raises(WireError, match=rule):
            subscriber.receive(timeout_s=10.0)


def test_two_endpoints_are_heard_with_one_subscriber(
    tmp_path: Path, publisher: zmq.Socket[bytes], endpoint: str
) -> None:
    second: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
    second.bind(f"ipc://{tmp_path}/t")
    with Subscriber("l1", [endpoint, f"ipc://{tmp_path}/t"]) as subscriber:
        for socket, kind in ((publisher, b"hb"), (second, b"state")):
            socket.recv()
            socket.send_multipart([b"insp.v1.l1." + kind, HEADER, b"{}"])

        kinds = {message.kind for _ in range(2) if (message := subscriber.receive(timeout_s=10.0)) is not None}
    second.close(linger=0)

    assert kinds == {"hb", "state"}


def test_a_question_gets_its_answer(endpoint: str) -> None:
    router: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    router.bind(endpoint)

    def answer() -> None:
        sender, request = router.recv_multipart()
        router.send_multipart([sender, json.dumps({"id": json.loads(request)["id"]}).encode()])

    thread = threading.Thread(target=answer)
    thread.start()

    got = ask(endpoint, {"op": "hello", "id": 3}, timeout_s=10.0)
    thread.join()
    router.close(linger=0)

    assert got == {"id": 3}


def test_a_question_to_nobody_is_none(endpoint: str) -> None:
    assert ask(endpoint, {"op": "hello"}, timeout_s=0.05) is None
