"""The control socket: who asks is known, and no client can hold it up or fill it."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.core.errors import ProcessError
from edge_inspector.run import control
from edge_inspector.run.control import NAME, ControlSocket, Peer, _with_login, ask_daemon

WAIT_S = 10.0


class Bench:
    """A control socket served in a thread, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[dict[str, Any], Peer]] = []
        self.socket = ControlSocket(folder, self._answer)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _answer(self, request: dict[str, Any], peer: Peer) -> dict[str, Any]:
        self.asked.append((request, peer))
        return {"ok": True, "op": request.get("op")}

    def _serve(self) -> None:
        while not self._stop.is_set():
            self.socket.step()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the control socket hangs"
        self.socket.close()


AS_NOBODY = """
import ctypes, os, pathlib, sys
from edge_inspector.run.control import ask_daemon
os.setgroups([]), os.setgid(65534), os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1)  # dumpable, as every program is that was started by that user: /proc/self is its own
try:
    ask_daemon(pathlib.Path(sys.argv[1]), {}, 5.0)
    print("answered")
except Exception as error:
    print(error)
"""


def as_nobody(folder_fd: int) -> str:
    """Return what another user is told who asks in an open folder."""
    command = [sys.executable, "-c", AS_NOBODY, f"/proc/self/fd/{folder_fd}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, pass_fds=[folder_fd])
    return done.stdout


@contextmanager
def served(folder: Path) -> Iterator[Bench]:
    bench = Bench(folder)
    try:
        yield bench
    finally:
        bench.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with served(tmp_path) as bench:
        yield bench


@pytest.fixture
def raw(bench: Bench) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(WAIT_S)
        client.connect(str(bench.folder / NAME))
        yield client


def test_a_request_is_answered_and_the_kernel_says_who_asked(bench: Bench) -> None:
    answer = ask_daemon(bench.folder, {"op": "status", "uid": 77}, WAIT_S)

    assert answer == {"ok": True, "op": "status"}
    ((_, peer),) = bench.asked
    assert (peer.pid, peer.uid, peer.user) == (os.getpid(), os.getuid(), pwd.getpwuid(os.getuid()).pw_name)


def test_root_alone_is_believed_who_is_behind_him(bench: Bench, raw: socket.socket) -> None:
    raw.sendall(b'{"op": "status", "login_uid": 1}\n')

    assert json.loads(raw.recv(4096)) == {"ok": True, "op": "status"}
    ((request, peer),) = bench.asked
    assert request == {"op": "status"}
    assert (peer.login == pwd.getpwuid(1).pw_name) is (os.getuid() == 0)


def test_nobody_else_is_believed_who_is_behind_him() -> None:
    peer = Peer(pid=7, uid=1000, user="anna", login=None)

    assert _with_login(peer, 1) == peer
    assert _with_login(Peer(7, 0, "root", "berta"), 1).login == "berta", "the kernel knows better"
    assert [_with_login(Peer(7, 0, "root", None), wrong).login for wrong in (0, -1, 2**32 - 1, "1", None)] == [None] * 5


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    deep.mkdir(parents=True)

    with served(deep):
        answer = ask_daemon(deep, {"op": "status"}, WAIT_S)

    assert answer["ok"] is True
    assert list(deep.iterdir()) == []


def test_only_user_and_group_may_ask(bench: Bench) -> None:
    mode = (bench.folder / NAME).stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to ask as somebody else")
def test_somebody_without_the_right_is_told_whose_socket_it_is(bench: Bench) -> None:
    fd = os.open(bench.folder, os.O_PATH)  # the folders above it are closed to others
    bench.folder.chmod(0o755)

    said = as_nobody(fd)
    os.chmod(bench.folder / NAME, 0o666)
    said_to_all = as_nobody(fd)
    os.close(fd)

    assert "you may not use" in said
    assert "which belongs to root" in said
    assert said_to_all.strip() == "answered"
    assert [peer.uid for _, peer in bench.asked] == [65534]


def test_the_socket_of_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(tmp_path / NAME))

    with pytest.raises(ProcessError, match="no daemon runs"):
        ask_daemon(tmp_path, {}, 1.0)
    with served(tmp_path):
        answer = ask_daemon(tmp_path, {"op": "status"}, WAIT_S)

    assert answer["ok"] is True


