"""Journals that earlier programs left: one of each schema, as text, is gone on with."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import zmq
from faulty_line import FaultyLine, MakeFaulty

from benchmarks.account import Taken, digest_of
from edge_inspector.signal.journal_files import SCHEMA

JOURNALS = Path(__file__).with_name("journals")
ROWS = 8
EPOCH = 2364777938


def test_there_is_a_journal_of_each_schema() -> None:
    assert {path.name for path in JOURNALS.iterdir()} == {f"schema-{number}.sql" for number in range(1, SCHEMA + 1)}


@pytest.mark.timeout(90)
@pytest.mark.fault(
    52,
    injected="a journal of each schema that there was, with eight rows",
    seen="the line goes on in its epoch with seq 9; the old rows are replayed word for word",
    noticed="at the start",
)
@pytest.mark.parametrize("path", sorted(JOURNALS.iterdir()), ids=lambda path: path.stem)
def test_a_journal_that_an_earlier_program_left_is_gone_on_with(make_faulty: MakeFaulty, path: Path) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0})
    put_back(faulty, path)
    faulty.came_before(1, ROWS)

    faulty.start_working()
    replayed = replay(faulty.line.endpoints["service"])
    code = faulty.stop()

    first = faulty.witness.messages("verdict")[0]
    assert code == 0
    assert (first.head.epoch, first.head.seq) == (EPOCH, ROWS + 1)
    assert len(replayed) == ROWS
    assert faulty.broken(replayed=replayed, joined_late=True) == []


def put_back(faulty: FaultyLine, path: Path) -> None:
    """Lay a journal where a line looks for it, and its part numbers."""
    text = path.read_text("ascii")
    faulty.line.journal_folder.mkdir()
    name = text.splitlines()[0].removeprefix("-- ")
    with closing(sqlite3.connect(faulty.line.journal_folder / name)) as database:
        database.executescript(text)
    state = faulty.line.folder / "state"
    state.mkdir()
    numbers = {"judged_below": 9, "mark": 9, "clean": True, "epoch": EPOCH, "offset": 0, "losses": []}
    (state / "part_numbers.json").write_text(json.dumps(numbers))


def replay(endpoint: str) -> list[Taken]:
    """Return the rows of the earlier program as the line replays them."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(endpoint)
        socket.send(json.dumps({"op": "replay", "id": 1, "epoch": EPOCH, "from": 1, "to": ROWS}).encode())
        assert socket.poll(5000), "no answer"
        _, *frames = socket.recv_multipart()
    pairs = enumerate(zip(frames[::2], frames[1::2], strict=True), 1)
    return [Taken((EPOCH, seq), False, digest_of(header, json.loads(body))) for seq, (header, body) in pairs]
