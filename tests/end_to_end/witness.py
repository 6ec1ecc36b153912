"""An independent witness of a line: a subscriber written from the protocol page alone.

It imports nothing of the package under test: pyzmq, struct and json are all it needs. It writes what it hears, raw,
one JSON object a line, and `transcript.check_transcript` says afterwards which rules were broken.

    python witness.py --line demo --signals tcp://127.0.0.1:5560 --telemetry tcp://127.0.0.1:5561 --out heard.jsonl
"""

from __future__ import annotations

import argparse
import json
import signal
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import zmq
from zmq.utils.monitor import recv_monitor_message

REPLAYED, SIMULATED, DRILL, LATE, REJECT, READY, BYPASS = 1, 2, 4, 8, 16, 32, 64
QUIET_MS = 300
"""Asked to end, the witness goes on until nothing came for so long."""


@dataclass(frozen=True)
class Head:
    """The 48 bytes."""

    magic: bytes
    version: int
    flags: int
    epoch: int
    seq: int
    t_utc_us: int
    part_id: int
    fire_enc: int
    budget_us: int


@dataclass(frozen=True)
class Heard:
    """One message, read far enough for a test to look at."""

    kind: str
    head: Head
    body: dict[str, Any]

    def has(self, flag: int) -> bool:
        return bool(self.head.flags & flag)


def read_head(data: bytes) -> Head:
    """Read a header byte by byte as the table of the protocol page says: big-endian, no gaps."""
    (epoch,) = struct.unpack_from(">I", data, 4)
    (seq,) = struct.unpack_from(">q", data, 8)
    t_utc_us, part_id = struct.unpack_from(">QQ", data, 16)
    fire_enc, budget_us = struct.unpack_from(">qq", data, 32)
    return Head(data[0:2], data[2], data[3], epoch, seq, t_utc_us, part_id, fire_enc, budget_us)


def heard(record: str) -> Heard | None:
    """Return the message of one record; None for a record of the connection."""
    row = json.loads(record)
    if "frames" not in row:
        return None
    topic, head, body = (bytes.fromhex(frame) for frame in row["frames"])
    return Heard(topic.decode("ascii").rsplit(".", 1)[-1], read_head(head), json.loads(body))


class Witness:
    """One SUB socket on both endpoints, and what its connections did."""

    def __init__(self, line: str, signals: str, telemetry: str, out: TextIO) -> None:
        self._out = out
        self._names = {signals: "signals", telemetry: "telemetry"}
        self._up: set[str] = set()
        self._said = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 0)  # a witness must not be the one who loses something
        self._socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SUBSCRIBE, f"insp.v1.{line}.".encode("ascii"))
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        for endpoint in self._names:
            self._socket.connect(endpoint)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self) -> None:
        """Listen until SIGTERM, then until it is quiet."""
        quiet_since = time.monotonic()
        while not (self._stopping and time.monotonic() - quiet_since > QUIET_MS / 1000):
            self._poller.poll(100)
            frames = self._next()
            # A connection's event is older than the first message it brought: it is written down first.
            self._take_events()
            if frames is not None:
                quiet_since = time.monotonic()
                self._write({"frames": [frame.hex() for frame in frames]})
        self._context.destroy(linger=0)

    def _next(self) -> list[bytes] | None:
        try:
            return self._socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def _take_events(self) -> None:
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)
            name = self._names.get(event["endpoint"].decode(), "?")
            is_up = event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self._write({"link": "up" if is_up else "down", "endpoint": name})
            if is_up:
                self._up.add(name)
            if not self._said and len(self._up) == len(self._names):
                self._said = True
                print("subscribed", flush=True)

    def _write(self, row: dict[str, Any]) -> None:
        row["at_utc_us"] = time.time_ns() // 1000
        self._out.write(json.dumps(row) + "\n")
        self._out.flush()

    def _stop(self, *_: object) -> None:
        self._stopping = True


def main() -> None:
    """Run one witness until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--line", required=True)
    parser.add_argument("--signals", required=True)
    parser.add_argument("--telemetry", required=True)
    parser.add_argument("--out", required=True, type=Path)
    asked = parser.parse_args()
    with asked.out.open("a", encoding="utf-8") as out:
        Witness(asked.line, asked.signals, asked.telemetry, out).run()


if __name__ == "__main__":
    main()
