"""A thousand subscribers in one process: each counts the verdicts that it hears.

    python many_subscribers.py --line e2e --signals tcp://127.0.0.1:5560 --count 1000 --verdicts 20

Says `subscribed` when all are connected. Ends when each has heard so many verdicts, and prints the fewest.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time

import zmq

LIMIT_S = 40.0
PER_SOCKET = 4
"""Descriptors: its mailbox, its connection, and some more while it connects."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--line", required=True)
    parser.add_argument("--signals", required=True)
    parser.add_argument("--count", required=True, type=int)
    parser.add_argument("--verdicts", required=True, type=int)
    asked = parser.parse_args()
    os.nice(19)  # what is tried is the line, not who else runs on this computer
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, PER_SOCKET * asked.count + 100), hard))
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * asked.count + 10)
    sockets = [context.socket(zmq.SUB) for _ in range(asked.count)]
    for socket in sockets:
        socket.setsockopt(zmq.SUBSCRIBE, f"insp.v1.{asked.line}.verdict".encode())
        socket.connect(asked.signals)
    heard, until, told = dict.fromkeys(sockets, 0), time.monotonic() + LIMIT_S, False
    poller = zmq.Poller()
    for socket in sockets:
        poller.register(socket, zmq.POLLIN)
    while min(heard.values()) < asked.verdicts and time.monotonic() < until:
        for socket, _ in poller.poll(100):
            socket.recv_multipart()
            heard[socket] += 1
        if not told and min(heard.values()) > 0:
            told = True
            print("subscribed", flush=True)
    print(min(heard.values()), flush=True)
    context.destroy(linger=0)
    sys.exit(0)


if __name__ == "__main__":
    main()
