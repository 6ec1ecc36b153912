"""What encryption, strangers and revocations cost the sending of verdicts: `python -m benchmarks.curve [seconds]`.

The publisher and the authenticator run here as they do in the inspect process; clients and strangers are processes of
their own. Each row: 500 verdicts a second to 20 subscribers, one of which never reads.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import zmq

from edge_inspector.app.guarded import guarded
from edge_inspector.app.plans import CurvePlan
from edge_inspector.client.keys import ClientKeys
from edge_inspector.core.verdict import Judgement, Outcome, Reason, Verdict
from edge_inspector.observe.logs import configure_logging
from edge_inspector.signal.authorized import LIST, AuthorizedKey, Role, write_authorized
from edge_inspector.signal.keys import make_key, read_key, server_key_of
from edge_inspector.signal.publisher import SignalPublisher

RATE_HZ, SUBSCRIBERS = 500, 20
NULL_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
VERDICT = Verdict(
    "l1", 7, 1, 5, "cam0", 1, Judgement(Outcome.PASS, Reason.OK, 0.1, "OK", (), 7, 0), "m@1", "0" * 64, "r",
    1_790_000_000_000_000, "host", 900, -1, False, False, None,
)  # fmt: skip


def main() -> None:
    """Measure each case and print its row."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    configure_logging("info", "l1", "inspect")
    print("case | send p50 µs | p99 | max | over 2 ms | woken late p99 µs | CPU of a core | refused")
    with tempfile.TemporaryDirectory(prefix="curve-") as name:
        folder = Path(name)
        make_key(folder, "server", None)
        for client in ("panel", "guest", "stranger"):
            make_key(folder, client, read_key(folder / "server.pub").public)
        for case, is_encrypted, others in (
            ("plain", False, []),
            ("encrypted", True, []),
            ("encrypted, strangers with keys knock", True, ["knock"]),
            ("encrypted, plain strangers knock", True, ["shout"]),
            ("encrypted, a key revoked every second", True, ["revoke"]),
        ):
            print(case, "|", _row(folder, is_encrypted, others, seconds), flush=True)


def _row(folder: Path, is_encrypted: bool, others: list[str], seconds: float) -> str:
    _authorize(folder, ["panel"])
    plan = CurvePlan(server_key_of(folder, False, {}), folder / LIST) if is_encrypted else None
    with guarded(plan) as guard:
        signals = SignalPublisher("tcp://127.0.0.1:*", False, guard)
        endpoint = signals._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        with _started(folder, endpoint, ["listen", *others], is_encrypted):
            sends, lates, cpu = _run(signals, seconds)
        refused = sum(guard.refused.values()) if guard is not None else 0
        signals._watch.close()
        signals._socket.close(linger=0)
    over = sum(one > 2_000_000 for one in sends)
    figures = (_share(sends, 0.5), _share(sends, 0.99), max(sends), _share(lates, 0.99))
    told = [f"{one / 1e3:.0f}" for one in figures]
    return " | ".join([*told[:3], f"{over} of {len(sends)}", told[3], f"{cpu:.2f}", str(refused)])


def _run(signals: SignalPublisher, seconds: float) -> tuple[list[int], list[int], float]:
    wake_fd = os.eventfd(0, os.EFD_NONBLOCK)
    ends = time.monotonic() + 20
    while signals.subscribers < SUBSCRIBERS and time.monotonic() < ends:
        signals.wait(wake_fd, 0.01)
    sends, lates = [], []
    cpu_s, due_ns = time.process_time(), time.monotonic_ns()
    for _ in range(round(seconds * RATE_HZ)):
        due_ns += 1_000_000_000 // RATE_HZ
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            signals.wait(wake_fd, min(0.001, left_ns / 1e9))
        begun_ns = time.monotonic_ns()
        signals.attach()
        signals.send(signals.encode(VERDICT, is_ready=True)[1])
        sends.append(time.monotonic_ns() - begun_ns)
        lates.append(begun_ns - due_ns)
    os.close(wake_fd)
    return sends, lates, (time.process_time() - cpu_s) / seconds


def _share(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _authorize(folder: Path, names: list[str]) -> None:
    keys = [read_key(folder / f"{name}.pub") for name in names]
    write_authorized(folder / LIST, [AuthorizedKey(key.name, Role.READ, key.public.decode()) for key in keys])


@contextlib.contextmanager
def _started(folder: Path, endpoint: str, roles: list[str], is_encrypted: bool) -> Iterator[None]:
    code = "import sys; from benchmarks.curve import other; other(*sys.argv[1:])"
    others = [
        subprocess.Popen([sys.executable, "-c", code, role, str(folder), endpoint, str(int(is_encrypted))])
        for role in roles
    ]
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.wait()


def other(role: str, folder: str, endpoint: str, is_encrypted: str) -> None:
    """Do what one of the others does, until killed."""
    if role == "listen":
        _listen(Path(folder), endpoint, is_encrypted == "1")
    elif role == "knock":
        _knock(Path(folder), endpoint)
    elif role == "shout":
        _shout(endpoint)
    else:
        while True:
            _authorize(Path(folder), ["panel", "guest"])
            time.sleep(0.3)
            _authorize(Path(folder), ["panel"])
            time.sleep(0.7)


def _subscriber(folder: Path, endpoint: str, name: str | None) -> zmq.Socket[bytes]:
    ear: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    ear.setsockopt(zmq.LINGER, 0)
    ear.setsockopt(zmq.RECONNECT_IVL, 50)
    if name is not None:
        ClientKeys.load(folder / f"{name}.key").apply(ear)
    ear.setsockopt(zmq.SUBSCRIBE, b"insp.v1.l1.")
    ear.connect(endpoint)
    return ear


def _listen(folder: Path, endpoint: str, is_encrypted: bool) -> None:
    ears = [_subscriber(folder, endpoint, "panel" if is_encrypted else None) for _ in range(SUBSCRIBERS)]
    poller = zmq.Poller()
    for ear in ears[1:]:  # the first one never reads
        poller.register(ear, zmq.POLLIN)
    while True:
        for ear, _ in poller.poll():
            ear.recv_multipart()


def _knock(folder: Path, endpoint: str) -> None:
    while True:
        strangers = [_subscriber(folder, endpoint, "stranger") for _ in range(50)]
        time.sleep(0.05)
        for stranger in strangers:
            stranger.close()


def _shout(endpoint: str) -> None:
    host, port = endpoint.removeprefix("tcp://").split(":")
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1.0) as stranger:
            stranger.sendall(NULL_GREETING)
            while stranger.recv(4096):
                pass


if __name__ == "__main__":
    main()
