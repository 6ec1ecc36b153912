"""What a client says of a connection that breaks off before it stands."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.link import HANG_UPS, Link

LIMIT_S = 15.0


class HangsUp:
    """Takes connections at an address and ends each in the midst of its handshake, as a line that is killed does."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.ended = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if not connection.recv(4096):  # its greeting: the handshake has begun
                    return
                connection.sendall(b"\xff" + bytes(8) + b"\x7f\x03")
            self.ended += 1

    def close(self) -> None:
        with socket.create_connection(self._listener.getsockname()):
            pass
        self._thread.join(LIMIT_S)
        self._listener.close()


@pytest.fixture
def other() -> Iterator[HangsUp]:
    other = HangsUp()
    yield other
    other.close()


def made_keys() -> ClientKeys:
    public, secret = zmq.curve_keypair()
    return ClientKeys(public, secret, zmq.curve_keypair()[0])


def whys(link: Link, is_over: Callable[[], Any]) -> list[str]:
    """Return what it says until something is true."""
    ends_s, found = time.monotonic() + LIMIT_S, []
    while not is_over():
        assert time.monotonic() < ends_s, f"waited; it said {found}"
        if (why := link.tend(time.monotonic_ns() // 1000)) is not None:
            found.append(why)
        time.sleep(0.002)
    return found


@pytest.mark.parametrize("has_keys", [False, True])
def test_a_line_that_ends_during_a_handshake_is_no_refusal(other: HangsUp, has_keys: bool) -> None:
    link = Link(zmq.DEALER, [other.endpoint], keys=made_keys() if has_keys else None)

    said = whys(link, lambda: other.ended >= HANG_UPS - 1)
    link.close()

    assert said == []


def test_without_keys_nothing_is_said_of_keys_however_often_the_other_side_hangs_up(other: HangsUp) -> None:
    link = Link(zmq.DEALER, [other.endpoint])

    said = whys(link, lambda: other.ended >= 2 * HANG_UPS)
    link.close()

    assert said
    assert not any("key" in why for why in said)


def test_with_keys_one_that_hangs_up_each_time_is_told_with_what_may_be_wrong(other: HangsUp) -> None:
    link = Link(zmq.DEALER, [other.endpoint], keys=made_keys())

    said = whys(link, lambda: other.ended >= 2 * HANG_UPS)
    link.close()

    assert "names another line (server-key), or its halves do not belong together" in said[0]


def test_two_addresses_that_hang_up_at_once_are_one_line_that_ended(other: HangsUp) -> None:
    second = HangsUp()
    link = Link(zmq.SUB, [other.endpoint, second.endpoint], b"insp")

    said = whys(link, lambda: min(other.ended, second.ended) >= 1)
    link.close()
    second.close()

    assert said == []
