"""A disk that is full, read-only or limited, for real: a small file system in a name space of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.journal_parts import BOOT, LINE

AS_ROOT = [] if os.geteuid() == 0 else ["--map-root-user"]
ALONE = ["unshare", *AS_ROOT, "--mount"]
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(
    subprocess.run([*ALONE, "true"], check=False).returncode != 0, reason="unshare is refused"
)


def on_small_disk(folder: Path, program: str, size: str = "3m") -> dict[str, object]:
    """Run a program whose journal lies on a file system of its own; returns what it printed last."""
    mounted = f"mount -t tmpfs -o size={size} tmpfs {folder} && exec {shlex.quote(sys.executable)} -c '{program}'"
    path = os.pathsep.join([str(HERE.parents[1]), str(HERE.parent), str(HERE)])
    done = subprocess.run(
        [*ALONE, "sh", "-c", mounted],
        env=os.environ | {"PYTHONPATH": path, "FOLDER": str(folder)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


BEGIN = f"""
import json, os, subprocess
from pathlib import Path
import journal_process
from edge_inspector.signal.journal import begin_journal
folder = Path(os.environ["FOLDER"]) / "journal"
began = begin_journal(folder, "{LINE}", "{BOOT}", None)
"""


@pytest.mark.fault(
    28,
    injected="a tmpfs that is full",
    seen="rows are refused, none is lost; taken again when there is room",
    noticed="with the call",
)
def test_a_full_disk_refuses_rows_and_takes_them_again_when_there_is_room(tmp_path: Path) -> None:
    program = (
        BEGIN
        + """
with open(folder.parent / "ballast", "wb") as ballast:
    try:
        while True:
            ballast.write(bytes(4096))
            ballast.flush()
            if os.statvfs(folder).f_bavail < 300:
                break
    except OSError:
        pass
found = journal_process.fill_up(str(folder), began.epoch)
again = begin_journal(folder, journal_process.LINE, "another boot", None)
print(json.dumps(found | {"again": again.counts.seq, "goes_on": again.epoch == began.epoch}))
"""
    )

    found = on_small_disk(tmp_path, program)

    assert "error" not in found
    assert "NOT" in found["seen"]  # type: ignore[operator]
    assert "full" in str(found["trouble"]) or "disk" in str(found["trouble"])
    assert found["head"] == found["durable"] == found["again"]
    assert int(str(found["head"])) > int(str(found["refused_at"]))
    assert found["goes_on"] is True


@pytest.mark.fault(
    29,
    injected="a tmpfs mounted again read-only",
    seen="rows are refused with the reason; taken again afterwards",
    noticed="with the call",
)
def test_a_file_system_that_becomes_read_only_refuses_rows_and_says_so(tmp_path: Path) -> None:
    program = (
        BEGIN
        + """
from edge_inspector.core.journal import Kept
from edge_inspector.signal.journal_writer import JournalWriter
from fakes.journal_parts import entry
writer = JournalWriter(folder, journal_process.LINE, began.epoch, journal_process.LIMITS, 0)
writer.append(entry(1, began.epoch))
writer.keeper.work()
for segment in (writer._active, *writer.keeper._next):
    segment.close()
subprocess.run(["mount", "-o", "remount,ro", str(folder.parent)], check=True)
fresh = JournalWriter(folder, journal_process.LINE, began.epoch, journal_process.LIMITS, 1)
kept = fresh.append(entry(2, began.epoch))
trouble = fresh.trouble
subprocess.run(["mount", "-o", "remount,rw", str(folder.parent)], check=True)
again = fresh.append(entry(2, began.epoch))
print(json.dumps({"kept": kept.name, "trouble": trouble, "again": again.name}))
"""
    )

    found = on_small_disk(tmp_path, program)

    assert found["kept"] == "NOT"
    assert "read" in str(found["trouble"])
    assert found["again"] in ("QUICK", "SLOW")


def test_a_limit_on_the_size_of_files_is_met_like_a_full_disk(tmp_path: Path) -> None:
    program = (
        BEGIN
        + """
import resource, signal
from edge_inspector.core.journal import Kept
from edge_inspector.signal.journal_writer import JournalWriter
from fakes.journal_parts import entry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = journal_process.LIMITS.segment_bytes * 2
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
writer = JournalWriter(folder, journal_process.LINE, began.epoch, journal_process.LIMITS, 0)
seen, seq = set(), 0
while "NOT" not in seen and seq < 2000:
    kept = writer.append(entry(seq + 1, began.epoch)).name
    seen.add(kept)
    seq += kept != "NOT"
writer.keeper.work()
refused_at = seq
kept = writer.append(entry(seq + 1, began.epoch)).name
for _ in range(100):
    writer.keeper.work()
    seq += writer.append(entry(seq + 1, began.epoch)) is not Kept.NOT
print(json.dumps({"refused_at": refused_at, "seq": seq, "trouble": writer.keeper.trouble}))
"""
    )

    found = on_small_disk(tmp_path, program, size="20m")

    assert 10 < int(str(found["refused_at"])) < 2000
    assert int(str(found["seq"])) > int(str(found["refused_at"]))
