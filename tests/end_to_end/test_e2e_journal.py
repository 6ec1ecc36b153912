"""The journal of the real program: replay, kills at its named places, a disk that does not obey, epochs."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zmq
from daemon import PROGRAM, Line, Listener, wait_until
from noticing import Noticed
from witness import READY, REPLAYED, read_head

MakeLine = Callable[..., Line]
RATE = {"rate_hz": 200.0}
FAILPOINTS = "EDGE_INSPECTOR_FAILPOINTS"


def running(line: Line, env: dict[str, str] | None = None) -> Listener:
    """Start a line with a witness; return the witness once the line is ready and at work."""
    witness = line.listen()
    line.start(env)
    witness.wait_for("hb", lambda m: m.body["ready"] and m.body["head_seq"] >= 20)
    return witness


def segments(line: Line) -> list[Path]:
    return sorted(line.journal_folder.glob("*.db"))


def journal(line: Line) -> dict[tuple[int, int], bytes]:
    """Return every row that is kept, read from the files alone."""
    rows = {}
    for path in segments(line):
        with closing(sqlite3.connect(path)) as database:
            (epoch,) = database.execute("SELECT epoch FROM segment").fetchone()
            rows |= {(epoch, seq): body for seq, body in database.execute("SELECT seq, body FROM verdicts")}
    return rows


class Caller:
    """A client of the service endpoint that replays."""

    def __init__(self, line: Line) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(line.endpoints["service"])

    def ask(self, **request: Any) -> list[bytes]:
        self._socket.send(json.dumps({"id": 1} | request).encode())
        assert self._socket.poll(5000), f"no answer to {request}"
        return self._socket.recv_multipart()

    def all_of(self, epoch: int) -> dict[int, bytes]:
        """Return the bodies of an epoch's verdicts by seq; fails on a gap above the tail."""
        hello = json.loads(self.ask(op="hello")[0])
        (span,) = [each for each in hello["epochs"] if each["epoch"] == epoch]
        at, rows = span["tail_seq"], {}
        while at is not None and at <= span["head_seq"]:
            head, *frames = self.ask(op="replay", epoch=epoch, **{"from": at, "to": span["head_seq"]})
            answer = json.loads(head)
            assert answer["count"] == len(frames) // 2 > 0, answer
            for header, body in zip(frames[::2], frames[1::2], strict=True):
                parsed = read_head(header)
                assert parsed.flags & REPLAYED
                rows[parsed.seq] = body
            at = answer["next"]
        return rows

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._context.term()


def heard(witness: Listener) -> dict[tuple[int, int], dict[str, Any]]:
    return {(m.head.epoch, m.head.seq): m.body for m in witness.messages("verdict")}


def check_all(line: Line, witness: Listener) -> None:
    """Everything heard is in the journal, word for word, and the journal has no hole."""
    rows = journal(line)
    for key, body in heard(witness).items():
        assert key in rows, f"{key} was sent and not journaled"
        assert json.loads(rows[key]) == body
    for epoch in {epoch for epoch, _ in rows}:
        seqs = sorted(seq for each, seq in rows if each == epoch)
        assert seqs == list(range(seqs[0], seqs[-1] + 1)), "a hole in the journal"


@pytest.mark.timeout(90)
def test_what_was_sent_can_be_replayed_word_for_word_and_is_durable_at_the_end(make_line: MakeLine) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    witness.wait_for_verdicts(700)
    with Caller(line) as caller:
        epoch = witness.messages("hb")[0].head.epoch
        rows = caller.all_of(epoch)
        ack = json.loads(caller.ask(op="ack", consumer="gate-1", epoch=epoch, upto=600)[0])
        status = json.loads(caller.ask(op="status")[0])
    code = line.stop()

    last = witness.messages("hb")[-1].body
    assert code == 0
    assert witness.violations(drained=True) == []
    assert len(rows) >= 500
    assert {seq: json.loads(body) for seq, body in rows.items()}.items() <= {
        seq: body for (_, seq), body in heard(witness).items()
    }.items()
    assert (ack, status["consumers"][0]["acked_seq"]) == ({"id": 1, "ok": True}, 600)
    assert last["durable_seq"] == last["head_seq"]
    check_all(line, witness)


