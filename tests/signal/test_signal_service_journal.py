"""Replay, acknowledgements and status over real sockets, on a journal that was really written."""

from __future__ import annotations

import json
import random
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zmq
from fakes.journal_parts import JournalRun, entry

from edge_inspector.client.wire import Flag, Header
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import LineState
from edge_inspector.signal.consumers import Consumers
from edge_inspector.signal.journal_files import segment_files
from edge_inspector.signal.journal_reader import JournalReader
from edge_inspector.signal.message import split
from edge_inspector.signal.service import Service, ServiceFacts
from edge_inspector.signal.turns import MAX_WAITING

ROWS = 1300


class Bench:
    """A journal, the service on it, and a client, in one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = JournalRun(folder / "journal")
        for _ in range(ROWS // 100):
            self.run.append(100)
            self.run.work()
        self.head_seq = self.run.seq
        self.port = _free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.consumers = Consumers(folder / "consumers.db")
        self.service = Service(self.endpoint, self.facts, JournalReader(folder / "journal"), self.consumers)
        self.sockets: list[zmq.Socket[bytes]] = []

    @property
    def epoch(self) -> int:
        return self.run.epoch

    def facts(self) -> ServiceFacts:
        beat = {"ready": True, "epoch": self.epoch, "durable_seq": self.head_seq - 1}
        return ServiceFacts("l1", self.epoch, 1000, self.head_seq, LineState.READY, beat, monotonic_ns())

    def open(self, kind: int = zmq.DEALER) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(self.endpoint)
        self.sockets.append(socket)
        return socket

    def frames(self, request: object, on: zmq.Socket[bytes] | None = None) -> list[bytes]:
        on = on or self.open()
        on.send(json.dumps(request).encode())
        self.step_until(on)
        return on.recv_multipart()

    def step_until(self, answered: zmq.Socket[bytes]) -> None:
        while not answered.poll(0):
            self.service.step()

    def ask(self, **request: Any) -> Any:
        return json.loads(self.frames(request)[0])

    def replay(self, first: int, last: int, epoch: int | None = None) -> tuple[Any, list[list[bytes]]]:
        request = {"op": "replay", "id": 2, "epoch": self.epoch if epoch is None else epoch, "from": first, "to": last}
        head, *rest = self.frames(request)
        return json.loads(head), [rest[n : n + 2] for n in range(0, len(rest), 2)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    with bench.service:
        yield bench
        for each in bench.sockets:
            each.close()


def test_a_replay_gives_what_was_sent_byte_for_byte_but_for_the_flag(bench: Bench) -> None:
    head, pairs = bench.replay(3, 5)

    assert head == {"id": 2, "count": 3, "next": None}
    for seq, (header, body) in enumerate(pairs, start=3):
        _, sent, sent_body = split(entry(seq, bench.epoch).message)
        parsed = Header.parse(header)
        assert (parsed.seq, parsed.flags) == (seq, Flag.READY | Flag.REPLAYED)
        assert header[:3] + header[4:] == sent[:3] + sent[4:]
        assert body == sent_body


def test_a_client_gets_all_of_an_epoch_in_calls_of_at_most_500(bench: Bench) -> None:
    at: int | None = 1
    seqs: list[int] = []
    counts = []
    while at is not None:
        head, pairs = bench.replay(at, 10**9)
        counts.append(head["count"])
        seqs += [Header.parse(header).seq for header, _ in pairs]
        at = head["next"]

    assert counts == [500, 500, 300]
    assert seqs == list(range(1, ROWS + 1))


def test_what_is_not_there_yet_is_nothing(bench: Bench) -> None:
    assert bench.replay(ROWS + 1, ROWS) == ({"id": 2, "count": 0, "next": None}, [])
    assert bench.replay(ROWS + 1, 10**9) == ({"id": 2, "count": 0, "next": None}, [])


def test_what_was_deleted_is_a_gap_and_never_a_silent_skip(bench: Bench) -> None:
    first = segment_files(bench.folder / "journal")[0]
    first.path.unlink()
    tail = bench.ask(op="hello", id=1)["epochs"][-1]["tail_seq"]

    within, _ = bench.replay(1, 5)
    across, _ = bench.replay(1, tail + 5)
    after, pairs = bench.replay(tail, tail)

    assert tail > 1
    assert within == {"id": 2, "error": "gap", "gap": [1, 5]}
    assert across == {"id": 2, "error": "gap", "gap": [1, tail - 1]}
    assert after["count"] == len(pairs) == 1


def test_rows_before_a_hole_are_given_then_the_hole_is_named(bench: Bench) -> None:
    files = segment_files(bench.folder / "journal")
    content = bytearray(files[1].path.read_bytes())
    content[:4096] = b"garbage " * 512
    files[1].path.write_bytes(content)

    before, pairs = bench.replay(1, 500)
    hole, _ = bench.replay(before["next"], 500)
    after, _ = bench.replay(hole["gap"][1] + 1, 10**9)

    assert before["count"] == len(pairs) == before["next"] - 1
    assert hole["gap"][0] == before["next"]
    assert after["count"] > 0
    assert bench.service.counts.damaged_segments == 1


def test_a_row_that_is_missing_within_a_segment_is_a_gap_too(bench: Bench) -> None:
    first = segment_files(bench.folder / "journal")[0]
    with closing(sqlite3.connect(first.path, isolation_level=None)) as database:
        database.execute("DELETE FROM verdicts WHERE seq BETWEEN 4 AND 6")

    before, _ = bench.replay(1, 20)
    hole, _ = bench.replay(4, 20)
    after, _ = bench.replay(7, 20)

    assert (before["count"], before["next"]) == (3, 4)
    assert hole["gap"] == [4, 6]
    assert after["count"] == 14


def test_an_unknown_epoch_is_named_as_such(bench: Bench) -> None:
    other = (bench.epoch + 1) % 2**32

    assert bench.replay(1, 5, epoch=other)[0] == {"id": 2, "error": "epoch"}
    assert bench.ask(op="ack", id=3, consumer="g", epoch=other, upto=1) == {"id": 3, "error": "epoch"}


def test_a_former_epoch_stays_replayable(bench: Bench) -> None:
    former = bench.epoch
    bench.run = JournalRun(bench.folder / "journal", boot="after a power cut")
    bench.run.append(4)
    bench.head_seq = 4

    hello = bench.ask(op="hello", id=1)
    head, pairs = bench.replay(1, 10**9, epoch=former)

    assert bench.epoch != former
    assert [each["epoch"] for each in hello["epochs"]] == [former, bench.epoch]
    assert hello["epochs"][0] == {"epoch": former, "tail_seq": 1, "head_seq": ROWS, "durable_seq": ROWS}
    assert hello["epochs"][1] == {"epoch": bench.epoch, "tail_seq": 1, "head_seq": 4, "durable_seq": 3}
    assert (head["count"], head["next"], len(pairs)) == (500, 501, 500)
    assert bench.ask(op="ack", id=3, consumer="g", epoch=former, upto=ROWS) == {"id": 3, "ok": True}


def test_the_answer_to_a_large_replay_is_bounded_in_bytes_and_goes_on(bench: Bench) -> None:
    bench.run.append(60, size=60_000)
    bench.head_seq = bench.run.seq

    head, pairs = bench.replay(ROWS + 1, ROWS + 60)

    assert 0 < head["count"] < 60
    assert sum(len(frame) for pair in pairs for frame in pair) < 1_100_000
    assert head["next"] == ROWS + 1 + head["count"]


def test_an_acknowledgement_is_stored_and_shown_and_never_goes_back(bench: Bench) -> None:
    assert bench.ask(op="ack", id=3, consumer="gate-1", epoch=bench.epoch, upto=9) == {"id": 3, "ok": True}
    assert bench.ask(op="ack", id=4, consumer="gate-1", epoch=bench.epoch, upto=4) == {"id": 4, "ok": True}
    bench.ask(op="hello", id=5, consumer="silent")

    (gate,) = bench.ask(op="status", id=6)["consumers"]

    assert (gate["consumer"], gate["epoch"], gate["acked_seq"]) == ("gate-1", bench.epoch, 9)
    assert gate["acked_utc_us"] > 10**15


@pytest.mark.parametrize("change", [{"upto": ROWS + 1}, {"outcomes": [{"seq": ROWS + 1, "outcome": "fired"}]}])
def test_a_number_that_was_not_given_yet_cannot_be_acknowledged(bench: Bench, change: dict[str, Any]) -> None:
    answer = bench.ask(**{"op": "ack", "id": 3, "consumer": "g", "epoch": bench.epoch, "upto": 1, **change})

    assert answer["error"] == "bad_request"
    assert f"newest is {ROWS}" in answer["detail"]
    assert bench.consumers.acked == {}


def test_outcomes_are_stored_under_what_the_gate_knows(bench: Bench) -> None:
    outcomes = [
        {"seq": 2, "outcome": "fired"},
        {"part_id": 1003, "outcome": "released"},
        {"enc": -7, "outcome": "late"},
    ]
    bench.ask(op="ack", id=3, consumer="g", epoch=bench.epoch, upto=5, outcomes=outcomes)
    bench.ask(op="ack", id=3, consumer="g", epoch=bench.epoch, upto=5, outcomes=[{"seq": 2, "outcome": "confirmed"}])

    with sqlite3.connect(bench.folder / "consumers.db") as database:
        rows = database.execute("SELECT named_by, value, outcome FROM outcomes ORDER BY id").fetchall()
    database.close()

    assert rows == [("seq", 2, "confirmed"), ("part_id", 1003, "released"), ("enc", -7, "late")]
    assert bench.consumers.outcomes == {"fired": 1, "released": 1, "late": 1, "confirmed": 1}


def test_a_database_that_cannot_be_written_refuses_acknowledgements_and_nothing_else(bench: Bench) -> None:
    with sqlite3.connect(bench.folder / "consumers.db", isolation_level=None) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        refused = bench.ask(op="ack", id=3, consumer="g", epoch=bench.epoch, upto=1)
        hello = bench.ask(op="hello", id=4)
        foreign.execute("ROLLBACK")
    foreign.close()

    assert (refused["id"], refused["error"]) == (3, "busy"), "it is no fault of the client's: he asks again"
    assert "disk refuses" in refused["detail"]
    assert hello["id"] == 4
    assert bench.ask(op="ack", id=5, consumer="g", epoch=bench.epoch, upto=1) == {"id": 5, "ok": True}


def test_a_client_that_asks_on_without_waiting_is_refused_beyond_a_bound(bench: Bench) -> None:
    greedy = bench.open()
    request = {"op": "replay", "epoch": bench.epoch, "from": 1, "to": 500}
    for number in range(3 * MAX_WAITING):
        greedy.send(json.dumps(request | {"id": number}).encode())
    answers = []
    for _ in range(3 * MAX_WAITING):
        bench.step_until(greedy)
        answers.append(json.loads(greedy.recv_multipart()[0]))

    refused = [each for each in answers if "error" in each]
    assert 0 < len(refused) <= 2 * MAX_WAITING
    assert refused[0]["error"] == "busy"
    assert "wait already" in refused[0]["detail"]
    assert all(each["count"] == 500 for each in answers if "error" not in each)


def test_a_client_that_takes_no_answers_costs_a_bounded_number_of_them(bench: Bench) -> None:
    deaf = bench.open()
    deaf.setsockopt(zmq.RCVHWM, 1)
    request = {"op": "replay", "id": 1, "epoch": bench.epoch, "from": 1, "to": 500}

    while bench.service.counts.unsent == 0:
        deaf.send(json.dumps(request).encode())
        bench.service.step()

    assert bench.ask(op="hello", id=9)["id"] == 9


def test_a_client_that_speaks_something_else_is_counted_and_others_live_on(bench: Bench) -> None:
    shouts = [
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff" + b"\x00" * 8 + b"\x7f" + b"\x03\x01CURVE" + b"\x00" * 60,
        bytes(range(256)) * 16,
        b"\xff\x00",
    ]
    for shout in shouts:
        with socket.create_connection(("127.0.0.1", bench.port), 2.0) as stranger:
            stranger.sendall(shout)
            for _ in range(3):
                bench.service.step()

    assert bench.ask(op="hello", id=9)["id"] == 9
    assert bench.service.counts.handshakes_failed + bench.service.counts.bad_requests >= 1


def test_a_request_that_is_too_large_ends_its_connection_and_is_counted(bench: Bench) -> None:
    large = bench.open()
    large.send(b'{"op":"hello","id":1}' + b" " * 65_536)

    while bench.service.counts.disconnected == 0:
        bench.service.step()

    assert not large.poll(0)
    assert bench.ask(op="hello", id=2)["id"] == 2


def test_bad_requests_are_counted(bench: Bench) -> None:
    for request in ({"op": "eat"}, [1], {"op": "replay"}):
        bench.frames(request)

    assert bench.service.counts.bad_requests == 3


WORDS = [
    b"",
    b"{}",
    b"null",
    b"\xff\xfe{\x00}\x00",
    b"[" * 3_000,
    b'{"a":' * 3_000,
    b"GET / HTTP/1.1",
    b"\x00" * 65_536,
]
VALUES: list[Any] = [None, True, -1, 0, 1, 2**31, 2**53, 2**64, 1.5, "", "x", "\ud800", [], [1], {}, {"seq": 1}]


def test_whatever_is_asked_is_answered_once_and_the_next_client_is_served(bench: Bench) -> None:
    chance, stranger = random.Random(7), bench.open()
    keys = ["op", "id", "consumer", "epoch", "from", "to", "upto", "outcomes", "outcome", "seq"]
    for _ in range(400):
        request = {key: chance.choice(VALUES) for key in chance.sample(keys, chance.randint(0, len(keys)))}
        request["op"] = chance.choice(["hello", "replay", "ack", "status", chance.choice(VALUES)])
        frames = [chance.choice([json.dumps(request).encode(), chance.choice(WORDS), chance.randbytes(50)])]
        if chance.random() < 0.2:
            frames = [b"", *frames] if chance.random() < 0.5 else frames * chance.randint(2, 5)
        stranger.send_multipart(frames)
        bench.step_until(stranger)
        answer = stranger.recv_multipart()
        assert isinstance(json.loads(answer[1] if answer[0] == b"" else answer[0]), dict)

    counts = bench.service.counts
    assert counts.bad_requests > 100
    assert counts.bad_requests + counts.hello + counts.status + counts.replay + counts.ack >= 400
    assert bench.ask(op="hello", id=9)["id"] == 9