def test_something_else_with_its_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("a person's file")

    with pytest.raises(ProcessError, match=r"control\.sock cannot be made: something else has this name"):
        ControlSocket(tmp_path, lambda _request, _peer: {})

    assert (tmp_path / NAME).read_text() == "a person's file"


@pytest.mark.parametrize("folder", [".", "absent"])
def test_without_a_daemon_the_next_step_is_said(folder: str, tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"no daemon runs with state_dir .+; start it with `edge-inspector run`"):
        ask_daemon(tmp_path / folder, {}, 1.0)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"{\n", "not JSON"),
        (b"[1]\n", "not a JSON object"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 4000 + b"\n", "not JSON"),
        (b"\n", "not JSON"),
        (b'{"op": "bypass_on"', "one JSON object in one line"),
        (b'{"op": "a"}\n{"op": "b"}\n', "not JSON"),
        (b"x" * 10_000, "one JSON object in one line"),
    ],
)
def test_what_is_no_request_gets_an_answer_and_harms_nobody(
    sent: bytes, words: str, bench: Bench, raw: socket.socket
) -> None:
    raw.sendall(sent)
    raw.shutdown(socket.SHUT_WR)
    answer = json.loads(raw.makefile().readline())

    assert (answer["ok"], answer["refused"]) == (False, True)
    assert words in answer["error"]
    assert bench.asked == []
    assert ask_daemon(bench.folder, {"op": "status"}, WAIT_S)["ok"] is True


def test_a_client_that_sends_without_end_is_answered_after_a_few_kilobytes(bench: Bench, raw: socket.socket) -> None:
    raw.sendall(b"x" * 100_000)

    answer = json.loads(raw.makefile().readline())

    n_bytes = int(answer["error"].split("these ")[1].split()[0])
    assert control.REQUEST_BYTES < n_bytes <= 2 * control.REQUEST_BYTES
    assert bench.asked == []


def test_a_client_that_says_nothing_or_hangs_up_costs_the_next_one_a_second_at_most(
    bench: Bench, raw: socket.socket
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gone:
        gone.connect(str(bench.folder / NAME))
        gone.sendall(b'{"op": "status"}\n')
    began = time.monotonic()

    answer = ask_daemon(bench.folder, {"op": "status"}, WAIT_S)

    assert answer["ok"] is True
    assert time.monotonic() - began < 2 * control.CLIENT_S + 1
    assert raw.recv(1) == b"", "the silent client was not cut off"


def test_a_client_that_drips_is_cut_off_all_the_same(bench: Bench, raw: socket.socket) -> None:
    def drip() -> None:
        for _ in range(1000):
            raw.sendall(b" ")
            time.sleep(0.02)

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        drip()

    assert ask_daemon(bench.folder, {"op": "status"}, WAIT_S)["ok"] is True


def test_more_clients_than_may_wait_are_answered_in_the_end(bench: Bench) -> None:
    answers: list[dict[str, Any]] = []
    askers = [
        threading.Thread(target=lambda: answers.append(ask_daemon(bench.folder, {"op": "status"}, WAIT_S)))
        for _ in range(4 * control.BACKLOG)
    ]

    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(WAIT_S)

    assert [answer["ok"] for answer in answers] == [True] * len(askers)


def test_a_daemon_that_stands_still_is_told_so_within_the_time(tmp_path: Path) -> None:
    standing = ControlSocket(tmp_path, lambda _request, _peer: {})
    try:
        with pytest.raises(ProcessError, match=r"did not answer within 0\.3 s"):
            ask_daemon(tmp_path, {}, 0.3)
    finally:
        standing.close()