@pytest.mark.timeout(90)
def test_a_line_that_was_stopped_and_started_goes_on_in_its_epoch_even_after_a_restart_of_the_computer(
    make_line: MakeLine,
) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    assert line.stop() == 0
    before = witness.messages("hb")[-1].body
    as_on_another_boot(line)
    again = line.listen("again")
    line.start()
    beat = again.wait_for("hb", lambda m: m.body["ready"] and m.body["head_seq"] > before["head_seq"])
    assert line.stop() == 0

    later = again.messages("verdict")
    assert beat.head.epoch == before["epoch"]
    assert later[0].head.seq == before["head_seq"] + 1
    assert later[0].body["enc_gen"] > before["enc_gen"], "the camera may count from anywhere"
    assert beat.body["durable_seq"] >= before["head_seq"]
    assert [m.body["name"] for m in again.messages("event") if "lost" in m.body["name"]] == []
    assert again.violations(drained=True, joined_late=True) == []
    check_all(line, again)


def as_on_another_boot(line: Line) -> None:
    for path in segments(line):
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("UPDATE segment SET boot_id = 'another'")


@pytest.mark.timeout(90)
def test_a_computer_that_was_restarted_in_the_middle_begins_a_new_epoch_and_says_what_may_be_gone(
    make_line: MakeLine,
) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    os.kill(line.pid, signal.SIGKILL)
    line.wait_exit(10)
    former = witness.messages("hb")[-1].body
    as_on_another_boot(line)
    line.start()
    witness.wait_for("hb", lambda m: m.body["ready"] and m.head.epoch != former["epoch"])
    lost = witness.wait_for("event", lambda m: m.body["name"] == "tail_lost").body
    with Caller(line) as caller:
        kept = caller.all_of(former["epoch"])
    witness.wait_for("verdict", lambda m: m.head.epoch != former["epoch"])
    assert line.stop() == 0

    assert lost["of_epoch"] == former["epoch"]
    assert lost["range"][0] == max(kept) + 1
    assert sorted(kept) == list(range(1, max(kept) + 1))
    assert max(kept) >= former["durable_seq"]
    first = next(m for m in witness.messages("verdict") if m.head.epoch != former["epoch"])
    assert first.head.seq == 1
    check_all(line, witness)


PLACES = [
    "journal.before_commit",
    "journal.after_commit",
    "journal.before_sync",
    "journal.before_durable",
    "journal.before_make",
    "journal.before_change",
    "journal.after_change",
    "journal.before_finish",
    "journal.after_finish",
]


