"""What the journal is sent, on a real socket: fields that can be asked for, and never a wait."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_inspector.core.logs import get_log
from edge_inspector.observe.journald import Journal, is_journal
from edge_inspector.observe.logs import MAX_BYTES, REPEATS, JournalHandler, RepeatLimit, configure_logging

log = get_log("test.journal")


class Daemon:
    """The journal's end of the socket."""

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(10)

    def entry(self) -> dict[str, str]:
        """Return the next entry, read as the protocol says."""
        data, fields = self._socket.recv(1 << 20), {}
        while data:
            head, _, rest = data.partition(b"\n")
            name, has_value, value = head.partition(b"=")
            if has_value:
                data = rest
            else:
                n_bytes = int.from_bytes(rest[:8], "little")
                value, data = rest[8 : 8 + n_bytes], rest[8 + n_bytes + 1 :]
            fields[name.decode()] = value.decode()
        return fields

    def drain(self) -> int:
        """Take all that waits; returns how many entries that were."""
        taken = 0
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(1 << 20):
                taken += 1
        self._socket.settimeout(10)
        return taken

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path / "socket")
    yield daemon
    daemon.close()


@pytest.fixture
def handler(daemon: Daemon) -> Iterator[JournalHandler]:
    handler = JournalHandler(Journal(daemon.address), "press-3", "inspect")
    handler.addFilter(RepeatLimit())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


@pytest.mark.usefixtures("handler")
def test_an_event_has_the_fields_that_people_ask_for(daemon: Daemon) -> None:
    log.warning("model_error", part_id=4711, seq=12, camera="cam0", detail="no room")

    assert daemon.entry() == {
        "MESSAGE": 'inspect model_error part_id=4711 seq=12 camera=cam0 detail="no room"',
        "PRIORITY": "4",
        "EVENT": "model_error",
        "SYSLOG_IDENTIFIER": "edge-inspector",
        "PROCESS": "inspect",
        "LINE": "press-3",
        "PART": "4711",
        "SEQ": "12",
        "CAMERA": "cam0",
    }


@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize(("level", "priority"), [("error", "3"), ("warning", "4"), ("info", "6")])
def test_a_severity_is_the_one_of_syslog(daemon: Daemon, level: str, priority: str) -> None:
    getattr(log, level)("seen")

    assert daemon.entry()["PRIORITY"] == priority


@pytest.mark.usefixtures("handler")
def test_a_value_cannot_forge_a_field(daemon: Daemon) -> None:
    log.info("seen", camera="cam0\nPRIORITY=0\nMESSAGE=all is well")

    entry = daemon.entry()

    assert entry["PRIORITY"] == "6"
    assert entry["CAMERA"] == "cam0\nPRIORITY=0\nMESSAGE=all is well"
    assert "\n" not in entry["MESSAGE"]


@pytest.mark.usefixtures("handler")
def test_an_entry_is_bounded_however_much_a_library_says(daemon: Daemon) -> None:
    log.info("seen", camera="ä" * 1_000_000, detail="x" * 1_000_000)

    assert all(len(value.encode()) <= MAX_BYTES for value in daemon.entry().values())


@pytest.mark.usefixtures("handler")
def test_a_repeating_warning_is_cut_on_its_way_to_the_journal_too(daemon: Daemon) -> None:
    for _ in range(REPEATS + 20):
        log.warning("frame_refused", camera="cam0")

    assert daemon.drain() == REPEATS


@pytest.mark.timeout(20)
@pytest.mark.usefixtures("handler")
def test_a_journal_that_stands_still_costs_lines_and_no_time(daemon: Daemon) -> None:
    for _ in range(5000):  # far more than a socket holds
        log.info("seen", detail="x" * 1000)
    taken = daemon.drain()
    log.info("room_again")

    assert daemon.entry()["MESSAGE"] == f"inspect room_again lost={5000 - taken}"


def test_a_journal_that_is_away_costs_lines_and_the_next_one_says_how_many(tmp_path: Path) -> None:
    handler = JournalHandler(Journal(str(tmp_path / "socket")), "press-3", "main")
    record = logging.LogRecord("room", logging.INFO, "file", 1, "seen", (), None)

    handler.handle(record)
    handler.handle(record)
    daemon = Daemon(tmp_path / "socket")
    handler.handle(logging.LogRecord("room", logging.INFO, "file", 1, "back", (), None))

    assert daemon.entry()["MESSAGE"] == "main back lost=2"
    daemon.close()
    handler.close()


def test_a_stream_is_the_journal_only_where_the_service_manager_named_it(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as named, (tmp_path / "b").open("w") as other:
        status = os.fstat(named.fileno())
        environment = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}

        assert is_journal(named, environment)
        assert not is_journal(other, environment)
        assert not is_journal(named, {})
    assert not is_journal(io.StringIO(), environment)
    assert not is_journal(named, environment), "it is closed"


def test_standard_error_that_is_no_journal_keeps_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    with contextlib.redirect_stderr(stream):
        configure_logging("info", "press-3", "main")

    log.info("seen")
    root.handlers[:] = before
    root.setLevel(level)

    assert stream.getvalue().endswith("INFO main seen line=press-3\n")
