"""What a service manager hears, on a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_inspector.observe.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A bound socket, and its name as a service manager writes it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@edge-inspector-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0" + name[1:] if name.startswith("@") else name)
        bound.settimeout(10)
        yield bound, name


def test_each_word_is_one_datagram(manager: tuple[socket.socket, str]) -> None:
    bound, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})

    notifier.ready()
    notifier.status("ready; 3 parts")
    notifier.feed()
    notifier.stopping()

    heard = [bound.recv(1000) for _ in range(4)]
    assert heard == [b"READY=1", b"STATUS=ready; 3 parts", b"WATCHDOG=1", b"STOPPING=1"]


def test_what_is_meant_for_this_process_is_taken_out_of_the_environment() -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}

    notifier = Notifier(environment)

    assert notifier.watchdog_s == 5.0
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "5000000"},  # nowhere to feed it
        {"NOTIFY_SOCKET": "@x"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"},
    ],
)
def test_nobody_is_fed_who_does_not_watch_this_process(environment: dict[str, str]) -> None:
    assert Notifier(environment).watchdog_s is None


@pytest.mark.parametrize(
    "environment", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}, {"NOTIFY_SOCKET": "@nobody-listens"}]
)
def test_a_manager_that_is_not_there_holds_up_nobody(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)

    notifier.ready()
    notifier.feed()

    assert environment == {}


def test_a_manager_that_does_not_read_holds_up_nobody(manager: tuple[socket.socket, str]) -> None:
    bound, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})

    for _ in range(5000):  # far more than a socket's buffer takes
        notifier.feed()

    assert bound.recv(1000) == b"WATCHDOG=1"
