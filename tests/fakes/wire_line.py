"""A line that follows the wire protocol and inspects nothing: real ZeroMQ sockets, a journal in memory.

Written from the protocol alone; it uses nothing of the package, so that a mistake there is not made here again.
"""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import zmq

HEADER = struct.Struct(">2sBBIqQQqq")
REPLAYED, SIMULATED, DRILL, LATE, REJECT, READY, BYPASS = 1, 2, 4, 8, 16, 32, 64
PAUSE_S = 0.002
MAX_ROWS = 500

Row = tuple[bytes, bytes]
"""Header and body."""


class WireLine:
    """One line. Its journal outlives `stop` and `start`, like that of a daemon. Use it as a context manager."""

    def __init__(self, folder: Path, name: str = "l1", curve: tuple[bytes, bytes] | None = None) -> None:
        """Take addresses in a folder; binds in `start`.

        Args:
            folder: Of the test.
            name: Of the line.
            curve: Public and secret key of the line; the test starts the authenticator.
        """
        self.name, self._curve = name, curve
        self.signals, self.telemetry, self.service = (f"ipc://{folder}/{n}" for n in ("sig", "tel", "srv"))
        self.epoch = 7
        self.journal: dict[int, dict[int, Row]] = {7: {}}
        self.head, self.durable, self.part_id = 0, 0, 100
        self.ready, self.beats, self.answers = True, True, True
        self.lease_ms = 1000
        self.body_extra: dict[str, Any] = {}
        """Keys of verdict bodies that a test sets, such as `latency_us`."""
        self.beat_extra: dict[str, Any] = {}
        self.flags = 0
        self.requests: list[dict[str, Any]] = []
        self.acks: list[dict[str, Any]] = []
        self.answer_hook: Callable[[dict[str, Any]], list[bytes] | None] = lambda request: None
        """Gives other frames as the answer to a request; None for the proper one."""
        self.subscribers = 0
        self._lock = threading.RLock()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        self._thread: threading.Thread | None = None
        self._running = False
        self._beat_at_s = 0.0

    def start(self) -> Self:
        context = zmq.Context.instance()
        with self._lock:
            for kind, place, name in (
                (zmq.XPUB, self.signals, "signals"),
                (zmq.XPUB, self.telemetry, "telemetry"),
                (zmq.ROUTER, self.service, "service"),
            ):
                socket: zmq.Socket[bytes] = context.socket(kind)
                socket.setsockopt(zmq.LINGER, 0)
                if kind == zmq.ROUTER:
                    socket.setsockopt(zmq.MAXMSGSIZE, 65536)
                if self._curve is not None:
                    socket.setsockopt(zmq.CURVE_SERVER, 1)
                    socket.setsockopt(zmq.CURVE_SECRETKEY, self._curve[1])
                    socket.setsockopt(zmq.ZAP_DOMAIN, b"insp")
                    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
                socket.bind(place)
                self._sockets[name] = socket
            self._running = True
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        self._running = False
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for socket in self._sockets.values():
            socket.close(linger=0)
        self._sockets.clear()
        self.subscribers = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def judge(
        self, verdict: str = "PASS", reason: str = "", *, flags: int = 0, budget_us: int = -1, fire_enc: int = -1,
        is_sent: bool = True, part_id: int | None = None, t_utc_us: int | None = None, **keys: Any
    ) -> int:  # fmt: skip
        """Give the next part its verdict: journal first, then send. `is_sent` False: nobody hears it live."""
        with self._lock:
            self.head += 1
            self.part_id = self.part_id + 1 if part_id is None else part_id
            flags |= self.flags | (READY if self.ready else 0) | (0 if verdict == "PASS" else REJECT)
            header = self._header(flags, self.head, self.part_id, fire_enc, budget_us, t_utc_us)
            reason = reason or {"PASS": "ok", "REJECT": "defect"}.get(verdict, "deadline")
            body = {
                "v": 1, "line": self.name, "epoch": self.epoch, "seq": self.head, "part_id": self.part_id,
                "camera": "cam0", "frame_id": self.head, "verdict": verdict, "reason": reason, "score": 0.5,
                "latency_us": 0, "enc_trigger": -1, "enc_gen": 0, "enc_modulus": 0, "fire_enc": fire_enc,
                "fire_window_enc": 0, "budget_us": budget_us, "late": bool(flags & LATE), "bypass": False,
            } | self.body_extra | keys  # fmt: skip
            row = (header, json.dumps(body).encode())
            self.journal[self.epoch][self.head] = row
            if is_sent:
                self.send("verdict", *row)
            return self.head

    def beat(self, **keys: Any) -> None:
        """Send one heartbeat."""
        with self._lock:
            body = self._beat_body() | keys
            flags = self.flags | (READY if body["ready"] else 0)
            header = self._header(flags, self.head, body["lease_ms"], body["enc_now"], -1)
            self.send("hb", header, json.dumps(body).encode())
            self._beat_at_s = time.monotonic()

    def event(self, name: str, **keys: Any) -> None:
        body = {"v": 1, "line": self.name, "epoch": self.epoch, "name": name, "severity": "warning", "detail": "d"}
        with self._lock:
            header = self._header(0, self.head, 0, -1, -1)
            self.send("event", header, json.dumps(body | keys).encode(), "telemetry")

    def send(self, kind: str, header: bytes, body: bytes, socket: str = "signals") -> None:
        """Send any frames."""
        with self._lock:
            if socket in self._sockets:
                self._pump_subscriptions()
                self._sockets[socket].send_multipart([f"insp.v1.{self.name}.{kind}".encode(), header, body])

    def new_epoch(self, epoch: int) -> None:
        """Begin to count anew; the former epoch stays in the journal."""
        with self._lock:
            self.epoch, self.head = epoch, 0
            self.journal[epoch] = {}

    def forget(self, epoch: int, first: int, last: int) -> None:
        """Rows that are no longer kept: of the tail, or of the head as after a power cut."""
        with self._lock:
            for seq in range(first, last + 1):
                self.journal[epoch].pop(seq, None)

    def wait_for(self, is_true: Callable[[], Any], what: str, timeout_s: float = 10.0) -> Any:
        ends_s = time.monotonic() + timeout_s
        while not (found := is_true()):
            assert time.monotonic() < ends_s, f"waited {timeout_s:g} s for {what}"
            time.sleep(PAUSE_S)
        return found

    @staticmethod
    def utc_us() -> int:
        return time.time_ns() // 1000

    def _header(
        self, flags: int, seq: int, part_id: int, fire_enc: int, budget_us: int, t_utc_us: int | None = None
    ) -> bytes:
        label = self.utc_us() if t_utc_us is None else t_utc_us
        return HEADER.pack(b"IN", 1, flags, self.epoch, seq, label, part_id, fire_enc, budget_us)

    def _beat_body(self) -> dict[str, Any]:
        return {
            "v": 1, "line": self.name, "epoch": self.epoch, "head_seq": self.head, "durable_seq": self.durable,
            "state": "ContinuousExecution", "ready": self.ready, "faults": [] if self.ready else ["camera"],
            "lease_ms": self.lease_ms, "enc_now": -1, "enc_age_us": -1, "enc_gen": 0, "clock_synced": True,
            "last_frame_age_us": 0, "triggers": self.head, "passes": self.head, "rejects": 0, "unknowns": 0,
            "lates": 0, "in_flight": 0,
        } | self.beat_extra  # fmt: skip

    def _run(self) -> None:
        while self._running:
            with self._lock:
                self._pump_subscriptions()
                if self.beats and time.monotonic() - self._beat_at_s >= 0.1:
                    self.beat()
                while self._sockets["service"].poll(0):
                    self._serve()
            time.sleep(PAUSE_S)

    def _pump_subscriptions(self) -> None:
        for name in ("signals", "telemetry"):
            while name in self._sockets and self._sockets[name].poll(0):
                frame = self._sockets[name].recv()
                if name == "signals":
                    self.subscribers += {b"\x01": 1, b"\x00": -1}.get(frame[:1], 0)

    def _serve(self) -> None:
        sender, *rest = self._sockets["service"].recv_multipart()
        delimiter = [b""] if len(rest) > 1 and rest[0] == b"" else []
        request = json.loads(rest[-1])
        self.requests.append(request)
        if self.answers:
            frames = self.answer_hook(request) or self._answer(request)
            self._sockets["service"].send_multipart([sender, *delimiter, *frames])

    def _answer(self, request: dict[str, Any]) -> list[bytes]:
        match request.get("op"):
            case "hello":
                answer: dict[str, Any] = {
                    "schema": "insp/1", "line": self.name, "epoch": self.epoch, "state": "ContinuousExecution",
                    "ready": self.ready, "lease_ms": self.lease_ms, "hb_age_ms": 10, "epochs": self._epochs(),
                }  # fmt: skip
            case "replay":
                return self._replay(request)
            case "ack":
                self.acks.append(request)
                answer = {"ok": True}
            case "status":
                answer = {"heartbeat": self._beat_body(), "hb_age_ms": 10, "consumers": []}
            case _:
                answer = {"error": "bad_request", "detail": "unknown op"}
        return [json.dumps({"id": request.get("id"), **answer}).encode()]

    def _epochs(self) -> list[dict[str, int]]:
        found = []
        for epoch, rows in self.journal.items():
            head = self.head if epoch == self.epoch else max(rows, default=0)
            tail = min(rows, default=head + 1)
            found.append({"epoch": epoch, "tail_seq": tail, "head_seq": head, "durable_seq": head})
        return found

    def _replay(self, request: dict[str, Any]) -> list[bytes]:
        number, epoch, first, last = (request[key] for key in ("id", "epoch", "from", "to"))
        if epoch not in self.journal:
            return [json.dumps({"id": number, "error": "epoch"}).encode()]
        rows = self.journal[epoch]
        tail = min(rows, default=self.head + 1)
        if first < tail:
            return [json.dumps({"id": number, "error": "gap", "gap": [first, min(last, tail - 1)]}).encode()]
        found = [seq for seq in sorted(rows) if first <= seq <= last]
        sent, following = found[:MAX_ROWS], found[MAX_ROWS:]
        answer = {"id": number, "count": len(sent), "next": following[0] if following else None}
        frames = [json.dumps(answer).encode()]
        for seq in sent:
            header, body = rows[seq]
            frames += [header[:3] + bytes([header[3] | REPLAYED]) + header[4:], body]
        return frames