TWICE = f"""
import os
from edge_inspector.run.supervise import Supervisor
lost, note = [], Supervisor._note_inspect_lost
def noted(self, ending):
    lost.append(ending)
    if len(lost) == 2:
        del os.environ[{FAILPOINTS!r}]
    note(self, ending)
Supervisor._note_inspect_lost = noted
from edge_inspector.cli.main import main
main()
"""
"""The program, whose third inspect process is left alone: some places are reached before any client is back."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", PLACES)
def test_a_kill_at_each_named_place_loses_nothing_and_gives_no_number_twice(make_line: MakeLine, place: str) -> None:
    line = make_line(camera={"rate_hz": 300.0, "count": 1500}, segments=64)  # two kills apart, four are soon full
    witness = line.listen()
    pass_by = {"journal.before_commit": "@150", "journal.after_commit": "@150"}.get(place, "@2")
    line.start({FAILPOINTS: f"{place}=kill{pass_by}"}, program=["-c", TWICE])
    wait_until(lambda: line.stderr().count("inspect_process_lost") == 2, 40, f"two kills at {place}")
    beats = len(witness.messages("hb"))
    witness.wait_for("hb", lambda m: m.body["head_seq"] >= 100, after=beats)
    code = line.stop(30)

    last = witness.messages("hb")[-1].body
    rows = journal(line)
    assert code == 0
    assert witness.violations() == []
    assert last["in_flight"] == 0
    assert (last["epoch"], last["head_seq"]) in rows
    assert last["triggers"] == last["head_seq"]
    check_all(line, witness)


class Held:
    """A foreign program that holds the segment that is written, again and again as it changes."""

    def __init__(self, line: Line) -> None:
        self._open: list[sqlite3.Connection] = []
        for path in segments(line):
            database = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            database.execute("BEGIN IMMEDIATE")
            self._open.append(database)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        for database in self._open:
            database.execute("ROLLBACK")
            database.close()


@pytest.mark.fault(
    28,
    injected="another program holds the journal's lock",
    seen="fault `journal`, not ready, silent; what waited is sent afterwards, not to be acted on",
)
@pytest.mark.timeout(90)
def test_a_journal_that_takes_no_rows_makes_the_line_not_ready_and_silent_and_loses_nothing(
    make_line: MakeLine, noticed: Noticed
) -> None:
    line = make_line(camera={"rate_hz": 50.0}, journal_mb=64)
    witness = running(line)
    beats = len(witness.messages("hb"))
    with Held(line):
        noticed.injected()
        held = witness.wait_for("hb", lambda m: "journal" in m.body["faults"], after=beats)
        noticed.seen()
        n_heard = len(witness.messages("verdict"))
        witness.wait_for("hb", lambda m: m.body["in_flight"] >= 30, after=beats)
        silent = len(witness.messages("verdict")) - n_heard
        wait_until(lambda: (line.figure("journal_rows_refused_total") or 0) > 10, 10, "the metric of refused rows")
    beats = len(witness.messages("hb"))
    witness.wait_for("hb", lambda m: m.body["ready"], after=beats)
    witness.wait_for("event", lambda m: m.body["name"] == "journal_recovered")
    names = [m.body["name"] for m in witness.messages("event")]
    code = line.stop()

    waited = [m for m in witness.messages("verdict")[n_heard:] if not m.has(READY)]
    assert code == 0
    assert held.body["ready"] is False
    assert silent == 0, "something was sent that the journal does not have"
    assert len(waited) >= 30, "what waited must not be acted on"
    assert [name for name in names if name.startswith("journal")] == ["journal_fault", "journal_recovered"]
    assert witness.violations(drained=True) == []
    assert [m.head.seq for m in witness.messages("verdict")] == list(
        range(1, witness.messages("hb")[-1].body["triggers"] + 1)
    )
    check_all(line, witness)


@pytest.mark.fault(
    32,
    injected="three commits that take 30 ms longer",
    seen="fault `journal` until nothing went wrong for a second; the late rows are kept for replay and not sent",
    noticed="with the part",
)
@pytest.mark.timeout(90)
def test_a_commit_that_takes_too_long_is_journaled_and_not_sent(make_line: MakeLine) -> None:
    line = make_line(camera={"rate_hz": 100.0})
    witness = line.listen()
    line.start({FAILPOINTS: "journal.before_commit=delay:30@60-62"})
    witness.wait_for("hb", lambda m: "journal" in m.body["faults"])
    beats = len(witness.messages("hb"))
    witness.wait_for("hb", lambda m: m.body["ready"], after=beats)
    witness.wait_for("event", lambda m: m.body["name"] == "journal_recovered")
    with Caller(line) as caller:
        rows = caller.all_of(witness.messages("hb")[0].head.epoch)
    code = line.stop()

    unsent = sorted(set(range(1, max(rows) + 1)) - {m.head.seq for m in witness.messages("verdict")})
    recovered = next(m.body for m in witness.messages("event") if m.body["name"] == "journal_recovered")
    assert code == 0
    assert 60 in unsent
    assert len(unsent) <= 6
    assert set(unsent) <= set(rows)
    assert f"from seq {unsent[0]} to" in recovered["detail"]
    check_all(line, witness)


@pytest.mark.fault(
    31,
    injected="the segments are deleted while the line runs",
    seen="event `tail_lost`, a new epoch, ready again",
)
@pytest.mark.timeout(90)
def test_a_journal_that_is_taken_away_while_the_line_runs_begins_a_new_epoch(
    make_line: MakeLine, noticed: Noticed
) -> None:
    line = make_line(camera=RATE)
    witness = running(line)
    former = witness.messages("hb")[-1].head.epoch
    for path in line.journal_folder.iterdir():
        if path.name != "lock":
            path.unlink()
    noticed.injected()
    lost = witness.wait_for("event", lambda m: m.body["name"] == "tail_lost").body
    noticed.seen()
    beat = witness.wait_for("hb", lambda m: m.body["ready"] and m.head.epoch != former)
    hello = None
    with Caller(line) as caller:
        hello = json.loads(caller.ask(op="hello")[0])
        gone = json.loads(caller.ask(op="replay", epoch=former, **{"from": 1, "to": 5})[0])
    code = line.stop()

    last = witness.messages("hb")[-1].body
    later = [m for m in witness.messages("verdict") if m.head.epoch == beat.head.epoch]
    assert code == 0
    assert (lost["of_epoch"], lost["range"][0]) == (former, 1)
    assert hello["epoch"] == beat.head.epoch
    assert gone == {"id": 1, "error": "epoch"}
    assert [m.head.seq for m in later] == list(range(later[0].head.seq, later[-1].head.seq + 1))
    assert last["triggers"] == last["passes"] + last["rejects"] + last["unknowns"] == last["head_seq"]
    assert last["in_flight"] == 0


@pytest.mark.fault(
    49,
    injected="a second daemon on the same state, or the same journal",
    seen="exit 70, with the process that was first; the first goes on",
    noticed="at the start",
)
@pytest.mark.timeout(60)
def test_a_second_daemon_on_the_same_line_or_journal_is_told_who_was_first(make_line: MakeLine, tmp_path: Path) -> None:
    line = make_line(camera=RATE)
    running(line)
    other = tmp_path / "other.yaml"
    text = line.config.read_text().replace("state_dir: state", "state_dir: elsewhere")
    for name, endpoint in line.endpoints.items():
        text = text.replace(endpoint, f"ipc://{tmp_path}/{name}")
    other.write_text(text.replace(f"port: {line.metrics_port}", "port: null"))

    refused = [
        subprocess.run(
            [sys.executable, *PROGRAM, "run", "--config", str(config)], capture_output=True, text=True, timeout=40
        )
        for config in (line.config, other)
    ]
    code = line.stop()

    assert code == 0
    assert [each.returncode for each in refused] == [70, 70]
    for each, setting in zip(refused, ("state_dir", "journal.folder"), strict=True):
        assert f"another daemon (process {line.pid}) runs with {setting}" in each.stderr


@pytest.mark.fault(
    52,
    injected="a segment of a schema that this program does not know",
    seen="exit 70, with both schemas; the file is left alone",
    noticed="at the start",
)
@pytest.mark.timeout(60)
def test_a_journal_of_a_newer_program_is_refused_and_left_alone(make_line: MakeLine) -> None:
    line = make_line(camera=RATE)
    running(line)
    assert line.stop() == 0
    newest = segments(line)[-1]
    with closing(sqlite3.connect(newest, isolation_level=None)) as database:
        database.execute("PRAGMA user_version = 9")
    content = newest.read_bytes()

    line.start()
    code = line.wait_exit(20)

    assert code == 70
    assert "has schema 9, this program knows 1" in line.stderr()
    assert newest.read_bytes() == content
