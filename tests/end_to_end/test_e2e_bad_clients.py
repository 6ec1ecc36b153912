"""Whatever strangers say to the three endpoints of a running line, others get every verdict and every answer."""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zmq
from daemon import START_S, Client, Line, Listener, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from invariants import broken_at_the_end

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signal"))
from stranger import COMMAND, GREETING, MORE, Stranger, frame

LIMIT = 65_536
FULL_MB = 160
"""A process that collects what it gets has this in a third of a second."""
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
ENOUGH_BYTES = 600_000_000
"""A stranger gives up by himself after so much."""


class Site:
    """A line at 50 parts a second and a client that has every verdict."""

    def __init__(self, line: Line) -> None:
        self.line = line.start()
        self.listener: Listener = line.listen()
        self.listener.wait_for("hb", lambda beat: beat.body["ready"], timeout_s=START_S)
        wait_until(lambda: line.figure("service_bad_requests_total") is not None, START_S, "the metrics")

    def memory_mb(self) -> float:
        """Return what the larger of main and inspect process has."""
        pids = (self.line.pid, self.line.child("inspect"))
        return max(float(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB for pid in pids)

    def count(self, name: str) -> float:
        return self.line.figure(name) or 0.0

    def said(self, event: str) -> int:
        return self.line.stderr().count(f" {event} ")

    @property
    def head(self) -> dict[str, Any]:
        beat: dict[str, Any] = self.listener.messages("hb")[-1].body
        return beat


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Line(tmp_path_factory.mktemp("line"), camera={"rate_hz": 50.0}) as line:
        yield Site(line)
        assert line.stop() == 0
        assert broken_at_the_end(line) == []


class Neighbour:
    """A client that asks on and on, in a thread, and wants each of its answers."""

    def __init__(self, site: Site) -> None:
        self._line, self._over = site.line, threading.Event()
        self.rounds = 0
        self.wrong: list[Any] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with Client(self._line, zmq.DEALER) as client:
            while not self._over.is_set():
                hello = client.ask(b'{"op":"hello","id":1,"consumer":"gate-1"}', timeout_s=10.0)
                newest = {"epoch": hello["epoch"], "seq": hello["epochs"][-1]["head_seq"]} if hello else {}
                self._expect(hello and {"id": hello["id"], "ready": hello["ready"]}, {"id": 1, "ready": True})
                ack = {"op": "ack", "id": 2, "consumer": "gate-1", "epoch": newest["epoch"], "upto": newest["seq"]}
                self._expect(client.ask(json.dumps(ack).encode(), timeout_s=10.0), {"id": 2, "ok": True})
                replay = {"op": "replay", "id": 3, "epoch": newest["epoch"], "from": newest["seq"], "to": newest["seq"]}
                row = client.ask(json.dumps(replay).encode(), timeout_s=10.0)
                self._expect(row and {"epoch": row.get("epoch"), "seq": row.get("seq")}, newest)
                self.rounds += 1

    def _expect(self, found: Any, wanted: Any) -> None:
        if found != wanted:
            self.wrong.append((found, wanted))

    def __enter__(self) -> Neighbour:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        wait_until(lambda: self.rounds >= 3 or not self._thread.is_alive(), 40.0, "nine answers")
        self._over.set()
        self._thread.join()


def undisturbed(site: Site, abuse: Callable[[], object]) -> None:
    """Let strangers do what they do; fails unless others have all answers and verdicts, and memory stays as it was."""
    before_mb, since = site.memory_mb(), len(site.listener.messages("verdict"))

    with Neighbour(site) as neighbour:
        abuse()
    site.listener.wait_for_verdicts(since + 50)
    seqs = [verdict.head.seq for verdict in site.listener.messages("verdict")]

    assert neighbour.wrong == []
    assert neighbour.rounds >= 3
    assert all(later == earlier + 1 for earlier, later in pairwise(seqs))
    assert site.memory_mb() < before_mb + FULL_MB
    assert site.head["ready"]


NOISE = random.Random(7)
NO_ZEROMQ = {
    "an HTTP request": b"GET /metrics HTTP/1.1\r\nHost: line\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + NOISE.randbytes(400),
    "random bytes": NOISE.randbytes(65_536),
    "half a greeting": GREETING[:30],
    "a greeting of another mechanism": GREETING.replace(b"NULL", b"ABCD"),
    "a greeting, then garbage": GREETING + NOISE.randbytes(4096),
    "a greeting, then a command of 2 GiB": GREETING + frame(b"\x05READY", COMMAND, 1 << 31),
    "a greeting, then an empty command": GREETING + frame(b"", COMMAND),
    "nothing": b"",
}


@pytest.mark.fault(
    39,
    injected="raw bytes of other protocols on each port",
    seen="hung up on; verdicts go on",
    noticed="with the call",
)
@pytest.mark.timeout(120)
@pytest.mark.parametrize("endpoint", ["signals", "telemetry", "service"])
def test_who_speaks_something_else_is_hung_up_on_and_disturbs_nobody(site: Site, endpoint: str) -> None:
    failed, address = site.count("service_handshakes_failed_total"), site.line.endpoints[endpoint]

    def abuse() -> None:
        for shout in [*NO_ZEROMQ.values()] * 3:
            with Stranger(address) as stranger:
                stranger.say(shout)

    undisturbed(site, abuse)

    if endpoint == "service":
        wait_until(lambda: site.count("service_handshakes_failed_total") >= failed + 12, 10.0, "the count")
    assert site.said("handshake_failed") <= 60


GIANT = {
    "one byte too many": frame(b" " * (LIMIT + 1)),
    "many MB": frame(b"x" * 20_000_000),
    "claims 1 GiB": frame(b"", 0, 1 << 30),
    "claims 2^63 - 1 bytes": frame(b"{}", 0, 2**63 - 1),
    "claims 2^64 - 1 bytes": frame(b"{}", 0, 2**64 - 1),
    "its second frame is too large": frame(b"", MORE) + frame(b"x" * (LIMIT + 1)),
}


@pytest.mark.fault(
    39,
    injected="messages above the limit",
    seen="connection closed, counted",
    noticed="with the call",
)
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("endpoint", "kind"), [("signals", "SUB"), ("telemetry", "SUB"), ("service", "DEALER")])
def test_a_message_that_is_too_large_ends_its_connection_and_is_counted(site: Site, endpoint: str, kind: str) -> None:
    ended = site.count("service_disconnects_total")

    def abuse() -> None:
        for giant in GIANT.values():
            with Stranger(site.line.endpoints[endpoint], kind) as stranger:
                stranger.say(giant)
                assert stranger.is_hung_up()

    undisturbed(site, abuse)

    if endpoint == "service":
        wait_until(lambda: site.count("service_disconnects_total") >= ended + len(GIANT), 10.0, "the count")


