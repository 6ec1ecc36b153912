"""Who may connect: answers ZeroMQ's question for every handshake of this process (ZAP, rfc.zeromq.org/spec/27)."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import zmq
from zmq.utils import z85

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EndpointError, KeysError
from edge_inspector.core.logs import get_log
from edge_inspector.signal.authorized import AuthorizedKey, Role, read_authorized, stamp_of
from edge_inspector.signal.guard import Endpoint, Refusal, server_options
from edge_inspector.signal.keys import ServerKey

log = get_log(__name__)

ADDRESS = "inproc://zeromq.zap.01"
"""Where libzmq asks; one for each process."""
LOOK_NS = 200_000_000
"""The list is looked at so often, and at every handshake."""
GRACE_NS = 700_000_000
"""From the moment a key is found revoked to the drop of its connections: main tells all clients before (it looks as
often), and nobody new is let in meanwhile."""
DEAD_NS = 5_000_000_000
"""It turns ten times a second. As long as main allows a child without progress."""
SLOT_NS, MOST_IN_SLOT = 100_000_000, 50
"""More handshakes wait: 500 a second let 200 clients return within half a second of a rebind, and are a twentieth of
this process's Python at most, however many strangers knock."""
MOST_NEWS = 100
_LOGGED_NS = 10_000_000_000
_NEVER_NS = -(2**62)  # not 0: that is a moment ago on a computer that has just started
_ENDPOINTS: tuple[Endpoint, ...] = ("signals", "telemetry", "service")
_OK, _AGAIN_LATER, _NO = b"200", b"300", b"400"


@dataclass(frozen=True, slots=True)
class News:
    """Something about the keys that people should know."""

    name: str
    """Of the event: `key_revoked`, `keys_changed`, `keys_unreadable`."""
    severity: str
    detail: str


