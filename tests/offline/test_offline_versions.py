"""Versions side by side: upgrade, the way back, removal, and an installer that is killed anywhere."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from line_pc import LinePC, is_refused
from tiny_house import tiny_house

if is_refused():
    pytest.skip("unshare is refused", allow_module_level=True)

HOME = "/opt/edge-inspector"
UNITS = "/etc/systemd/system"
CONFIG = "/etc/edge-inspector/press-3.yaml"
EVIDENCE = "/var/lib/edge-inspector/press-3/evidence/20261129/part-7.jpg"
N_RANDOM_KILLS = 30


def keep_evidence(pc: LinePC) -> None:
    pc.path(EVIDENCE).parent.mkdir(parents=True)
    pc.path(EVIDENCE).write_bytes(b"picture")
    pc.path(CONFIG).write_text("line: press-3\n")


def write_journal(pc: LinePC, made_in: Path, schema: int) -> None:
    connection = sqlite3.connect(made_in / "00000001-00000001.db")
    connection.executescript(f"PRAGMA user_version={schema}; CREATE TABLE verdicts (seq INTEGER);")
    connection.close()
    folder = pc.path("/var/lib/edge-inspector/press-3/state/journal")
    folder.mkdir(parents=True)
    shutil.copy(made_in / "00000001-00000001.db", folder)


def went_back(pc: LinePC) -> tuple[str, str]:
    """Return the first and the last line of a rollback that went well."""
    code, said = pc.admin("rollback")
    assert code == 0, said
    return said.splitlines()[0], said.splitlines()[-1]


def test_an_upgrade_takes_over_and_a_rollback_goes_back_each_with_its_units(pc: LinePC, new: Path) -> None:
    own = pc.path(f"{UNITS}/edge-inspector-only-0.1.0@.service")
    changed = pc.path("/etc/sysctl.d/60-edge-inspector.conf")
    changed.write_text("net.core.rmem_max = 33554432\n")
    drop_in = pc.path("/etc/systemd/system/edge-inspector@.service.d/gpu.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\n# the site's\n")

    code, said = pc.install(new)

    assert code == 0
    assert "note: /etc/sysctl.d/60-edge-inspector.conf is the site's own and stays" in said
    assert pc.version() == "0.2.0"
    assert not own.exists()
    assert pc.admin("list") == (0, "0.1.0  previous\n0.2.0  runs\n")
    assert went_back(pc) == ("from 0.2.0 back to 0.1.0", "0.1.0 runs")
    assert pc.version() == "0.1.0"
    assert own.exists()
    assert "0.1.0" in pc.path(f"{UNITS}/edge-inspector@.service").read_text()
    assert pc.admin("verify")[0] == 0
    assert went_back(pc) == ("from 0.1.0 back to 0.2.0", "0.2.0 runs")
    assert drop_in.read_text().endswith("# the site's\n")
    assert changed.read_text().endswith("33554432\n")


def test_what_a_version_cannot_read_is_known_before_it_runs(pc: LinePC, tmp_path: Path) -> None:
    house = tiny_house(tmp_path / "house", "0.2.0", refuses="old_key", journal=2)
    keep_evidence(pc)
    pc.path(CONFIG).write_text("line: press-3\nold_key: 1\n")

    code, said = pc.install(house)

    assert code == 1
    assert f"error: 0.2.0 refuses {CONFIG}, which 0.1.0 takes. Nothing was changed" in said
    assert f"{CONFIG}: old_key: unknown key" in said
    assert pc.version() == "0.1.0"
    assert pc.install(house, "--anyway")[0] == 0

    write_journal(pc, tmp_path, schema=2)
    code, said = pc.admin("rollback")

    assert code == 1
    assert "00000001-00000001.db has schema 2, 0.1.0 knows 1" in said
    assert pc.version() == "0.2.0"
    assert pc.admin("rollback", "--anyway")[0] == 0
    assert pc.version() == "0.1.0"


def test_the_first_version_has_none_to_go_back_to(pc: LinePC) -> None:
    assert pc.admin("rollback") == (
        1,
        "error: no version before 0.1.0 is here; edge-inspector-admin list shows what is\n",
    )


def test_an_uninstall_keeps_what_the_line_has_made(pc: LinePC) -> None:
    keep_evidence(pc)

    code, said = pc.admin("uninstall")

    assert (code, "Kept: /etc/edge-inspector, /var/lib/edge-inspector" in said) == (0, True)
    assert pc.path(EVIDENCE).read_bytes() == b"picture"
    assert pc.path(CONFIG).exists()
    assert not pc.path(HOME).exists()
    assert [path.name for path in pc.path("/etc").rglob("*edge-inspector*")] == ["edge-inspector"]


@pytest.mark.parametrize("typed", ["", "yes\n", "y\n"])
def test_a_purge_wants_its_words_typed(pc: LinePC, typed: str) -> None:
    keep_evidence(pc)

    code, said = pc.admin("uninstall", "--purge", typed=typed)

    assert (code, said.splitlines()[-1]) == (1, "error: nothing was deleted")
    assert pc.path(EVIDENCE).exists()
    assert pc.version() == "0.1.0"


def test_a_purge_takes_configuration_and_evidence_too(pc: LinePC) -> None:
    keep_evidence(pc)

    assert pc.admin("uninstall", "--purge", typed="delete evidence\n")[0] == 0

    assert [pc.path(each).exists() for each in (HOME, CONFIG, EVIDENCE)] == [False] * 3


def test_two_installations_do_not_meet(pc: LinePC, new: Path) -> None:
    holder = pc.start("flock", f"{HOME}/lock", "sh", "-c", "echo held; exec cat", stdin=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"

    code, said = pc.install(new)
    holder.communicate(timeout=20)

    assert (code, "another installation is at work" in said) == (1, True)


def kill_when(pc: LinePC, house: Path, is_there: Callable[[str], bool]) -> bool:
    """Start an installation and kill it and all that it started, as a power cut would; False when it ended before."""
    with pc.start("sh", str(house / "install")) as process:
        assert process.stdout
        os.set_blocking(process.stdout.fileno(), False)
        said = ""
        while not is_there(said) and process.poll() is None:
            with contextlib.suppress(BlockingIOError):
                said += os.read(process.stdout.fileno(), 4096).decode()
            time.sleep(0.001)
        was_killed = process.poll() is None
        if was_killed:
            os.killpg(process.pid, signal.SIGKILL)
    return was_killed


def whole(pc: LinePC) -> str:
    """Return the version that runs, after a look that it is whole."""
    code, said = pc.admin("verify")
    assert code == 0, said
    return pc.version()


LINES = ("1/6", "2/6", "3/6", "4/6", "5/6")
FILES = {"bin/python": "3/6", "lib/*/site-packages/companion.py": "3/6", "FILES": "4/6", "installed": "4/6"}
"""What appears in the folder of the version, and after which line."""


def points(folder: Path) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Yield where to kill, in the order of an installation, and what tells that it is there."""
    for line in LINES:
        yield line, lambda said, line=line: line in said
        for pattern in (pattern for pattern, after in FILES.items() if after == line):
            yield pattern, lambda _said, pattern=pattern: any(folder.glob(pattern))


