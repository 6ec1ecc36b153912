"""The signals and telemetry endpoints over real sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from edge_inspector.client.subscriber import Message, Subscriber
from edge_inspector.client.wire import Flag
from edge_inspector.core.errors import EndpointError
from edge_inspector.core.verdict import Heartbeat, Judgement, LineState, Outcome, Reason, Totals, Verdict
from edge_inspector.signal.publisher import SignalPublisher, part_of
from edge_inspector.signal.sockets import bound
from edge_inspector.signal.telemetry import Telemetry

VERDICT = Verdict(
    "l1", 7, 1, 5, "cam0", 1, Judgement(Outcome.PASS, Reason.OK, 0.1, "OK", (), 7, 0), "m@1", "0" * 64, "r",
    1_790_000_000_000_000, "host", 900, -1, False, False, None,
)  # fmt: skip
BEAT = Heartbeat("l1", 7, 1, 0, LineState.READY, True, (), 1000, True, -1, Totals(1, 1, 0, 0, 0))


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/s"


@pytest.fixture
def wake_fd() -> Iterator[int]:
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    yield fd
    os.close(fd)


@pytest.fixture
def signals(endpoint: str) -> Iterator[SignalPublisher]:
    publisher = SignalPublisher(endpoint, is_simulated=False)
    yield publisher
    publisher._watch.close()
    publisher._socket.close(linger=0)  # `close` would end the context that other tests use


def wait_for_subscribers(signals: SignalPublisher, wake_fd: int, n: int) -> None:
    for _ in range(1000):
        if signals.subscribers == n:
            return
        signals.wait(wake_fd, 0.01)
    raise AssertionError(f"{signals.subscribers} subscribers, waited for {n}")


def received(subscriber: Subscriber) -> Message:
    message = subscriber.receive(timeout_s=10.0)
    assert message is not None
    return message


def test_subscribers_are_counted_as_they_come_and_go(signals: SignalPublisher, endpoint: str, wake_fd: int) -> None:
    with Subscriber("l1", [endpoint]):
        wait_for_subscribers(signals, wake_fd, 1)
        with Subscriber("l1", [endpoint]):
            wait_for_subscribers(signals, wake_fd, 2)

    wait_for_subscribers(signals, wake_fd, 0)


def test_verdicts_and_heartbeats_arrive_in_order(signals: SignalPublisher, endpoint: str, wake_fd: int) -> None:
    _, message = signals.encode(VERDICT, is_ready=True)
    with Subscriber("l1", [endpoint]) as subscriber:
        wait_for_subscribers(signals, wake_fd, 1)
        signals.send(message)
        signals.beat(BEAT)
        signals.send_again(message)

        heard = [received(subscriber) for _ in range(3)]

    assert [m.kind for m in heard] == ["verdict", "hb", "verdict"]
    assert [bool(m.header.flags & Flag.REPLAYED) for m in heard] == [False, False, True]
    assert heard[0].body == heard[2].body


def test_a_line_hears_nothing_of_a_line_whose_name_begins_alike(
    signals: SignalPublisher, endpoint: str, wake_fd: int
) -> None:
    with Subscriber("l", [endpoint]) as other, Subscriber("l1", [endpoint]) as subscriber:
        wait_for_subscribers(signals, wake_fd, 2)
        signals.beat(BEAT)

        assert received(subscriber).kind == "hb"
        assert other.receive(timeout_s=0.0) is None


def test_the_part_of_an_encoded_message_can_be_read(signals: SignalPublisher) -> None:
    _, message = signals.encode(VERDICT, is_ready=True)

    assert part_of(message) == 5


def test_sending_without_a_subscriber_does_not_wait(signals: SignalPublisher) -> None:
    _, message = signals.encode(VERDICT, is_ready=True)

    for _ in range(20_000):  # twice the high-water mark
        signals.send(message)


def test_what_clients_send_is_ignored(signals: SignalPublisher, endpoint: str, wake_fd: int) -> None:
    client = zmq.Context.instance().socket(zmq.XSUB)
    client.setsockopt(zmq.LINGER, 0)
    client.connect(endpoint)
    for frame in (b"garbage", b"", b"\x00never subscribed", b"\x01insp.v1.l1."):
        client.send(frame)

    wait_for_subscribers(signals, wake_fd, 1)
    client.close()


def test_few_words_of_one_client_are_taken_in_at_once(signals: SignalPublisher) -> None:
    # ZeroMQ files all that it took in before it lets go of the thread that sends: 1000, and a flood holds it up.
    assert signals._socket.getsockopt(zmq.RCVHWM) == 16


def test_waiting_ends_when_the_descriptor_becomes_readable(signals: SignalPublisher, wake_fd: int) -> None:
    os.eventfd_write(wake_fd, 1)

    signals.wait(wake_fd, timeout_s=3600.0)  # pytest's own time limit fails this if it waits


def test_an_address_in_use_names_the_setting_and_what_to_do() -> None:
    first = bound(zmq.PUB, "tcp://127.0.0.1:*", "signals")
    address = first.getsockopt_string(zmq.LAST_ENDPOINT)

    with pytest.raises(EndpointError, match=r"endpoints\.telemetry: tcp://127.* is in use .*ss -lnp"):
        bound(zmq.PUB, address, "telemetry")
    first.close(linger=0)


def test_an_address_that_is_not_here_is_refused() -> None:
    with pytest.raises(EndpointError, match=r"endpoints\.service: cannot bind"):
        bound(zmq.ROUTER, "tcp://192.0.2.1:5560", "service")


def test_telemetry_says_state_events_and_metrics(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/t"
    telemetry = Telemetry(endpoint, "l1", is_simulated=True, head_seq=lambda: 3)
    telemetry.epoch = 7
    with Subscriber("l1", [endpoint]) as subscriber:
        # A PUB socket does not tell who listens: said again until it is heard.
        while (first := subscriber.receive(timeout_s=0.05)) is None:
            telemetry.state(LineState.PREOPERATIONAL, LineState.PREOPERATIONAL, "starting")
        telemetry.state(LineState.READY, LineState.PREOPERATIONAL, "no faults")
        telemetry.event("parts_lost", "error", "killed", {"range": [1, 2]})
        telemetry.metrics([{"name": "x_total", "type": "counter", "help": "h", "samples": [["", {}, 1]]}])
        heard = [received(subscriber) for _ in range(3)]
        while heard[0].body["state"] != "Ready":  # more than one of the first kind may have come through
            heard = [*heard[1:], received(subscriber)]
    telemetry.close()

    assert not first.header.flags & Flag.READY
    assert [m.kind for m in heard] == ["state", "event", "metrics"]
    assert heard[1].body["range"] == [1, 2]
    assert heard[2].body["families"][0]["samples"] == [["", {}, 1]]
    assert {(m.header.epoch, m.header.seq, m.header.part_id) for m in heard} == {(7, 3, 0)}
    assert {m.header.flags for m in heard} == {Flag.SIMULATED | Flag.READY}


def test_an_ipc_path_that_somebody_listens_on_is_not_taken_from_him(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/signals.ipc"
    first = bound(zmq.XPUB, endpoint, "signals")

    with pytest.raises(EndpointError, match=r"endpoints\.signals: ipc://.* is in use"):
        bound(zmq.XPUB, endpoint, "signals")

    first.close()


def test_an_ipc_path_that_a_killed_process_left_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "signals.ipc"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()

    bound(zmq.XPUB, f"ipc://{path}", "signals").close()
