"""A log line is one event on one line, and a fault in every frame does not fill the disk."""

import contextlib
import io
import json
import logging
import os
import re
from collections.abc import Iterator

import pytest

from edge_inspector.core.logs import get_log
from edge_inspector.observe.logs import (
    MAX_BYTES,
    MAX_EVENTS,
    REPEATS,
    WINDOW_S,
    HastyHandler,
    LevelFollower,
    RepeatLimit,
    configure_logging,
    level_number,
    set_level,
)

log = get_log("test.room")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    level = root.level
    with contextlib.redirect_stderr(stream):
        configure_logging("info", "line1", "main")
    yield stream
    for handler in root.handlers[:]:
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
            root.removeHandler(handler)
    root.setLevel(level)


def make_record(event: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("room", level, "file", 1, event, (), None)


def test_a_line_has_time_severity_process_event_and_fields(written: io.StringIO) -> None:
    log.info("camera_connected", serial="A12", width=1130)

    line = written.getvalue()

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO main camera_connected serial=A12 width=1130 line=line1\n", line
    )


@pytest.mark.parametrize("text", ["two words", 'a "quote"', "", "a=b", "forged\n2026-11-22 INFO main ok", "\x1b[31m"])
def test_a_value_that_is_not_one_word_is_quoted_and_stays_on_the_line(written: io.StringIO, text: str) -> None:
    log.info("seen", value=text)

    line = written.getvalue()

    quoted = line.split("value=")[1].removesuffix(" line=line1\n")
    assert line.count("\n") == 1
    assert json.loads(quoted) == text


def test_an_exception_is_one_line_with_its_trace(written: io.StringIO) -> None:
    try:
        raise OSError("disk gone")
    except OSError:
        log.exception("write_failed", path="/x")

    line = written.getvalue()

    assert line.count("\n") == 1
    assert 'write_failed path=/x error="OSError: disk gone" trace="Traceback' in line


def test_a_sentence_of_a_library_is_a_field(written: io.StringIO) -> None:
    logging.getLogger("library").warning("Session %s was lost", 7)

    assert 'WARNING main log message="Session 7 was lost" logger=library' in written.getvalue()


def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    log.debug("frame", frame_id=7)

    assert written.getvalue() == ""


def test_a_percent_sign_is_no_format(written: io.StringIO) -> None:
    log.info("100%s")

    assert "log message=100%s" in written.getvalue()


def test_a_field_may_have_any_name(written: io.StringIO) -> None:
    log.info("seen", event="x", name="y", level="z", message="m")

    assert "seen event=x name=y level=z message=m" in written.getvalue()


def test_configuring_again_does_not_double_the_lines(written: io.StringIO) -> None:
    with contextlib.redirect_stderr(written):
        configure_logging("info", "line1", "main")

    log.info("once")

    assert written.getvalue().count("once") == 1


@pytest.mark.fault(
    46,
    injected="the same warning without end",
    seen="cut after the first ones, then counted",
    noticed="with the call",
)
def test_a_repeating_warning_is_cut_and_then_counted() -> None:
    now = 0.0
    limit = RepeatLimit(clock=lambda: now)

    shown = [limit.filter(make_record("frame_dropped")) for _ in range(REPEATS + 7)]
    other = limit.filter(make_record("other"))
    now = WINDOW_S
    later = make_record("frame_dropped")

    assert shown == [True] * REPEATS + [False] * 7
    assert other
    assert limit.filter(later)
    assert later.__dict__["fields"] == {"suppressed": 7}


def test_information_is_never_cut() -> None:
    limit = RepeatLimit(clock=lambda: 0.0)

    assert all(limit.filter(make_record("state", logging.INFO)) for _ in range(100))


def test_events_without_end_do_not_fill_the_memory() -> None:
    limit = RepeatLimit(clock=lambda: 0.0)

    for i in range(MAX_EVENTS * 2):
        limit.filter(make_record(f"event{i}"))

    assert len(limit._windows) == MAX_EVENTS


@pytest.fixture
def pipe() -> Iterator[tuple[int, io.TextIOWrapper]]:
    read_fd, write_fd = os.pipe()
    with open(write_fd, "w", encoding="utf-8") as stream:
        yield read_fd, stream
    os.close(read_fd)


@pytest.mark.timeout(20)
def test_a_reader_that_stands_still_costs_lines_and_no_time(pipe: tuple[int, io.TextIOWrapper]) -> None:
    read_fd, stream = pipe
    handler = HastyHandler(stream)
    for _ in range(2000):  # far more than a pipe holds
        handler.emit(make_record("x" * 1000))
    while len(os.read(read_fd, 65536)) == 65536:
        pass

    record = make_record("room_again")
    handler.emit(record)

    assert os.read(read_fd, 65536).decode().endswith("room_again\n")
    assert record.fields["lost"] > 0  # type: ignore[attr-defined]


def test_a_line_is_never_longer_than_a_pipe_takes_at_once(pipe: tuple[int, io.TextIOWrapper]) -> None:
    read_fd, stream = pipe

    HastyHandler(stream).emit(make_record("ä" * 100_000))

    data = os.read(read_fd, 65536)
    assert len(data) <= MAX_BYTES
    assert data.decode().endswith("ä…\n")


def test_the_level_changes_while_the_process_runs(written: io.StringIO) -> None:
    log.debug("unheard")
    set_level("debug")
    log.debug("heard")
    set_level("error")
    log.warning("no_more")

    assert [word for word in ("unheard", "heard", "no_more") if f" {word} " in written.getvalue()] == ["heard"]


def test_a_process_follows_the_level_that_another_one_wrote(written: io.StringIO) -> None:
    word = [0]
    follower = LevelFollower(lambda: word[0])
    follower.look()  # nothing was written: as it was started
    log.info("before")
    word[0] = level_number("error")
    follower.look()
    log.info("after")

    assert " before " in written.getvalue()
    assert " after " not in written.getvalue()
