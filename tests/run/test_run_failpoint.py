from __future__ import annotations

import logging
import signal
import sqlite3

import pytest
from fakes.alone import start_alone

from edge_inspector.run.failpoint import failpoint


def pass_by(text: str, name: str, times: int) -> int:
    point = failpoint(text)
    assert point is not None
    for _ in range(times):
        point(name)
    return times


def test_nothing_named_is_nothing_to_call() -> None:
    assert failpoint(None) is None
    assert failpoint("") is None


def test_a_process_is_killed_at_the_pass_that_was_named() -> None:
    killed = start_alone(pass_by, "a.b=kill@3", "a.b", 3)
    spared = start_alone(pass_by, "a.b=kill@3", "a.b", 2)
    other = start_alone(pass_by, "a.b=kill", "a.c", 2)

    for process in (killed, spared, other):
        process.communicate(timeout=40)
    assert (killed.returncode, spared.returncode, other.returncode) == (-signal.SIGKILL, 0, 0)


def test_the_disk_refuses_for_as_long_as_was_named() -> None:
    point = failpoint("a.b=refuse@2-3")
    assert point is not None
    point("a.b")

    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            point("a.b")

    point("a.b")


def test_a_log_is_flooded_with_an_error_and_a_line_of_information_at_each_pass(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    pass_by("a.b=log@2-3", "a.b", 4)

    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"] * 2


@pytest.mark.parametrize("text", ["a.b", "a.b=eat", "a.b=delay", "a.b=kill@x", "=kill"])
def test_an_order_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not name="):
        failpoint(text)
