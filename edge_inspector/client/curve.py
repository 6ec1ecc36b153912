"""Encrypts a client's socket, and hears why a line refuses it. ZeroMQ's send and receive do not tell."""

from __future__ import annotations

import struct

import zmq

from edge_inspector.client.key_file import KeyFile, KeyFileError

_EVENT = struct.Struct("=HI")  # event and value, without padding: zmq_socket_monitor(3)
_REFUSALS = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: (
        "the line does not let this key in: it is not authorised, or was revoked (`edge-inspector keys list` on the "
        "line PC); ZeroMQ does not try again, so start this program again once it is"
    ),
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: (
        "the line hangs up: the key file names another line (server-key), or its halves do not belong together"
    ),
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "only one of the two encrypts: see `endpoints.curve` of the line; give a key",
}


def curve_options(key: KeyFile) -> dict[int, bytes]:
    """Return what a client's socket must be set to before `connect`.

    Raises:
        KeyFileError: It is no client's key: it has no secret, or does not name the line.
    """
    if key.secret is None:
        raise KeyFileError(f"this is the public key of {key.name}; a client needs {key.name}.key")
    if key.server is None:
        raise KeyFileError(
            f"the key of {key.name} names no line (server-key); make it with `keys new NAME --server FILE`"
        )
    return {
        zmq.CURVE_SERVERKEY: key.server,
        zmq.CURVE_PUBLICKEY: key.public,
        zmq.CURVE_SECRETKEY: key.secret,
    }


class Refusals:
    """Why a line refuses a socket, in words for a person. Owned by the socket's thread; read it in its loop.

    It must be read: ZeroMQ's own thread waits for it, and with that the socket, when a thousand events lie unread.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        """Begin to listen; before `connect`."""
        self._watched, address = socket, f"inproc://refusals-{id(self)}"
        events = 0
        for event in _REFUSALS:
            events |= event
        socket.monitor(address, events)
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PAIR)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, 0)  # no bound: a program that does not read must not stop its own messages
        self._socket.connect(address)

    def take(self) -> str | None:
        """Return why it was refused since the last call; None when it was not."""
        newest = None
        while self._socket.poll(0):
            head, _address = self._socket.recv_multipart()
            newest = _REFUSALS.get(_EVENT.unpack(head)[0], newest)
        return newest

    def close(self) -> None:
        """Stop listening; before the socket is closed."""
        self._watched.disable_monitor()
        self._socket.close()
