"""How long a send takes with many subscribers, one of which reads nothing.

    python -m benchmarks.subscribers --subscribers 200 --rate-hz 500 --seconds 20

The publisher is the line's own (`signal/publisher.py`), in this process and without a line around it; the subscribers
are sockets of one other process, so that all of them together cost one core at most. Only the call that sends is
timed. Each verdict is a message of the length that one without defects has.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import time
from multiprocessing.connection import Connection

import zmq

from benchmarks.figures import percentile
from edge_inspector.client.wire import Flag, Header, topic
from edge_inspector.signal.message import joined
from edge_inspector.signal.publisher import SignalPublisher

LINE = "many"
BODY = b'{"v":1,"pad":"' + b"x" * 700 + b'"}'
WARM_UP = 100
"""Verdicts before the first that is timed."""
ATTACH_S = 30.0
LIMIT_MS = 10.0


def message(seq: int) -> bytes:
    """Return one verdict, as `SignalPublisher.send` takes it."""
    header = Header(Flag.READY, 1, seq, time.time_ns() // 1000, seq).pack()
    return joined([topic(LINE, "verdict"), header, BODY])


def listen(endpoint: str, sockets: int, said: Connection) -> None:
    """Open the sockets, read all but the first until told to end, and say how many verdicts each had."""
    context = zmq.Context()
    poller, counts = zmq.Poller(), {}
    for n in range(sockets):
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, 1 if n == 0 else 0)
        socket.setsockopt(zmq.LINGER, 0)
        if n == 0:
            socket.setsockopt(zmq.RCVBUF, 4096)
        socket.setsockopt(zmq.SUBSCRIBE, topic(LINE, "verdict"))
        socket.connect(endpoint)
        counts[socket] = 0
        if n:
            poller.register(socket, zmq.POLLIN)
    while True:
        ready = poller.poll(300)
        if not ready and said.poll():
            break
        for socket, _ in ready:
            while True:
                try:
                    socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                counts[socket] += 1
    said.send(list(counts.values())[1:])
    context.destroy(linger=0)


def sends_ms(signals: SignalPublisher, rate_hz: float, n: int) -> list[float]:
    """Send `n` verdicts at a rate, and return how long each call took, in ms, the warm-up left out."""
    wake_fd = os.eventfd(0, os.EFD_NONBLOCK)
    took = []
    gc.disable()
    began = time.monotonic()
    for seq in range(1, n + 1):
        while (left_s := began + seq / rate_hz - time.monotonic()) > 0:
            signals.wait(wake_fd, left_s)
        data = message(seq)
        before = time.perf_counter_ns()
        signals.send(data)
        took.append((time.perf_counter_ns() - before) / 1e6)
    gc.enable()
    os.close(wake_fd)
    return took[WARM_UP:]


def measure(endpoint: str, subscribers: int, rate_hz: float, seconds: float) -> tuple[list[float], list[int]]:
    """Return the sends in ms, and how many verdicts each subscriber that reads had."""
    signals = SignalPublisher(endpoint, is_simulated=True)
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=listen, args=(endpoint, subscribers, there), daemon=True
    )
    process.start()
    try:
        wake_fd, ends = os.eventfd(0, os.EFD_NONBLOCK), time.monotonic() + ATTACH_S
        while signals.subscribers < subscribers:
            if time.monotonic() > ends:
                raise SystemExit(f"{signals.subscribers} of {subscribers} subscribers attached in {ATTACH_S:g} s")
            signals.wait(wake_fd, 0.05)
        os.close(wake_fd)
        took = sends_ms(signals, rate_hz, WARM_UP + round(rate_hz * seconds))
        here.send("end")
        if not here.poll(60):
            raise SystemExit("the subscribers did not end in 60 s")
        return took, here.recv()
    finally:
        process.kill()
        process.join()
        signals.close()


def main() -> None:
    """Measure and print; exit code 1 when a send took too long or a subscriber missed a verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--rate-hz", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=5590)
    asked = parser.parse_args()
    took, counts = measure(f"tcp://127.0.0.1:{asked.port}", asked.subscribers, asked.rate_hz, asked.seconds)
    n = len(took) + WARM_UP
    short = sum(count < n for count in counts)
    late = sum(each >= LIMIT_MS for each in took)
    print(
        f"{asked.subscribers} subscribers, one stalled, {asked.rate_hz:g}/s: send p50 {percentile(took, 50):.3f} ms, "
        f"p99 {percentile(took, 99):.3f} ms, max {max(took):.3f} ms, {late} of {len(took)} over {LIMIT_MS:g} ms; "
        f"{short} of {len(counts)} readers missed some of {n} verdicts"
    )
    raise SystemExit(int(late > 0 or short > 0))


if __name__ == "__main__":
    main()
