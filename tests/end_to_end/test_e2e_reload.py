"""A changed configuration on a running line: which part is the first, what is refused, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
import yaml
from daemon import Line, Listener, wait_until
from noticing import Noticed
from witness import Heard

MakeLine = Callable[..., Line]
CAMERA = {"rate_hz": 60.0, "defect_every": 3}
CLEAN = 0.03
"""A limit that a clean tile of the tiny model (score 0.047) reaches: every part is rejected."""
USUAL = 0.5


def program(line: Line, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `edge-inspector reload` for a line, to its end."""
    command = [sys.executable, "-m", "edge_inspector.cli.main", "reload", "--config", str(line.config), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert "Traceback" not in done.stderr
    return done


def reloaded(line: Line) -> dict[str, Any]:
    """Reload and return what the daemon said; it must have agreed."""
    done = program(line, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def write(line: Line, **sections: Any) -> None:
    """Replace top-level keys of the configuration, as an editor does that writes beside it and renames."""
    config = yaml.safe_load(line.config.read_text(encoding="utf-8")) | sections
    beside = line.config.with_suffix(".new")
    beside.write_text(yaml.safe_dump(config), encoding="utf-8")
    beside.replace(line.config)


def with_limit(limit: float) -> dict[str, Any]:
    return {"limits": {"DEFECT": limit}}


def running(line: Line) -> Listener:
    """Start a line with a witness; return the witness once parts are judged."""
    witness = line.listen()
    line.start()
    witness.wait_for("verdict", lambda m: m.body["verdict"] == "REJECT")
    witness.wait_for("hb", lambda m: m.body["ready"])
    return witness


def event(witness: Listener, name: str) -> Heard:
    return witness.wait_for("event", lambda m: m.body["name"] == name)


def audit(line: Line) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (line.folder / "state" / "audit.jsonl").read_text().splitlines()]


def journal(line: Line) -> list[dict[str, Any]]:
    """Return every verdict of the journal, read from its files alone."""
    rows: list[str] = []
    for path in sorted(line.journal_folder.glob("*.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            rows += [body for (body,) in database.execute("SELECT body FROM verdicts ORDER BY seq")]
    return [json.loads(row) for row in rows]


def broken_rules(line: Line, witness: Listener) -> list[str]:
    """Return what a line broke that has ended: a part without its one verdict, or what its witness says.

    Verdicts that a slow disk kept from being sent are gaps to a witness. The line says so, and its journal has them.
    """
    parts = [row["part_id"] for row in journal(line)]
    if parts != list(range(1, len(parts) + 1)):
        return [f"a part has no verdict, or two: {parts}"]
    if any(m.body["name"] == "journal_fault" for m in witness.messages("event")):
        return []
    return witness.violations(drained=True)


def counted(line: Line, result: str) -> float | None:
    """Return how many reloads the metrics page counts with a result."""
    start = f'edge_inspector_config_reloads_total{{result="{result}"}} '
    return next((float(row.removeprefix(start)) for row in line.page().splitlines() if row.startswith(start)), None)


def judged_otherwise(verdicts: list[dict[str, Any]], limits: dict[str, float]) -> list[dict[str, Any]]:
    """Return the judged parts whose verdict is not what their score means under the limit that their `config` names."""
    judged = [one for one in verdicts if one["score"] is not None and one["verdict"] != "UNKNOWN"]
    assert judged
    return [one for one in judged if (one["verdict"] == "REJECT") != (one["score"] >= limits[one["config"]])]


def out_of_place(verdicts: list[dict[str, Any]], first_part: int, former: str, config: str) -> list[int]:
    """Return the parts that name the old configuration after the first part of the new one, or the new one before."""
    parts = [(one["part_id"], one["config"]) for one in verdicts]
    return [part for part, said in parts if said != (config if part >= first_part else former)]


SECOND = CAMERA | {"kind": "synthetic", "name": "cam1", "frame": {"height": 64, "width": 112, "channels": 1}}
LINES: dict[str, dict[str, Any]] = {
    "latency": {},
    "throughput": {"performance": {"profile": "throughput", "workers": 2}, "ring": {"slots": 16}},
    "two cameras": {
        "more_views": [{"camera": SECOND | {"wait_for_subscribers": 1}}],
        "sets": {"by": "count", "wait_ms": 900.0},
    },
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", sorted(LINES))
def test_limits_change_between_two_parts_under_load(make_line: MakeLine, kind: str) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL), **LINES[kind])
    witness = running(line)
    names, answers = {}, []

    for limit in (CLEAN, USUAL, CLEAN):
        write(line, decide=with_limit(limit))
        answer = reloaded(line)
        assert answer["changes"] == [
            {"key": "decide.limits.DEFECT", "from": USUAL if limit == CLEAN else CLEAN, "to": limit}
        ]
        names[answer["config"]], names[answer["former"]] = limit, USUAL if limit == CLEAN else CLEAN
        answers.append(answer)
        witness.wait_for("verdict", lambda m, first=answer["first_part"]: m.body["part_id"] >= first + 20)
    told = [m.body for m in witness.messages("event") if m.body["name"] == "config_changed"]
    wait_until(lambda: counted(line, "applied") == 3, 10, "the count of reloads")
    code = line.stop()

    assert code == 0
    assert len(names) == 2
    assert broken_rules(line, witness) == []
    rows = journal(line)
    firsts = [1, *(answer["first_part"] for answer in answers), len(rows) + 1]
    in_force = [answers[0]["former"], *(answer["config"] for answer in answers)]
    for begin, end, config in zip(firsts, firsts[1:], in_force, strict=False):
        assert {row["config"] for row in rows[begin - 1 : end - 1]} == {config}
    assert judged_otherwise(rows, names) == []
    under = {row["verdict"] for row in rows if names[row["config"]] == CLEAN}
    assert "REJECT" in under
    assert "PASS" not in under
    assert [one["first_part"] for one in told] == [
        entry["first_part"] for entry in audit(line) if entry["event"] == "config_changed"
    ]
    entry = next(entry for entry in audit(line) if entry["event"] == "config_changed")
    assert (entry["uid"], entry["changes"][0]["to"]) == (os.getuid(), CLEAN)


@pytest.mark.fault(
    44,
    injected="a reload of a file that changes a limit, the tiling and who may drill",
    seen="nothing applies, not the limit either; the command ends with 64 and names both; event, audit log, metric",
    noticed="with the call",
)
@pytest.mark.timeout(90)
def test_what_needs_a_restart_is_refused_by_name_and_nothing_else_applies_either(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL))
    witness = running(line)

    write(line, decide=with_limit(CLEAN), tiling={"overlap": 0}, drill={"allowed": False})
    refused = program(line)
    told = event(witness, "config_refused")
    after = witness.wait_for("verdict", lambda m: m.body["verdict"] == "PASS", after=len(witness.messages("verdict")))
    code = line.stop()

    assert refused.returncode == 64
    assert "tiling.overlap (the tiles are laid out once)" in refused.stderr
    assert "drill.allowed (the places at which a drill fails are fitted once)" in refused.stderr
    assert told.body["keys"] == ["tiling.overlap", "drill.allowed"]
    assert (told.body["severity"], told.body["config"]) == ("warning", after.body["config"])
    assert code == 0
    assert broken_rules(line, witness) == []
    assert [entry["event"] for entry in audit(line)] == ["line_started", "config_refused", "line_stopped"]


@pytest.mark.fault(
    45,
    injected="SIGHUP while the file is cut off in its middle",
    seen="nothing applies; event `config_refused`, why `broken`; the whole file is then the one in force",
)
@pytest.mark.timeout(90)
def test_a_broken_or_half_written_file_keeps_what_was_in_force_and_names_every_line(
    make_line: MakeLine, noticed: Noticed
) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL))
    witness = running(line)
    whole = line.config.read_text(encoding="utf-8")

    write(line, decide={"limits": {"DEFCT": 0.5}, "min_defect_tiles": 0}, log="loud")
    broken = program(line)
    write(line, decide=with_limit(0.7) | {"limits": {"DEFCT": 0.5}}, log="info")
    misfit = program(line)
    line.config.write_text(whole[: len(whole) // 2], encoding="utf-8")
    noticed.injected()
    os.kill(line.pid, signal.SIGHUP)
    half = witness.wait_for("event", lambda m: m.body["name"] == "config_refused" and "SIGHUP" in m.body["by"])
    noticed.seen()
    line.config.write_text(whole, encoding="utf-8")
    again = reloaded(line)
    wait_until(lambda: (counted(line, "broken"), counted(line, "unchanged")) == (3, 1), 10, "the count of reloads")
    code = line.stop()

    assert broken.returncode == 78
    assert "decide.min_defect_tiles: must be" in broken.stderr
    assert f"{line.config}:" in broken.stderr
    assert "log: must be" in broken.stderr
    assert misfit.returncode == 78
    assert "did you mean `DEFECT`" in misfit.stderr
    assert half.body["why"] == "broken"
    assert again["result"] == "unchanged"
    assert code == 0
    assert len({m.body["config"] for m in witness.messages("verdict")}) == 1
    assert broken_rules(line, witness) == []


@pytest.mark.timeout(90)
def test_sighup_does_the_same_and_the_kernel_says_who_sent_it(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL))
    witness = running(line)

    write(line, decide=with_limit(CLEAN), log="debug", recipe="bolts")
    os.kill(line.pid, signal.SIGHUP)
    told = event(witness, "config_changed")
    first = told.body["first_part"]
    after = witness.wait_for("verdict", lambda m: m.body["part_id"] >= first)
    wait_until(lambda: 'recipe="bolts"' in line.page(), 10, "the recipe's new name in the metrics")
    code = line.stop()

    assert (after.body["verdict"], after.body["recipe"]) == ("REJECT", "bolts")
    assert code == 0
    entry = next(entry for entry in audit(line) if entry["event"] == "config_changed")
    assert (entry["uid"], entry["pid"], entry["former"]) == (os.getuid(), os.getpid(), told.body["former"])
    assert {one["key"] for one in entry["changes"]} == {"decide.limits.DEFECT", "log", "recipe"}
    assert broken_rules(line, witness) == []


@pytest.mark.timeout(120)
def test_a_reload_while_the_inspect_process_is_replaced_is_applied_once_and_its_successors_keep_it(
    make_line: MakeLine,
) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL))
    witness = running(line)

    killed = line.child("inspect")
    write(line, decide=with_limit(CLEAN))
    os.kill(killed, signal.SIGKILL)
    answer = reloaded(line)
    told = event(witness, "config_changed")
    first = told.body["first_part"]
    witness.wait_for("verdict", lambda m: m.body["part_id"] >= first and m.body["reason"] == "defect")
    again = wait_until(lambda: (pid := line.children().get("inspect")) != killed and pid, 40, "the successor")
    os.kill(again, signal.SIGKILL)
    heard = len(witness.messages("verdict"))
    witness.wait_for("verdict", lambda m: m.body["reason"] == "process_lost", after=heard)
    witness.wait_for("verdict", lambda m: m.body["reason"] == "defect", after=heard)
    code = line.stop()

    assert answer["result"] in ("pending", "applied")
    assert code == 0
    assert broken_rules(line, witness) == []
    rows = journal(line)
    judged = [one for one in rows if one["reason"] not in ("process_lost", "shutdown")]
    assert out_of_place(judged, first, told.body["former"], told.body["config"]) == []
    assert judged_otherwise(judged, {told.body["former"]: USUAL, told.body["config"]: CLEAN}) == []
    assert [m.body["name"] for m in witness.messages("event")].count("config_changed") == 1
    assert [entry["event"] for entry in audit(line)].count("config_changed") == 1


