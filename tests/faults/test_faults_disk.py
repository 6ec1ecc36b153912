"""Disks that are full, read-only, that lie or are damaged, under a line at work."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from between import Between, compile_between
from faulty_line import FaultyLine, MakeFaulty
from noticing import Noticed

from edge_inspector.simulator.build import find_compiler

COMPILER = find_compiler()
AS_ROOT = [] if os.geteuid() == 0 else ["--map-root-user"]
ALONE = ["unshare", *AS_ROOT, "--mount"]
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
needs_unshare = pytest.mark.skipif(
    subprocess.run([*ALONE, "true"], check=False).returncode != 0, reason="unshare is refused"
)
KEEP = {"folder": "evidence", "keep": ["PASS", "REJECT"], "annotated": False, "format": "png", "min_free_mb": 0}


@pytest.fixture
def make_between(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Between]:
    def make(disk: Path) -> Between:
        assert COMPILER is not None
        return Between(compile_between(COMPILER, tmp_path_factory.mktemp("library")), tmp_path, disk)

    return make


@needs_compiler
@pytest.mark.timeout(90)
@pytest.mark.fault(
    28,
    injected="every write below the journal's folder fails with ENOSPC",
    seen="fault `journal`, not ready, silent; all parts keep their turn and get their verdict when there is room",
)
@pytest.mark.fault(
    29,
    injected="every write below the journal's folder fails with EROFS",
    seen="the same",
)
def test_a_disk_that_takes_no_rows_makes_the_line_not_ready_and_costs_no_part(
    make_faulty: MakeFaulty, make_between: Callable[[Path], Between], noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0})
    between = make_between(faulty.line.journal_folder)
    faulty.start_working(between.environment())

    for error in ("ENOSPC", "EROFS"):
        beats, n_heard = len(faulty.witness.messages("hb")), len(faulty.witness.messages("verdict"))
        between.refuse_writes(error)
        noticed.injected()
        held = faulty.wait_beat(lambda body: "journal" in body["faults"], beats)
        noticed.seen()
        faulty.wait_beat(lambda body: body["in_flight"] >= 10, beats)
        sent = faulty.witness.messages("verdict")[n_heard:]
        between.mend()
        faulty.wait_working(len(faulty.witness.messages("hb")))
        assert not held.body["ready"]
        assert all(message.head.seq <= held.body["head_seq"] for message in sent), "sent without a row"
    code = faulty.stop()

    events = [message.body["name"] for message in faulty.witness.messages("event")]
    assert code == 0
    turns = [name for name in events if name in ("journal_fault", "journal_recovered")]
    assert turns == ["journal_fault", "journal_recovered"] * 2
    assert faulty.broken() == []


@needs_compiler
@pytest.mark.timeout(90)
@pytest.mark.fault(
    30,
    injected="every fsync and fdatasync below the journal's folder fails with EIO",
    seen="`durable_seq` stands still, event `journal_warning`; verdicts go on, none is called durable",
)
def test_what_was_not_synced_is_not_called_durable(
    make_faulty: MakeFaulty, make_between: Callable[[Path], Between], noticed: Noticed
) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0})
    between = make_between(faulty.line.journal_folder)
    faulty.start_working(between.environment())
    beats = len(faulty.witness.messages("hb"))

    between.fail_syncs()
    noticed.injected()
    told = faulty.event("journal_warning")
    noticed.seen()
    # What was on its way when the fault began may still become durable; a tick later nothing does.
    now = faulty.wait_beat(lambda body: True, len(faulty.witness.messages("hb")) + 2).body
    later = faulty.wait_beat(lambda body: body["head_seq"] >= now["head_seq"] + 30, beats).body
    between.mend()
    code = faulty.stop()

    assert code == 0
    assert "Input/output error" in told["detail"]
    assert later["durable_seq"] == now["durable_seq"] < now["head_seq"]
    assert faulty.broken() == []


@pytest.mark.timeout(90)
@pytest.mark.fault(
    31,
    injected="pages of the newest segment are overwritten while the line is down",
    seen="the file is set aside, `tail_lost` names the rows, a new epoch begins; ready again",
    noticed="at the start",
)
def test_a_line_whose_journal_was_damaged_begins_a_new_epoch_and_says_what_is_gone(make_faulty: MakeFaulty) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0})
    faulty.start_working()
    assert faulty.rest() == 0
    assert faulty.broken() == []
    former = faulty.witness.messages("hb")[-1].body
    segment = max(faulty.line.journal_folder.glob("*.db"))
    with segment.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 4096 * 3)

    faulty.forget()
    faulty.start_working()
    lost = faulty.event("tail_lost")
    code = faulty.stop()

    assert code == 0
    assert (lost["of_epoch"], lost["range"][1]) == (former["epoch"], former["head_seq"])
    assert faulty.witness.messages("hb")[-1].head.epoch != former["epoch"]
    assert any(path.name.startswith(segment.name.split("-")[0]) for path in faulty.line.journal_folder.iterdir())
    assert faulty.broken() == []


@needs_unshare
@pytest.mark.timeout(90)
@pytest.mark.fault(
    27,
    injected="the evidence folder on a tmpfs of 200 kB, every part kept",
    seen="the oldest evidence goes or the new is not kept, counted; every part has its verdict, ready all the time",
    noticed="with the part",
)
def test_a_full_evidence_disk_costs_evidence_and_no_verdict(make_faulty: MakeFaulty, tmp_path: Path) -> None:
    faulty = make_faulty(camera={"rate_hz": 30.0}, evidence=KEEP)
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    small = ["sh", "-c", 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"', str(evidence)]
    faulty.start_working(prefix=[*ALONE, *small])
    beats = len(faulty.witness.messages("hb"))

    def room_made() -> float:
        return sum(evidence_figures(faulty).values())

    until = time.monotonic() + 30
    while room_made() < 1:
        assert time.monotonic() < until, "a full disk that nobody noticed"
    n_before = len(faulty.witness.messages("verdict"))
    faulty.witness.wait_for_verdicts(n_before + 40)
    code = faulty.stop()

    assert code == 0
    assert faulty.faults_since(beats) == set()
    assert faulty.broken() == []


def evidence_figures(faulty: FaultyLine) -> dict[str, float]:
    """Return how much evidence was evicted or dropped for want of room."""
    wanted = ("edge_inspector_evidence_evicted_total", 'edge_inspector_evidence_dropped_total{reason="disk_full"}')
    rows = (row.rsplit(" ", 1) for row in faulty.line.page().splitlines())
    return {name: float(value) for name, value in rows if name in wanted}


@pytest.mark.timeout(90)
@pytest.mark.fault(
    54,
    injected="links to elsewhere in place of the evidence folders of today and tomorrow",
    seen="nothing is written through them; counted `io_error`; every part has its verdict",
    noticed="with the part",
)
def test_evidence_never_follows_a_link_out_of_its_folder(make_faulty: MakeFaulty, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "evidence").mkdir()
    for day_s in (0, 86_400):
        day = time.strftime("%Y%m%d", time.gmtime(time.time() + day_s))
        (tmp_path / "evidence" / day).symlink_to(tmp_path / "elsewhere")
    faulty = make_faulty(camera={"rate_hz": 30.0}, evidence=KEEP)
    faulty.start_working()

    refused = 'edge_inspector_evidence_dropped_total{reason="io_error"}'
    until = time.monotonic() + 30
    while not any(row.startswith(refused) and float(row.split()[-1]) > 0 for row in faulty.line.page().splitlines()):
        assert time.monotonic() < until, "nothing was refused"
    code = faulty.stop()

    assert code == 0
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert faulty.broken() == []