def endless(address: str, kind: str, block: bytes) -> bool:
    """Say the same again and again; returns whether the other side hung up before it had far too much."""
    with Stranger(address, kind, timeout_s=20.0) as stranger:
        return any(not stranger.say(block) for _ in range(ENOUGH_BYTES // len(block)))


FLOODS = {
    "subscriptions": b"".join(frame(b"\x01" + NOISE.randbytes(20)) for _ in range(2000)),
    "subscriptions in their newer form": b"".join(
        frame(b"\x09SUBSCRIBE" + NOISE.randbytes(20), 4) for _ in range(2000)
    ),
    "messages of a publisher": frame(b"x" * 200) * 2000,
    "frames of a message without an end": frame(b"x" * 1000, MORE) * 500,
    "empty frames without an end": frame(b"", MORE) * 5000,
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("endpoint", ["signals", "telemetry"])
def test_a_subscriber_that_floods_a_sender_is_hung_up_on(site: Site, endpoint: str, flood: str) -> None:
    told = site.said("connection_cut")

    undisturbed(site, lambda: endless(site.line.endpoints[endpoint], "SUB", FLOODS[flood]) or pytest.fail("let be"))

    assert told <= site.said("connection_cut") <= told + 10


@pytest.mark.timeout(120)
@pytest.mark.parametrize("block", [frame(b"x" * 60_000, MORE) * 16, frame(b"", MORE) * 50_000])
def test_a_request_of_frames_without_an_end_is_hung_up_on_and_counted(site: Site, block: bytes) -> None:
    cut = site.count("service_connections_cut_total")

    undisturbed(site, lambda: endless(site.line.endpoints["service"], "DEALER", block) or pytest.fail("let be"))

    wait_until(lambda: site.count("service_connections_cut_total") == cut + 1, 10.0, "the count")


RUBBISH = [b"", b"\x00", b"\x01", b"\x02", b"\x01" + b"\xff" * 900, b"\x00insp.v1.", b"insp.v1.e2e.", b"\x01\x00\x01"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("endpoint", ["signals", "telemetry"])
def test_rubbish_for_a_subscription_disturbs_nobody(site: Site, endpoint: str) -> None:
    def abuse() -> None:
        with Stranger(site.line.endpoints[endpoint], "XSUB") as stranger:
            for word in RUBBISH * 5:
                assert stranger.say(frame(word))
            assert stranger.say(frame(b"\x01insp", MORE) + frame(b".v1", MORE) + frame(b""))

    undisturbed(site, abuse)


@pytest.mark.timeout(120)
def test_a_flood_of_bad_requests_is_counted_and_seldom_logged(site: Site) -> None:
    bad, logged = site.count("service_bad_requests_total"), site.said("service_request_refused")
    cut = site.count("service_connections_cut_total")
    words = [b"", b"{", b"\xff\xfe", b"[" * 30_000, b'{"a":' * 9_000, b"null", b'{"op":"eat","id":1}']

    def abuse() -> None:
        with Stranger(site.line.endpoints["service"], "DEALER") as stranger:
            for _ in range(200):
                for word in words:
                    stranger.say(frame(word))
            stranger.say(b"".join(frame(b"x", MORE) for _ in range(5000)) + frame(b"x"))

    undisturbed(site, abuse)

    # Whoever sends faster than his turns come is hung up on after 2 MiB.
    def is_counted() -> bool:
        return site.count("service_bad_requests_total") > bad + 20 or site.count("service_connections_cut_total") > cut

    wait_until(is_counted, 10.0, "the count")
    assert site.said("service_request_refused") <= logged + 60


def test_numbers_of_another_time_are_answered_as_the_protocol_says(site: Site) -> None:
    epoch, head = site.head["epoch"], site.head["head_seq"]
    other = (epoch + 1) % 2**32
    replay, ack = {"op": "replay", "id": 5}, {"op": "ack", "id": 5, "consumer": "g"}
    with Client(site.line, zmq.DEALER) as client:

        def ask(**request: object) -> Any:
            return client.ask(json.dumps(request).encode())

        future = ask(**replay, **{"epoch": epoch, "from": head + 10_000, "to": head + 10_500})
        never = ask(**replay, **{"epoch": epoch, "from": 0, "to": 5})
        elsewhere = ask(**replay, **{"epoch": other, "from": 1, "to": 5})
        unknown = ask(**ack, epoch=epoch, upto=head + 10_000)
        outcome = ask(**ack, epoch=epoch, upto=1, outcomes=[{"seq": head + 10_000, "outcome": "fired"}])
        foreign = ask(**ack, epoch=other, upto=1)

    assert future is None or future == {"id": 5, "count": 0, "next": None}
    assert (never["error"], elsewhere, foreign) == (
        "bad_request",
        {"id": 5, "error": "epoch"},
        {"id": 5, "error": "epoch"},
    )
    assert "was not given yet" in unknown["detail"]
    assert "was not given yet" in outcome["detail"]


REQUESTS = [
    {"op": "hello", "id": 1, "consumer": "gate-1"},
    {"op": "status", "id": "a"},
    {"op": "replay", "id": 2, "epoch": 7, "from": 1, "to": 500},
    {"op": "ack", "id": 3, "consumer": "gate-1", "epoch": 7, "upto": 9, "outcomes": [{"seq": 9, "outcome": "fired"}]},
]
BYTES = st.binary(max_size=6)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Return a right request of which bytes were replaced, removed or put in."""
    data = bytearray(json.dumps(draw(st.sampled_from(REQUESTS))).encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(
            BYTES | st.sampled_from([b"9" * 40, b"[" * 50, b"NaN", b'"', b"-"])
        )
    return bytes(data)


@pytest.mark.fault(
    39,
    injected="300 requests with bytes changed at random",
    seen="one answer each; the next request is served",
    noticed="with the call",
)
@pytest.mark.timeout(180)
def test_whatever_a_request_was_spoilt_to_is_answered_once_and_its_neighbour_is_served(site: Site) -> None:
    with Client(site.line, zmq.DEALER) as client:

        @settings(max_examples=300, deadline=None, database=None)
        @given(spoilt())
        def fuzz(data: bytes) -> None:
            answer = client.ask(data)
            assert isinstance(answer, dict)
            assert client.ask(b'{"op":"status","id":"next"}')["id"] == "next"  # one answer each, in order

        undisturbed(site, fuzz)