@pytest.mark.timeout(120)
def test_a_reload_beside_an_inspect_process_that_hangs_waits_for_its_successor(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL))
    witness = running(line)

    hung = line.child("inspect")
    os.kill(hung, signal.SIGSTOP)
    write(line, decide=with_limit(CLEAN))
    answer = reloaded(line)
    write(line, decide=with_limit(0.7))
    second = program(line)
    with suppress(ProcessLookupError):  # main kills it after 5 s by itself
        os.kill(hung, signal.SIGKILL)
    told = event(witness, "config_changed").body
    witness.wait_for("verdict", lambda m: m.body["reason"] == "defect" and m.body["part_id"] >= told["first_part"])
    code = line.stop()

    assert answer["result"] == "pending"
    assert (second.returncode, "waits for the inspect process" in second.stderr) == (64, True)
    assert told["config"] == answer["config"]
    assert code == 0
    assert broken_rules(line, witness) == []
    rows = journal(line)
    judged = [one for one in rows if one["reason"] not in ("process_lost", "shutdown")]
    assert out_of_place(judged, told["first_part"], told["former"], told["config"]) == []
    assert judged_otherwise(judged, {told["former"]: USUAL, told["config"]: CLEAN}) == []


@pytest.mark.timeout(90)
def test_the_log_level_changes_while_the_line_runs(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL), log="error")
    running(line)
    before = line.stderr()

    write(line, log="debug")
    reloaded(line)
    line.page()
    wait_until(lambda: " DEBUG main metrics_request" in line.stderr(), 10, "a line of severity debug")
    code = line.stop()

    assert code == 0
    assert " DEBUG " not in before
    # A severity is in force at once, so lines of the parts before the first one judged anew may stand above it.
    assert " INFO main config_changed" in line.stderr()


