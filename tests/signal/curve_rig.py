"""A line with encrypted verdicts, its keys in a folder, and clients of all kinds, on real sockets of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from edge_inspector.client.key_file import KeyFile
from edge_inspector.client.keys import ClientKeys
from edge_inspector.core.verdict import Heartbeat, LineState, Totals
from edge_inspector.run.worker import Worker
from edge_inspector.signal.authenticator import Authenticator
from edge_inspector.signal.authorized import LIST, AuthorizedKey, Role, read_authorized, write_authorized
from edge_inspector.signal.keys import ServerKey, make_key, read_key, server_key_of
from edge_inspector.signal.publisher import SignalPublisher

BEAT = Heartbeat("l1", 7, 1, 0, LineState.READY, True, (), 1000, True, -1, Totals(1, 1, 0, 0, 0))
WAIT_S = 20.0
RECONNECT_MS = 20


class Keys:
    """A folder of keys, filled as the command line fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.list = folder, folder / LIST
        make_key(folder, "server", None)
        write_authorized(self.list, ())

    @property
    def server(self) -> ServerKey:
        return server_key_of(self.folder, False, {})

    def new(self, name: str, role: Role | None = Role.READ) -> KeyFile:
        """Make a key and let it in; None makes it alone."""
        make_key(self.folder, name, self.server.public)
        key = read_key(self.folder / f"{name}.key")
        if role is not None:
            self.authorize(key, role)
        return key

    def client(self, name: str, role: Role | None = Role.READ) -> ClientKeys:
        """Do the same, and return it as the SDK reads it."""
        self.new(name, role)
        return ClientKeys.load(self.folder / f"{name}.key")

    def authorize(self, key: KeyFile, role: Role = Role.READ) -> None:
        write_authorized(self.list, (*read_authorized(self.list), AuthorizedKey(key.name, role, key.public.decode())))

    def revoke(self, name: str) -> None:
        write_authorized(self.list, [key for key in read_authorized(self.list) if key.name != name])


class Line:
    """The verdicts of a line, and its authenticator in a thread of its own."""

    def __init__(self, keys: Keys, endpoint: str) -> None:
        self.guard = Authenticator(keys.server, keys.list)
        self.worker = Worker("authenticator", self.guard.step, self.guard)
        self.signals = SignalPublisher(endpoint, False, self.guard)
        self.endpoint = self.signals._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK)

    def turn(self) -> None:
        """Do what the loop does between two parts."""
        self.signals.wait(self.wake_fd, 0.005)
        self.signals.beat(BEAT)

    def turn_until(self, is_true: Callable[[], object], what: str) -> None:
        ends = time.monotonic() + WAIT_S
        while not is_true():
            assert time.monotonic() < ends, f"waited {WAIT_S:g} s for {what}"
            self.turn()

    def kill_authenticator(self) -> None:
        """Have the next step of its thread raise, as a mistake in it would."""
        self.guard._look = _raise  # type: ignore[method-assign]
        assert self.turn_until(lambda: self.worker.error is not None, "its death") is None

    def close(self) -> None:
        self.worker.stop(WAIT_S)
        self.guard._socket.close(linger=0)
        self.signals._watch.close()
        self.signals._socket.close(linger=0)  # `close` would end the context that other tests use
        os.close(self.wake_fd)


def _raise(*_: object, **__: object) -> None:
    raise RuntimeError("made to die")


class Client:
    """A subscriber that notes what its connection goes through."""

    def __init__(self, endpoint: str, key: KeyFile | None, server: bytes | None = None, kind: int = zmq.SUB) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        if kind == zmq.SUB:
            self.socket.setsockopt(zmq.SUBSCRIBE, b"insp.v1.l1.")
        if key is not None:
            assert key.secret is not None
            self.socket.setsockopt(zmq.CURVE_PUBLICKEY, key.public)
            self.socket.setsockopt(zmq.CURVE_SECRETKEY, key.secret)
            self.socket.setsockopt(zmq.CURVE_SERVERKEY, server or key.server or b"")
        self._monitor = self.socket.get_monitor_socket()
        self.n_heard = 0
        self._events: list[tuple[str, int]] = []
        self._endpoint = endpoint

    def connect(self) -> Self:
        self.socket.connect(self._endpoint)
        return self

    def events(self) -> list[tuple[str, int]]:
        """Return name and value of everything that happened to the connection so far."""
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)
            self._events.append((zmq.Event(event["event"]).name or "", int(event["value"])))
        return self._events

    def count(self, name: str) -> int:
        return sum(event == name for event, _ in self.events())

    def hears(self) -> bool:
        """Return whether anything new came."""
        n_before = self.n_heard
        while self.socket.poll(0):
            self.socket.recv_multipart()
            self.n_heard += 1
        return self.n_heard > n_before

    def close(self) -> None:
        self.socket.disable_monitor()
        self._monitor.close(linger=0)
        self.socket.close()

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def lines(keys: Keys, endpoint: str = "tcp://127.0.0.1:*", is_answering: bool = True) -> Iterator[Line]:
    """Give a line whose authenticator runs, or does not."""
    with ExitStack() as stack:
        line = Line(keys, endpoint)
        stack.callback(line.close)
        if is_answering:
            line.worker.start()
        yield line
