"""A client that asks the service endpoint as fast as it is answered: for replays, or with acknowledgements."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq

ROOT = Path(__file__).resolve().parent.parent
PIPELINED = 4
"""Questions under way at once: a client that makes up for hours would do the same."""
ACKS_HZ = 500.0
"""One for each verdict of the measured line."""


@contextmanager
def asking(what: str, service: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Ask in a process of its own while the block runs; it prints what came of it when its time is over."""
    command = [sys.executable, "-m", "benchmarks.askers", what, "--service", service, "--seconds", str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(socket: zmq.Socket[bytes], **request: Any) -> None:
    socket.send(json.dumps({"id": 1, **request}).encode())


def answer(socket: zmq.Socket[bytes]) -> tuple[dict[str, Any], int]:
    """Return the next answer and the verdicts that came with it."""
    head, *rest = socket.recv_multipart()
    return json.loads(head), len(rest) // 2


def replay(socket: zmq.Socket[bytes], seconds: float) -> dict[str, float]:
    """Replay all that there is from the tail on, again and again."""
    ask(socket, op="hello")
    span = answer(socket)[0]["epochs"][-1]
    at, rows, answers, began = span["tail_seq"], 0, 0, time.monotonic()
    while time.monotonic() < began + seconds:
        for n in range(PIPELINED):
            ask(socket, op="replay", epoch=span["epoch"], **{"from": at + 500 * n, "to": at + 500 * n + 499})
        for _ in range(PIPELINED):
            head, n_rows = answer(socket)
            rows, answers = rows + n_rows, answers + 1
            at = at + n_rows if head.get("next") else span["tail_seq"]
    return {"rows_per_s": rows / seconds, "answers_per_s": answers / seconds}


def acknowledge(socket: zmq.Socket[bytes], seconds: float) -> dict[str, float]:
    """Acknowledge at the rate of the verdicts, each with what became of its part."""
    ask(socket, op="hello")
    epoch = answer(socket)[0]["epoch"]
    done, began = 0, time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if (wait_s := began + done / ACKS_HZ - now) > 0:
            time.sleep(wait_s)
        done += 1
        outcome = {"part_id": done, "outcome": "fired"}
        ask(socket, op="ack", consumer="gate-1", epoch=epoch, upto=0, outcomes=[outcome])
        if "ok" not in (refused := answer(socket)[0]):
            raise SystemExit(f"an acknowledgement was refused: {refused}")
    return {"answers_per_s": done / seconds}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["replay", "ack"])
    parser.add_argument("--service", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    socket: zmq.Socket[bytes] = zmq.Context().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(asked.service)
    done = {"replay": replay, "ack": acknowledge}[asked.what](socket, asked.seconds)
    print(json.dumps(done), flush=True)
    time.sleep(3600)  # until the bench ends it


if __name__ == "__main__":
    main()