@pytest.mark.timeout(90)
def test_two_reloads_at_once_apply_once(make_line: MakeLine) -> None:
    line = make_line(camera=CAMERA, decide=with_limit(USUAL))
    witness = running(line)
    write(line, decide=with_limit(CLEAN))
    command = [sys.executable, "-m", "edge_inspector.cli.main", "reload", "--config", str(line.config), "--json"]

    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    said = sorted(json.loads(one.communicate(timeout=40)[0])["result"] for one in both)
    code = line.stop()

    assert said == ["applied", "unchanged"]
    assert code == 0
    assert [entry["event"] for entry in audit(line)].count("config_changed") == 1
    assert broken_rules(line, witness) == []


@pytest.mark.timeout(90)
def test_a_dry_run_says_what_would_change_and_the_deadline_of_a_gate_moves_with_it(make_line: MakeLine) -> None:
    gate = {"distance_mm": 1000.0, "speed_mm_s": 500.0}
    line = make_line(camera=CAMERA, decide=with_limit(USUAL), gate=gate)
    witness = running(line)
    before = witness.messages("verdict")[-1].body

    write(line, gate=gate | {"distance_mm": 5000.0})
    dry = program(line, "--dry-run")
    answer = reloaded(line)
    after = witness.wait_for("verdict", lambda m: m.body["part_id"] >= answer["first_part"]).body
    code = line.stop()

    assert "gate.distance_mm: 1000.0 -> 5000.0" in dry.stdout
    assert before["budget_us"] < 2_000_000 < 8_000_000 < after["budget_us"]
    assert code == 0
    assert [entry["event"] for entry in audit(line)].count("config_accepted") == 1
    assert broken_rules(line, witness) == []
