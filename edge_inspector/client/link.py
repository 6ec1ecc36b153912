"""One ZeroMQ socket to a line, and a fresh one when the old one will never work again."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import zmq

from edge_inspector.client.keys import ClientKeys

RECEIVE_HWM = 100_000
"""Messages kept while the program does not read: 200 s at 500 parts/s."""
MAX_MESSAGE_BYTES = 16 << 20
"""More is no message of a line: metrics, the largest, have some 100 KB."""
HEARTBEAT_MS = 200
"""ZeroMQ's own ping: finds a dead computer or cable. That the line inspects only its heartbeats tell."""
HEARTBEAT_TIMEOUT_MS = 1000
"""As long as the default lease: a shorter one would drop a connection that a busy computer merely held up."""
FIRST_RETRY_US = 500_000
LAST_RETRY_US = 10_000_000
"""A refused client tries again after half a second, then more and more seldom, but at least every 10 s."""

_EVENT = struct.Struct("=HI")  # event and value, without padding: zmq_socket_monitor(3)
_REFUSALS = {
    int(zmq.EVENT_HANDSHAKE_FAILED_AUTH): (
        "the line does not know this key: it is not authorised, or was revoked (`edge-inspector keys list` on the line "
        "PC); tried again by itself"
    ),
    int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL): (
        "only one of the two encrypts, or it is no ZeroMQ: see `endpoints.curve` of the line; give a key"
    ),
}
_HUNG_UP = int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
_EVENTS = int(zmq.EVENT_HANDSHAKE_SUCCEEDED) | _HUNG_UP | sum(_REFUSALS)
HANG_UPS = 3
"""Handshakes at one address that broke off in a row before a person is told: a line that is killed breaks off one, and
one more at most while it starts; a wrong key breaks off each."""
_HANGS_UP = "the other side hangs up before it says why"
_WITH_KEYS = (
    f"{_HANGS_UP}: the key file names another line (server-key), or its halves do not belong together; or nobody there "
    "can look at keys just now (event `authenticator`)"
)
_WITHOUT_KEYS = f"{_HANGS_UP}: the line keeps ending, or another program has its address; tried again by itself"


class Link:
    """A SUB or DEALER socket of one thread. `tend` must be called now and then: it replaces a refused socket.

    A client that was refused never learns it from sending, and ZeroMQ never tries again by itself, not even when its
    key has been authorised meanwhile: only the socket's monitor tells, and only a new socket helps.
    """

    def __init__(
        self, kind: int, endpoints: Sequence[str], subscribe: bytes | None = None, keys: ClientKeys | None = None
    ) -> None:
        """Connect; succeeds whether or not anybody is there.

        Args:
            kind: zmq.SUB or zmq.DEALER.
            endpoints: Addresses.
            subscribe: Prefix of the topics; one, since thousands would be lost on a reconnect. SUB only.
            keys: None for a line without keys.
        """
        self._kind, self._endpoints, self._subscribe, self._keys = kind, list(endpoints), subscribe, keys
        self._retry_us, self._renew_at_us = FIRST_RETRY_US, 0
        self.renewals = 0
        """How often the socket was replaced."""
        self._hang_ups: dict[bytes, int] = {}  # by address, in a row
        self.connections = 0
        """Handshakes that succeeded."""
        self._open()

    def _open(self) -> None:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(self._kind)
        options = {
            zmq.LINGER: 0,
            zmq.RCVHWM: RECEIVE_HWM,
            zmq.MAXMSGSIZE: MAX_MESSAGE_BYTES,
            # A line that restarts is heard again within 50 ms, but an absent one is not hammered.
            zmq.RECONNECT_IVL: 50,
            zmq.RECONNECT_IVL_MAX: 500,
            zmq.HEARTBEAT_IVL: HEARTBEAT_MS,
            zmq.HEARTBEAT_TIMEOUT: HEARTBEAT_TIMEOUT_MS,
            zmq.TCP_KEEPALIVE: 1,
        }
        if self._kind == zmq.DEALER:
            options[zmq.IMMEDIATE] = 1  # questions to a line that is not there are not piled up
        if any("[" in endpoint for endpoint in self._endpoints):
            options[zmq.IPV6] = 1
        for option, value in options.items():
            socket.setsockopt(option, value)
        if self._subscribe is not None:
            socket.setsockopt(zmq.SUBSCRIBE, self._subscribe)
        if self._keys is not None:
            self._keys.apply(socket)
        self.socket = socket
        address = f"inproc://link-{id(self)}-{self.renewals}"
        socket.monitor(address, _EVENTS)
        self._monitor: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.RCVHWM, 0)  # no bound: a program that does not read must not stop its own messages
        self._monitor.connect(address)
        for endpoint in self._endpoints:
            socket.connect(endpoint)

    def receive(self) -> list[bytes] | None:
        """Return the next message; None when there is none now."""
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def send(self, data: bytes) -> bool:
        """Send one frame; False when nobody is connected."""
        try:
            self.socket.send(data, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def tend(self, now_us: int) -> str | None:
        """Look at what happened to the connection; returns why it was refused, None if it was not."""
        why = None
        while self._monitor.poll(0):
            said, address = self._monitor.recv_multipart()
            event = _EVENT.unpack(said)[0]
            if event in _REFUSALS:
                why = _REFUSALS[event]
            elif event == _HUNG_UP:
                why = self._hung_up(address) or why
            else:
                self.connections += 1
                self._hang_ups.pop(address, None)
                self._retry_us = FIRST_RETRY_US
        if why is not None and not self._renew_at_us:
            self._renew_at_us = now_us + self._retry_us
            self._retry_us = min(2 * self._retry_us, LAST_RETRY_US)
        if self._renew_at_us and now_us >= self._renew_at_us:
            self.renew()
        return why

    def _hung_up(self, address: bytes) -> str | None:
        """Count a handshake that broke off, and return what to think of it; ZeroMQ tries again by itself."""
        self._hang_ups[address] = self._hang_ups.get(address, 0) + 1
        if self._hang_ups[address] < HANG_UPS:
            return None
        return _WITHOUT_KEYS if self._keys is None else _WITH_KEYS

    def renew(self) -> None:
        """Replace the socket by a fresh one; what was not read yet is lost."""
        self.close()
        self._renew_at_us = 0
        self.renewals += 1
        self._open()

    def close(self) -> None:
        """Disconnect."""
        self.socket.disable_monitor()
        self._monitor.close(linger=0)
        self.socket.close(linger=0)
