"""How long a send takes with many subscribers, one of which reads nothing.

    python -m benchmarks.subscribers --subscribers 200 --rate-hz 500 --seconds 20

The publisher is the line's own (`signal/publisher.py`), in this process and without a line around it; the subscribers
are sockets of one other process, so that all of them together cost one core at most. Only the call that sends is
timed. Each verdict is a message of the length that one without defects has.

Of the longest sends it says who took the time: a send that worked for all of it is ZeroMQ's, one that stood still while
the kernel had put another program in its place (an involuntary switch) is the computer's. Beside them a loop of its own
process does nothing but read the clock at the same rate: how long it is held up is what the computer does to anybody.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import resource
import time
from multiprocessing.connection import Connection
from typing import NamedTuple

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
SHOWN = 5
"""Of the longest sends."""
SPIN_MS = 0.05
"""As long as a send takes: so long the bare loop reads the clock."""


class Sent(NamedTuple):
    """How long one send took."""

    took_ms: float
    worked_ms: float
    """Time of the processor that this thread had meanwhile; the rest it stood still."""
    displaced: int
    """How often the kernel put another thread in its place."""
    waited: int
    """How often it waited by itself, as for a lock."""
    seq: int


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


def timed_sends(signals: SignalPublisher, rate_hz: float, n: int) -> list[Sent]:
    """Send `n` verdicts at a rate, and return how long each call took, the warm-up left out."""
    wake_fd = os.eventfd(0, os.EFD_NONBLOCK)
    found = []
    gc.disable()
    began = time.monotonic()
    for seq in range(1, n + 1):
        while (left_s := began + seq / rate_hz - time.monotonic()) > 0:
            signals.wait(wake_fd, left_s)
        data = message(seq)
        use, worked = resource.getrusage(resource.RUSAGE_THREAD), time.thread_time_ns()
        before = time.perf_counter_ns()
        signals.send(data)
        took_ms = (time.perf_counter_ns() - before) / 1e6
        worked_ms, after = (time.thread_time_ns() - worked) / 1e6, resource.getrusage(resource.RUSAGE_THREAD)
        switches = (after.ru_nivcsw - use.ru_nivcsw, after.ru_nvcsw - use.ru_nvcsw)
        found.append(Sent(took_ms, worked_ms, *switches, seq))
    gc.enable()
    os.close(wake_fd)
    return found[WARM_UP:]


def bare_loop(rate_hz: float, said: Connection) -> None:
    """Read the clock for SPIN_MS at a rate until told to end, and say how much longer than that each time took."""
    held_up_ms = []
    gc.disable()
    while not said.poll(1 / rate_hz):
        began = time.perf_counter_ns()
        while (took_ms := (time.perf_counter_ns() - began) / 1e6) < SPIN_MS:
            pass
        held_up_ms.append(took_ms - SPIN_MS)
    said.send(held_up_ms)


def measure(
    endpoint: str, subscribers: int, rate_hz: float, seconds: float
) -> tuple[list[Sent], list[int], list[float]]:
    """Return the sends, how many verdicts each subscriber that reads had, and what held up the bare loop, in ms."""
    signals = SignalPublisher(endpoint, is_simulated=True)
    spawn = multiprocessing.get_context("spawn")
    (here, there), (bare, far) = multiprocessing.Pipe(), multiprocessing.Pipe()
    process = spawn.Process(target=listen, args=(endpoint, subscribers, there), daemon=True)
    beside = spawn.Process(target=bare_loop, args=(rate_hz, far), daemon=True)
    process.start()
    try:
        wake_fd, ends = os.eventfd(0, os.EFD_NONBLOCK), time.monotonic() + ATTACH_S
        while signals.subscribers < subscribers:
            if time.monotonic() > ends:
                raise SystemExit(f"{signals.subscribers} of {subscribers} subscribers attached in {ATTACH_S:g} s")
            signals.wait(wake_fd, 0.05)
        os.close(wake_fd)
        beside.start()
        sent = timed_sends(signals, rate_hz, WARM_UP + round(rate_hz * seconds))
        bare.send("end")
        here.send("end")
        if not here.poll(60):
            raise SystemExit("the subscribers did not end in 60 s")
        return sent, here.recv(), bare.recv()
    finally:
        for each in (process, beside):
            if each.pid is not None:
                each.kill()
                each.join()
        signals.close()


def main() -> None:
    """Measure and print; exit code 1 when a send took too long or a subscriber missed a verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--rate-hz", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=5590)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    sent, counts, held_up_ms = measure(f"tcp://127.0.0.1:{asked.port}", asked.subscribers, asked.rate_hz, asked.seconds)
    n, took = len(sent) + WARM_UP, [each.took_ms for each in sent]
    short = sum(count < n for count in counts)
    late = sum(each >= LIMIT_MS for each in took)
    print(
        f"{asked.subscribers} subscribers, one stalled, {asked.rate_hz:g}/s: send p50 {percentile(took, 50):.3f} ms, "
        f"p99 {percentile(took, 99):.3f} ms, max {max(took):.3f} ms, {late} of {len(took)} over {LIMIT_MS:g} ms; "
        f"{short} of {len(counts)} readers missed some of {n} verdicts; load {load:.1f} to {os.getloadavg()[0]:.1f}"
    )
    print(
        f"processor time of a send: p50 {percentile([each.worked_ms for each in sent], 50):.3f} ms, "
        f"max {max(each.worked_ms for each in sent):.3f} ms; a bare loop beside it was held up "
        f"p99 {percentile(held_up_ms, 99):.3f} ms, max {max(held_up_ms):.3f} ms"
    )
    for each in sorted(sent, key=lambda each: -each.took_ms)[:SHOWN]:
        print(
            f"  verdict {each.seq}: {each.took_ms:.3f} ms, of these {each.worked_ms:.3f} ms at work, displaced "
            f"{each.displaced} times, waited by itself {each.waited} times"
        )
    raise SystemExit(int(late > 0 or short > 0))


if __name__ == "__main__":
    main()
