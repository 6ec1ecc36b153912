"""`reload` as a person meets it: what is asked of the daemon, what is said, and the exit codes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_program import Said, Sandbox, has_all
from test_cli_bypass import FakeDaemon

from edge_inspector.cli import main

CHANGES = [{"key": "decide.limits.PITTING", "from": 0.5, "to": 0.7}, {"key": "recipe", "from": "a", "to": "b"}]
APPLIED = {
    "ok": True, "result": "applied", "line": "press-3", "config": "0" * 12, "former": "1" * 12, "changes": CHANGES,
    "n_changes": 2, "first_part": 1042,
}  # fmt: skip
BROKEN = {
    "ok": False, "result": "broken", "line": "press-3", "error": "x", "refused": False,
    "mistakes": [["/etc/line.yaml", 7, "decide.limits.PITING", "the bundle has no label PITING"]],
}  # fmt: skip
REFUSED = {"ok": False, "result": "refused", "refused": True, "error": "camera.frame.width needs a restart", "keys": []}

Say = Callable[..., Said]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox.config()


@pytest.fixture
def daemon(config: Path) -> Iterator[FakeDaemon]:
    daemon = FakeDaemon(config.parent / "state")
    yield daemon
    daemon.close()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], config: Path) -> Say:
    def say(*arguments: str) -> Said:
        code = main._run(["reload", *arguments, "--config", str(config)])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return say


def test_what_was_changed_is_told_with_the_first_part(say: Say, daemon: FakeDaemon, config: Path) -> None:
    daemon.answer = APPLIED

    said = say()

    assert said.code == 0
    assert has_all(
        said.out, ["press-3: 2 keys changed, from part 1042 on", "decide.limits.PITTING: 0.5 -> 0.7", "0" * 12]
    )
    (request,) = daemon.asked
    assert (request["op"], request["file"], request["dry_run"]) == ("reload", str(config), False)
    assert 0 < request["by_ns"] - time.monotonic_ns() <= 10_000_000_000


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("unchanged", "nothing has changed, 000000000000 is in force"),
        ("dry_run", "2 keys would change, nothing was done"),
        ("pending", "2 keys changed; the inspect process is being started"),
    ],
)
def test_other_ends_are_told_in_words(say: Say, daemon: FakeDaemon, result: str, words: str) -> None:
    daemon.answer = APPLIED | {"result": result}

    said = say(*(["--dry-run"] if result == "dry_run" else []))

    assert said.code == 0
    assert words in said.out
    assert daemon.asked[0]["dry_run"] is (result == "dry_run")


def test_many_changes_are_counted(say: Say, daemon: FakeDaemon) -> None:
    daemon.answer = APPLIED | {"n_changes": 130}

    assert "and 128 more" in say().out


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (BROKEN, 78, "/etc/line.yaml:7: decide.limits.PITING: the bundle has no label PITING"),
        (REFUSED, 64, "refused: camera.frame.width needs a restart; nothing was changed"),
        ({"ok": False, "error": "the disk"}, 70, "the disk"),
    ],
)
def test_what_did_not_happen_has_its_exit_code(
    say: Say, daemon: FakeDaemon, answer: dict[str, Any], code: int, words: str
) -> None:
    daemon.answer = answer

    said = say()

    assert said.code == code
    assert words in said.err


def test_a_program_reads_json_whatever_came_of_it(say: Say, daemon: FakeDaemon) -> None:
    daemon.answer = APPLIED
    applied = say("--json")
    daemon.answer = REFUSED
    refused = say("--json")

    assert json.loads(applied.out)["first_part"] == 1042
    assert (refused.code, json.loads(refused.out)["result"]) == (64, "refused")


def test_a_file_that_is_wrong_is_shown_to_the_daemon_too(say: Say, daemon: FakeDaemon, config: Path) -> None:
    config.write_text(config.read_text() + "\nlogg: info\n")
    daemon.answer = BROKEN

    said = say()

    assert said.code == 78
    assert len(daemon.asked) == 1


def test_without_a_daemon_the_mistakes_of_the_file_are_told(say: Say, config: Path) -> None:
    nobody = say()
    config.write_text(config.read_text() + "\nlogg: info\n")
    wrong = say()
    config.write_text("line: press-3\n")
    half = say()
    config.write_text("{")
    torn = say()

    assert (nobody.code, wrong.code, half.code, torn.code) == (70, 78, 78, 78)
    assert "no daemon runs" in nobody.err
    assert "did you mean `log`" in wrong.err
