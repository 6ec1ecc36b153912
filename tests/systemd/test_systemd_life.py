"""A line under a real systemd: it comes back from whatever ends it, and says in its journal what it did."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from machine import PROGRAM, PYTHON, wait_until, why_not_here
from noticing import Noticed
from transcript import check_transcript
from witness import heard

if TYPE_CHECKING:
    from conftest import MakeService
    from service import Service

if why := why_not_here():
    pytest.skip(why, allow_module_level=True)

pytestmark = pytest.mark.timeout(180)

HOG = "import time\nheld = [bytearray(16 << 20) for _ in range(1000)]\ntime.sleep(60)\n"
"""Takes 16 GB, some at a time, and touches them."""


def broken_rules(line: Service, out: str, **options: bool) -> list[str]:
    """Return what the line broke of its protocol by what a witness has written."""
    rows = line.machine.path(out).read_text().splitlines(True)
    assert verdicts_heard(line, out) > 5, "the witness heard next to nothing"
    return check_transcript(rows, line=line.name, frame_hw=(256, 1024), **options)


def totals(line: Service) -> dict[str, int]:
    """Return what the newest end of the line counted."""
    words = re.findall(r"(\w+)=(\d+)", line.events("line_ended")[-1]["MESSAGE"])
    return {name: int(number) for name, number in words}


def test_a_line_is_ready_inspects_and_stops_with_a_verdict_for_every_part(make_service: MakeService) -> None:
    line = make_service(log="debug").start()
    line.listen("/tmp/heard-stop.jsonl")
    line.wait_until_inspecting()
    assert "bypass is off" in line.machine.run(PROGRAM, "bypass", "status", "--config", line.config)

    started = time.monotonic()
    line.ctl("stop")
    took_s = time.monotonic() - started
    line.end_witnesses()

    assert line.show("Result") == "success"
    assert line.show("ExecMainStatus") == "0"
    assert took_s < float(line.show("TimeoutStopUSec").removesuffix("s")), "it was killed"
    counted = totals(line)
    assert counted["triggers"] == counted["passes"] + counted["rejects"] + counted["unknowns"] > 0
    assert counted["in_flight"] == 0
    assert broken_rules(line, "/tmp/heard-stop.jsonl", drained=True, joined_late=True) == []
    assert_that_the_journal_can_be_asked(line, counted["triggers"])


def assert_that_the_journal_can_be_asked(line: Service, parts: int) -> None:
    verdicts = line.events("verdict")
    one = verdicts[len(verdicts) // 2]

    assert len(verdicts) == parts
    assert line.machine.journal(f"LINE={line.name}", f"PART={one['PART']}") == [one]
    assert line.machine.journal(f"LINE={line.name}", f"SEQ={one['SEQ']}") == [one]
    assert {row["PROCESS"] for row in line.machine.journal(f"LINE={line.name}")} == {"main", "inspect"}
    assert {row["CAMERA"] for row in verdicts} == {"cam0"}
    assert {row["SYSLOG_IDENTIFIER"] for row in verdicts} == {"edge-inspector"}
    assert [row["PRIORITY"] for row in line.events("line_started")] == ["6"]
    assert line.machine.journal("LINE=another") == []


@pytest.mark.fault(
    23,
    injected="SIGSTOP to main, under a real systemd",
    seen="`Watchdog timeout`; ended with its children, started again, inspecting; no part told twice",
)
def test_a_main_that_is_frozen_or_killed_is_started_again_and_no_part_is_told_twice(
    make_service: MakeService, noticed: Noticed
) -> None:
    line = make_service().start()
    out = "/tmp/heard-again.jsonl"
    line.listen(out)
    line.wait_until_inspecting()
    frozen, children = line.main_pid(), line.children()

    noticed.injected()
    line.signal("STOP")
    wait_until(lambda: line.main_pid() != frozen, "systemd to end what is frozen")
    noticed.seen()
    line.wait_until_inspecting(other_than=frozen)
    watched = line.machine.run("journalctl", "--unit", line.unit, "--grep=Watchdog timeout", "--output=cat")
    killed = line.main_pid()
    line.signal("KILL")
    line.wait_until_inspecting(other_than=killed)

    assert children.keys() == {"camera", "inspect"}
    assert not any(line.machine.path(f"/proc/{pid}").exists() for pid in children.values())
    assert "Watchdog timeout" in watched
    assert line.show("NRestarts") == "2"
    before = verdicts_heard(line, out)
    wait_until(lambda: verdicts_heard(line, out) > before, "the witness to hear the third run")
    line.ctl("stop")
    line.end_witnesses()
    assert broken_rules(line, out, joined_late=True) == []


def verdicts_heard(line: Service, out: str) -> int:
    rows = line.machine.path(out).read_text().splitlines(True)
    messages = [heard(row) for row in rows if row.endswith("\n")]
    return sum(message is not None and message.kind == "verdict" for message in messages)


@pytest.mark.fault(
    20,
    injected="a process of the line's unit takes memory without end, under a real systemd (`MemoryMax`)",
    seen="the kernel ends it; main and the other processes go on, the line inspects",
)
def test_when_memory_runs_out_the_line_goes_on_and_what_took_it_is_ended(
    make_service: MakeService, noticed: Noticed
) -> None:
    line = make_service()
    line.drop_in("[Service]\nMemoryMax=1500M\n")
    line.start()
    main, group = line.main_pid(), line.show("ControlGroup")

    if line.show("MemoryCurrent") == "[not set]":
        pytest.skip("there is no control of memory")
    noticed.injected()
    said = line.machine.run(
        "sh", "-c", f"echo $$ >'{line.machine.group(group)}/cgroup.procs' && {PYTHON} -c '{HOG}'; echo ended $?",
        is_checked=False,
    )  # fmt: skip
    noticed.seen()
    line.wait_until_inspecting()

    assert said == "Killed\nended 137"
    assert line.main_pid() == main
    assert line.show("NRestarts") == "0"
