"""The least that could publish: a socket and a beat. What is left of a delay then is ZeroMQ's and the machine's."""

from __future__ import annotations

import argparse
import time

import zmq

from edge_inspector.client.wire import Flag, Header, topic

BODY = b"x" * 700
"""A verdict without defects is as long."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--line", required=True)
    parser.add_argument("--subscribers", type=int, required=True)
    parser.add_argument("--rate-hz", type=float, required=True, help="0: as fast as it goes")
    asked = parser.parse_args()
    socket: zmq.Socket[bytes] = zmq.Context().socket(zmq.XPUB)
    socket.setsockopt(zmq.XPUB_VERBOSER, 1)
    print(f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}", flush=True)
    for _ in range(asked.subscribers):
        socket.recv()
    _publish(socket, topic(asked.line, "verdict"), asked.rate_hz)


def _publish(socket: zmq.Socket[bytes], name: bytes, rate_hz: float) -> None:
    began, seq = time.monotonic(), 0
    while True:  # until the bench ends it
        seq += 1
        while rate_hz and (left_s := began + seq / rate_hz - time.monotonic()) > 0:
            time.sleep(left_s)
        header = Header(Flag.READY, 1, seq, time.time_ns() // 1000, seq).pack()
        socket.send_multipart([name, header, BODY])


if __name__ == "__main__":
    main()
