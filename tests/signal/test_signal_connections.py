"""Who brings far more than a client has to say is hung up on, and nobody else."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from edge_inspector.signal.connections import MAX_TOPIC_BYTES, Connections

BURST = 10_000
LIMIT_S = 10.0


class Pair:
    """A connection: what an endpoint accepted, and its client."""

    def __init__(self, listener: socket.socket) -> None:
        self.client = socket.create_connection(listener.getsockname())
        self.accepted, _ = listener.accept()
        self.client.settimeout(0.05)

    @property
    def fd(self) -> int:
        return self.accepted.fileno()

    def is_hung_up(self) -> bool:
        try:
            return self.client.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def close(self) -> None:
        self.client.close()
        self.accepted.close()


class Bench:
    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections = Connections("service", f"tcp://127.0.0.1:{self.listener.getsockname()[1]}", BURST)
        self.pairs: list[Pair] = []

    def pair(self) -> Pair:
        self.pairs.append(Pair(self.listener))
        self.connections.came(self.pairs[-1].fd)
        return self.pairs[-1]

    def turn(self, n: int = 3) -> None:
        for _ in range(n):
            self.connections._next_ns = 0
            self.connections.step()

    def until_cut(self, n: int = 1) -> None:
        ends_s = time.monotonic() + LIMIT_S
        while self.connections.cut < n:
            assert time.monotonic() < ends_s, "waited for a connection to be cut"
            self.turn()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for pair in bench.pairs:
        pair.close()
    bench.listener.close()


def test_who_brings_too_much_is_hung_up_on_and_the_others_stay(bench: Bench) -> None:
    bad, good = bench.pair(), bench.pair()
    good.client.sendall(b"x" * (BURST - 100))
    bad.client.sendall(b"x" * (BURST + 100))

    bench.until_cut()
    bench.turn(10)

    assert (bad.is_hung_up(), good.is_hung_up()) == (True, False)
    assert bench.connections.cut == 1


def test_a_whole_message_that_was_taken_forgives_what_was_brought(bench: Bench) -> None:
    pair = bench.pair()
    for _ in range(5):
        pair.client.sendall(b"x" * (BURST - 3_000))
        bench.turn()
        bench.connections.said(pair.fd)
    bench.turn()

    assert bench.connections.cut == 0


def test_what_a_client_s_pings_take_is_forgiven_in_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_inspector.signal import connections as module

    now_ns = time.monotonic_ns()
    monkeypatch.setattr(module, "monotonic_ns", lambda: now_ns)
    pair = bench.pair()
    for _ in range(40):
        pair.client.sendall(b"x" * 1_000)
        pair.accepted.recv(1_000)  # ZeroMQ took it: only what was counted is of interest
        now_ns += 1_000_000_000
        bench.turn(1)

    assert bench.connections.cut == 0


def test_a_connection_with_too_many_subscriptions_is_hung_up_on(bench: Bench) -> None:
    bad, good = bench.pair(), bench.pair()
    for _ in range(MAX_TOPIC_BYTES // 50 + 1):
        bench.connections.subscribed(bad.fd, 50)
    bench.connections.subscribed(good.fd, 50)

    assert bench.connections.cut == 1
    assert (bad.is_hung_up(), good.is_hung_up()) == (True, False)


def test_a_number_that_is_free_or_another_file_s_now_is_left_alone(bench: Bench) -> None:
    gone, other = bench.pair(), socket.create_server(("127.0.0.1", 0))
    fd = gone.fd
    stranger = Pair(other)
    reader, writer = os.pipe()
    for number in (stranger.fd, reader):
        bench.connections.came(number)
        bench.connections.subscribed(number, MAX_TOPIC_BYTES + 1)
    stranger.client.sendall(b"x" * 3 * BURST)
    gone.accepted.close()
    bench.connections.subscribed(fd, MAX_TOPIC_BYTES + 1)
    bench.connections.came(fd)
    bench.turn(10)

    assert not stranger.is_hung_up()
    os.write(writer, b"x")
    assert os.read(reader, 1) == b"x"
    os.close(reader)
    os.close(writer)
    stranger.close()
    other.close()


def test_what_is_remembered_of_connections_that_come_and_go_is_bounded(bench: Bench) -> None:
    pair = bench.pair()
    for _ in range(500):
        bench.connections.went(pair.fd)
        bench.connections.came(pair.fd)
        bench.turn(1)

    assert len(bench.connections._turn) <= 1
    assert len(bench.connections._known) == 1


def test_over_ipc_nothing_is_watched() -> None:
    connections = Connections("signals", "ipc:///tmp/s", BURST)
    connections.came(0)
    connections.subscribed(0, MAX_TOPIC_BYTES + 1)
    connections.step()

    assert connections.cut == 0
