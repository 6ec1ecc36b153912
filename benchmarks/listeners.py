"""Ten subscribers in one process: how long from the decision, as the header tells it, to each of them."""

from __future__ import annotations

import argparse
import gc
import json
import struct
import time

import zmq

from edge_inspector.client.wire import topic

_SENT_UTC_US = struct.Struct(">Q")
_SENT_AT = 16
SKIP = 50
"""Verdicts before everybody has attached and warmed up."""


def delays_us(signals: str, line: str, sockets: int, seconds: float, stalled: int = 0) -> list[int]:
    """Return the microseconds from decision to receipt, of each verdict at each subscriber; `stalled` more are deaf."""
    context = zmq.Context()
    poller = zmq.Poller()
    for _ in range(stalled):
        deaf: zmq.Socket[bytes] = context.socket(zmq.SUB)
        deaf.setsockopt(zmq.SUBSCRIBE, topic(line, "verdict"))
        deaf.setsockopt(zmq.RCVHWM, 1)
        deaf.setsockopt(zmq.RCVBUF, 4096)
        deaf.connect(signals)
    for _ in range(sockets):
        subscriber: zmq.Socket[bytes] = context.socket(zmq.SUB)
        subscriber.setsockopt(zmq.SUBSCRIBE, topic(line, "verdict"))
        subscriber.setsockopt(zmq.RCVHWM, 1_000_000)
        subscriber.setsockopt(zmq.RECONNECT_IVL, 20)
        subscriber.connect(signals)
        poller.register(subscriber, zmq.POLLIN)
    found: list[int] = []
    ends: float | None = None
    gc.disable()
    while ends is None or time.monotonic() < ends:
        for subscriber, _ in poller.poll(1000):
            _, header, _ = subscriber.recv_multipart()
            found.append(time.time_ns() // 1000 - _SENT_UTC_US.unpack_from(header, _SENT_AT)[0])
        if ends is None and len(found) >= SKIP * sockets:
            found.clear()
            ends = time.monotonic() + seconds
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--signals", required=True)
    parser.add_argument("--line", required=True)
    parser.add_argument("--sockets", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--stalled", type=int, default=0)
    asked = parser.parse_args()
    print(json.dumps(delays_us(asked.signals, asked.line, asked.sockets, asked.seconds, asked.stalled)))


if __name__ == "__main__":
    main()
