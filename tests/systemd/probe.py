"""Run by systemd in a line's own sandbox: what it may do, as one line of JSON. Standard library alone.

probe.py HOST:PORT...    addresses to connect to
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

CONNECT_S = 1.5
"""A refused packet of TCP is one that is lost: the kernel sends it again until it is given up."""


def said(what: Callable[[], object]) -> str:
    """Return `ok`, or the name of the error that came of it."""
    try:
        what()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "ok"


def connect(address: str) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), CONNECT_S).close()


def send(address: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.sendto(b"", (host, int(port)))


def ask_clock() -> None:
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512)) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")


def set_clock() -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.time())


def make_code() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def main() -> None:
    """Try everything."""
    found = {f"connect {address}": said(lambda address=address: connect(address)) for address in sys.argv[1:]}
    found |= {f"send {address}": said(lambda address=address: send(address)) for address in sys.argv[1:]}
    found |= {
        "bind a port": said(lambda: socket.create_server(("127.0.0.1", 0)).close()),
        "speak raw": said(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()),
        "ask the clock": said(ask_clock),
        "set the clock": said(set_clock),
        "make code": said(make_code),
        "read the boot's number": said(lambda: Path("/proc/sys/kernel/random/boot_id").read_text()),
        "see process 1": said(lambda: Path("/proc/1/stat").read_text()),
        "choose a core": said(lambda: os.sched_setaffinity(0, os.sched_getaffinity(0))),
        "stand behind": said(lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))),
        "go first": said(lambda: os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - 5)),
        "real time": said(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
        "write the state": said(lambda: Path("probe").write_text("")),
        "write the configuration": said(lambda: Path("/etc/edge-inspector/probe").write_text("")),
        "write the program": said(lambda: Path("/opt/edge-inspector/probe").write_text("")),
        "look into root's home": said(lambda: os.listdir("/root")),
        "see the other lines' state": said(lambda: os.listdir("/var/lib/private/edge-inspector/other")),
        "make a namespace": said(make_namespace),
    }
    print(json.dumps(found), flush=True)


def make_namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")


if __name__ == "__main__":
    main()