@pytest.mark.timeout(180)
def test_a_kill_at_any_step_leaves_a_whole_version_running(pc: LinePC, new: Path) -> None:
    for step, is_there in points(pc.path(f"{HOME}/versions/0.2.0")):
        assert kill_when(pc, new, is_there), step

        assert whole(pc) == "0.1.0" or step in ("installed", "5/6"), step
    assert pc.install(new)[0] == 0
    assert whole(pc) == "0.2.0"


@pytest.mark.offline
@pytest.mark.timeout(600)
def test_kills_at_random_leave_a_whole_version_running(pc: LinePC, tmp_path: Path) -> None:
    chance = random.Random(7)
    for n in range(N_RANDOM_KILLS):
        house = tiny_house(tmp_path / f"house-{n}", f"0.{2 + n}.0")
        process = pc.start("timeout", "--signal=KILL", f"{chance.uniform(0.05, 4):.2f}", "sh", str(house / "install"))
        process.communicate(timeout=60)

        assert whole(pc) in ("0.1.0", *(f"0.{2 + m}.0" for m in range(n + 1)))


@pytest.mark.offline
@pytest.mark.timeout(300)
def test_three_versions_are_kept_and_one_that_still_runs(pc: LinePC, tmp_path: Path) -> None:
    old = pc.start(f"{HOME}/versions/0.1.0/bin/python", "-c", "print('up', flush=True); input()", stdin=subprocess.PIPE)
    assert old.stdout
    assert old.stdout.readline() == "up\n"
    for n in (2, 3, 4, 5):
        assert pc.install(tiny_house(tmp_path / f"house-{n}", f"0.{n}.0"))[0] == 0
    assert pc.admin("list")[1].split() == ["0.1.0", "0.3.0", "0.4.0", "previous", "0.5.0", "runs"]
    old.communicate("\n", timeout=20)

    assert pc.install(tiny_house(tmp_path / "house-6", "0.6.0"))[0] == 0

    assert pc.admin("list")[1].split() == ["0.4.0", "0.5.0", "previous", "0.6.0", "runs"]