class Authenticator:
    """Lets in the keys of the list, and nobody while it cannot be read.

    Made in one thread, then `with` and `step` in a thread of its own; everything else may be asked from any thread.
    When that thread ends or hangs, ZeroMQ refuses every new connection; those that are there live on.
    """

    def __init__(self, key: ServerKey, path: Path) -> None:
        """Read the list and open: from here on handshakes wait for `step`.

        Args:
            key: Of the line.
            path: The list of authorised keys.

        Raises:
            KeysError: The list cannot be used.
            EndpointError: This process has an authenticator already.
        """
        self._key, self._path = key, path
        self._stamp = stamp_of(path)
        self._keys = _by_public(read_authorized(path))
        self._is_readable = True
        self.drops = 0
        self.refused: dict[tuple[str, str], int] = {}
        """Handshakes that failed. Each pair is counted by one thread."""
        self._news: deque[News] = deque(maxlen=MOST_NEWS)
        self._drop_ns: int | None = None
        self._slot_ns = self._in_slot = 0
        self._logged_ns: dict[tuple[str, str], int] = {}
        self._turned_ns = self._next_look_ns = _NEVER_NS
        self.open()

    def open(self) -> None:
        """Be there for handshakes; again after the thread has ended.

        Raises:
            EndpointError: This process has an authenticator already.
        """
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.REP)
        socket.setsockopt(zmq.LINGER, 0)
        try:
            socket.bind(ADDRESS)
        except zmq.ZMQError as error:
            socket.close()
            raise EndpointError(f"a process has one authenticator, and this one has it already: {error}") from error
        self._socket, self._turned_ns = socket, monotonic_ns()

    def __enter__(self) -> Self:
        """Return itself; open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let nobody in any more."""
        self._turned_ns = _NEVER_NS
        self._socket.close()

    def step(self) -> bool:
        """Answer one handshake; False if none came within 0.1 s."""
        self._turned_ns = monotonic_ns()
        self._look()
        if not self._socket.poll(100):
            return False
        self._pace()
        self._look(is_due=True)  # who was authorised a moment ago is let in, who was revoked is not
        self._answer(self._socket.recv_multipart())
        return True

    @property
    def n_keys(self) -> int:
        """Keys that are authorised now; 0 while the list cannot be read."""
        return len(self._keys) if self._is_readable else 0

    def is_alive(self) -> bool:
        """Whether its thread turns."""
        return monotonic_ns() - self._turned_ns < DEAD_NS

    def options(self, endpoint: Endpoint) -> dict[int, int | bytes]:
        """Return what a socket must be set to before its bind."""
        return server_options(self._key, endpoint)

    def role_of(self, name: str) -> Role | None:
        """Return what the owner of an authorised key may do now; None if that key is not authorised (any more)."""
        return next((key.role for key in self._keys.values() if key.name == name), None)

    def count_refusal(self, endpoint: Endpoint, reason: Refusal) -> None:
        """Count a handshake that failed."""
        pair = (endpoint, reason)
        self.refused[pair] = self.refused.get(pair, 0) + 1

    def take_news(self) -> News | None:
        """Return what happened to the keys since, one by one; None when there is nothing more."""
        return self._news.popleft() if self._news else None

    def _pace(self) -> None:
        now_ns = monotonic_ns()
        if now_ns - self._slot_ns >= SLOT_NS:
            self._slot_ns, self._in_slot = now_ns, 0
        self._in_slot += 1
        if self._in_slot > MOST_IN_SLOT:
            time.sleep((self._slot_ns + SLOT_NS - now_ns) / 1e9)

    def _look(self, is_due: bool = False) -> None:
        now_ns = monotonic_ns()
        if self._drop_ns is not None and now_ns >= self._drop_ns:
            self._drop_ns = None
            self.drops += 1
        is_turn = now_ns >= self._next_look_ns
        if not is_due and not is_turn:
            return
        if is_turn:
            self._next_look_ns = now_ns + LOOK_NS
        stamp = stamp_of(self._path)
        # A list that cannot be read is tried again: its folder's rights may be mended without a trace in it.
        if stamp != self._stamp or (is_turn and not self._is_readable):
            self._stamp = stamp
            self._read(now_ns)

    def _read(self, now_ns: int) -> None:
        try:
            keys = _by_public(read_authorized(self._path))
        except KeysError as error:
            if self._is_readable:
                self._tell("keys_unreadable", "error", f"nobody new is let in: {error}")
            self._is_readable = False
            return
        gone = [key.name for public, key in self._keys.items() if public not in keys or keys[public].name != key.name]
        self._keys, self._is_readable = keys, True
        self._tell("keys_changed", "info", f"{len(keys)} keys are authorised")
        if gone:
            self._drop_ns = now_ns + GRACE_NS
            names = ", ".join(sorted(gone))
            self._tell(
                "key_revoked",
                "warning",
                f"{names} may no longer connect; within a second signals, telemetry and service are bound again, which "
                "every client notices as one reconnect",
            )

    def _tell(self, name: str, severity: str, detail: str) -> None:
        self._news.append(News(name, severity, detail))

    def _answer(self, request: list[bytes]) -> None:
        # A request that is none has no number to answer with: REP wants an answer all the same.
        version, number = request[0], request[1] if len(request) > 1 else b""
        status, name = (_NO, "") if version != b"1.0" or len(request) < 6 else self._judge(request[2:])
        self._socket.send_multipart([b"1.0", number, status, b"", name.encode(), b""])

    def _judge(self, words: list[bytes]) -> tuple[bytes, str]:
        """Return status and name for domain, address, identity, mechanism and what the mechanism says."""
        endpoint = next((known for known in _ENDPOINTS if known.encode() == words[0]), None)
        if endpoint is None or words[3] != b"CURVE" or len(words) != 5 or len(words[4]) != 32:
            return _NO, ""
        address = words[1].decode("ascii", "replace")
        if not self._is_readable:
            self.count_refusal(endpoint, "keys_unreadable")
            return _AGAIN_LATER, ""  # ZeroMQ's clients try again by themselves after this one
        public = z85.encode(words[4]).decode()
        key = self._keys.get(public)
        if key is None:
            self.count_refusal(endpoint, "unknown_key")
            log.warning("key_refused", endpoint=endpoint, address=address, public=public, why="not authorised")
            return _NO, ""
        self._log_entry(endpoint, address, key)
        return _OK, key.name

    def _log_entry(self, endpoint: str, address: str, key: AuthorizedKey) -> None:
        now_ns, entry = monotonic_ns(), (endpoint, key.name)
        # A client that comes and goes must not fill the log; there are as many entries as keys and endpoints.
        if now_ns - self._logged_ns.get(entry, -_LOGGED_NS) >= _LOGGED_NS:
            self._logged_ns[entry] = now_ns
            log.info("client_let_in", endpoint=endpoint, name=key.name, role=str(key.role), address=address)


def _by_public(keys: tuple[AuthorizedKey, ...]) -> dict[str, AuthorizedKey]:
    return {key.public: key for key in keys}
