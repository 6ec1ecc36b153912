"""A configuration read again: what is refused, what is written down first, what is told, and what waits for whom."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from app_samples import bundle_in, changed
from fakes.line_memory import make_memory, make_wake_fd
from test_app_bypass import ANNA, FakeOutlet

from edge_inspector.app import reload as reload_module
from edge_inspector.app.bypass import BypassControl
from edge_inspector.app.hangups import NOBODY
from edge_inspector.app.live_plan import unpacked
from edge_inspector.app.reload_words import mistakes_of
from edge_inspector.app.start import prepare
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.run.memory import Word
from edge_inspector.run.seams import Identity
from edge_inspector.run.terms import Terms, TermsReader


class Bench:
    """A control with a configuration file; a thread takes terms as an inspect process does, while a test wants it."""

    def __init__(self, folder: Path, wake_fd: int) -> None:
        bundle_in(folder / "bundle")
        (folder / "state").mkdir()
        self.file, self.wake_fd = folder / "line.yaml", wake_fd
        self.given: dict[str, Any] = {
            "line": "press-3",
            "camera": {"kind": "synthetic", "frame": {"width": 128, "height": 64, "channels": 1}},
            "model": {"bundle": "bundle", "unsigned": "allow"},
            "decide": {"limits": {"DEFECT": 0.5}},
            "evidence": {"folder": "evidence"},
            "state_dir": "state",
        }
        self.write()
        ready = prepare(self.file)
        self.memory, self.outlet = make_memory(), FakeOutlet()
        self.control = BypassControl(ready.settings, self.memory, 77, "m@1")
        self.reload = self.control.with_reload(ready.views, self.file, wake_fd)
        self.reader = TermsReader(self.memory, wake_fd, self._understand, lambda _: None)
        self.audit_file = folder / "state" / "audit.jsonl"

    def _understand(self, data: bytes) -> Terms:
        live = unpacked(data)
        if live.recipe == "nonsense":
            raise ValueError("no")
        return Terms(Identity("press-3", 5, (), live.recipe, 1000, live.deadline_ns, live.keep, config=live.config), ())

    def write(self, **values: Any) -> None:
        for path, value in values.items():
            self.given = changed(self.given, path.replace("__", "."), value)
        self.file.write_text(yaml.safe_dump(self.given, sort_keys=False), encoding="utf-8")

    def take(self, part_id: int) -> Terms | None:
        terms = self.reader.newest()
        self.reader.taken(part_id)
        return terms

    def ask(self, **keys: Any) -> dict[str, Any]:
        answer = self.control.answer({"op": "reload", "file": str(self.file)} | keys, ANNA)
        self.tell()
        return answer

    def ask_and_take(self, part_id: int = 42) -> dict[str, Any]:
        """Ask while an inspect process is there."""
        done = threading.Event()

        def inspect() -> None:
            while not done.is_set():
                self.take(part_id)
                done.wait(0.001)

        process = threading.Thread(target=inspect)
        process.start()
        try:
            return self.ask()
        finally:
            done.set()
            process.join()

    def tell(self) -> None:
        self.control.tell(self.outlet)  # type: ignore[arg-type]

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self.audit_file.read_text().splitlines()] if self.audit_file.exists() else []

    def events(self) -> list[str]:
        return [name for name, _, _ in self.outlet.events]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    wake_fd = make_wake_fd()
    try:
        yield Bench(tmp_path, wake_fd)
    finally:
        os.close(wake_fd)


def test_a_change_is_written_down_taken_and_told_with_both_values_names_and_the_first_part(bench: Bench) -> None:
    bench.write(decide__limits__DEFECT=0.7, recipe="bolts")

    answer = bench.ask_and_take(42)

    assert (answer["ok"], answer["result"], answer["first_part"]) == (True, "applied", 42)
    assert bench.reload.settings.decide.limits == {"DEFECT": 0.7}
    accepted, entry = bench.audit()
    assert (accepted["event"], entry["event"]) == ("config_accepted", "config_changed")
    assert (entry["by"], entry["uid"], entry["first_part"]) == ("anna", 1000, 42)
    assert entry["changes"] == [
        {"key": "recipe", "from": "default", "to": "bolts"},
        {"key": "decide.limits.DEFECT", "from": 0.5, "to": 0.7},
    ]
    assert (entry["former"], entry["config"]) == (answer["former"], answer["config"])
    [(name, severity, extra)] = bench.outlet.events
    assert (name, severity, extra["first_part"], extra["config"]) == ("config_changed", "info", 42, answer["config"])
    figures = bench.reload.figures()
    assert (figures.config, figures.reloads) == (answer["config"], {"applied": 1})
    assert figures.changed_utc_s is not None
    assert bench.ask()["result"] == "unchanged"


def test_the_file_as_it_was_changes_nothing_and_is_written_down_nowhere(bench: Bench) -> None:
    bench.file.write_text("# a comment\n" + bench.file.read_text())

    answer = bench.ask()

    assert (answer["result"], answer["changes"]) == ("unchanged", [])
    assert (bench.audit(), bench.events(), bench.memory.read(Word.TERMS)) == ([], [], 0)
    assert bench.reload.figures().reloads == {"unchanged": 1}


def test_one_key_that_needs_a_restart_keeps_all_others_as_they_were(bench: Bench) -> None:
    bench.write(decide__limits__DEFECT=0.7, camera__frame__width=192, journal={"max_mb": 5000})

    answer = bench.ask()

    assert (answer["ok"], answer["refused"], answer["keys"]) == (False, True, ["camera.frame.width", "journal.max_mb"])
    assert "camera.frame.width (a camera is armed with it once)" in answer["error"]
    assert bench.reload.settings.decide.limits == {"DEFECT": 0.5}
    assert bench.memory.read(Word.TERMS) == 0
    assert [(entry["event"], entry["why"]) for entry in bench.audit()] == [("config_refused", "refused")]
    [(name, severity, extra)] = bench.outlet.events
    assert (name, severity, extra["keys"]) == ("config_refused", "warning", ["camera.frame.width", "journal.max_mb"])
    assert "nothing was changed" in bench.outlet.details[0]


@pytest.mark.fault(
    44,
    injected="a reload of a file that is empty, no YAML, or without what a line needs",
    seen="nothing applies; the answer names every mistake with its line; audit log and metric",
    noticed="with the call",
)
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("line: press-3\n", "camera"),
        ("", ""),
        ("{", ""),
        ("line: \x00\n", ""),
    ],
)
def test_a_file_that_is_wrong_is_told_with_every_mistake_and_nothing_changes(
    bench: Bench, text: str, where: str
) -> None:
    bench.file.write_text(text)

    answer = bench.ask()

    assert (answer["ok"], answer["result"]) == (False, "broken")
    assert where in [mistake.where for mistake in mistakes_of(answer)]
    assert bench.reload.settings.decide.limits == {"DEFECT": 0.5}
    assert [entry["why"] for entry in bench.audit()] == ["broken"]
    assert bench.reload.figures().reloads == {"broken": 1}


def test_a_file_that_is_gone_is_broken(bench: Bench) -> None:
    bench.file.unlink()

    answer = bench.ask()

    assert answer["result"] == "broken"
    assert bench.events() == ["config_refused"]


def test_limits_are_checked_against_the_bundle_that_runs(bench: Bench) -> None:
    bench.write(decide={"limits": {"DEFCT": 0.5}})

    answer = bench.ask()

    [mistake] = mistakes_of(answer)
    assert (answer["result"], mistake.where, mistake.line is not None) == ("broken", "decide.limits.DEFCT", True)


def test_a_file_that_is_written_to_while_it_is_read_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write(decide__limits__DEFECT=0.7)
    load = reload_module.load_line_with_lines

    def slow(path: Path) -> Any:
        loaded = load(path)
        bench.write(decide__limits__DEFECT=0.75)
        return loaded

    monkeypatch.setattr(reload_module, "load_line_with_lines", slow)

    assert "written to while it was read" in bench.ask()["error"]
    assert bench.memory.read(Word.TERMS) == 0


def test_another_file_is_never_read(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("secret: 1\n")

    answer = bench.ask(file=str(other))

    assert answer["refused"] is True
    assert "secret" not in json.dumps(answer)
    assert str(bench.file) in answer["error"]


def test_a_dry_run_tells_the_same_and_leaves_no_trace(bench: Bench) -> None:
    bench.write(decide__limits__DEFECT=0.7)
    dry = bench.ask(dry_run=True)
    bench.write(line="other")
    refused = bench.ask(dry_run=True)

    assert (dry["result"], dry["changes"][0]["to"], dry["former"] != dry["config"]) == ("dry_run", 0.7, True)
    assert refused["keys"] == ["line"]
    assert (bench.audit(), bench.events(), bench.memory.read(Word.TERMS)) == ([], [], 0)
    assert bench.reload.figures().reloads == {}


def test_without_an_audit_log_nothing_changes(bench: Bench) -> None:
    bench.audit_file.symlink_to("/dev/full")
    bench.write(decide__limits__DEFECT=0.7)

    answer = bench.ask()

    assert "cannot be written" in answer["error"]
    assert bench.memory.read(Word.TERMS) == 0
    assert bench.reload.settings.decide.limits == {"DEFECT": 0.5}


def test_a_request_whose_asker_has_given_up_changes_nothing(bench: Bench) -> None:
    bench.write(decide__limits__DEFECT=0.7)

    answer = bench.ask(by_ns=monotonic_ns() - 1)

    assert "too late" in answer["error"]
    assert bench.memory.read(Word.TERMS) == 0
    assert [entry["event"] for entry in bench.audit()] == ["config_accepted", "config_refused"]


def test_a_line_that_stops_refuses(bench: Bench) -> None:
    bench.memory.write(Word.HALT_NS, 1)
    bench.write(decide__limits__DEFECT=0.7)

    assert "stopping" in bench.ask()["error"]


def test_while_no_inspect_process_is_there_it_waits_and_its_successor_takes_it_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload_module, "TAKEN_S", 0.02)
    bench.write(decide__limits__DEFECT=0.7)

    answer = bench.ask()
    bench.write(decide__limits__DEFECT=0.8)
    second = bench.ask()
    events = bench.events()
    terms = bench.take(99)
    bench.control._step_reload()
    bench.tell()

    assert (answer["result"], answer["ok"]) == ("pending", True)
    assert "waits for the inspect process" in second["error"]
    assert events == ["config_refused"]
    assert terms is not None
    assert terms.who.config == answer["config"]
    assert bench.events() == ["config_refused", "config_changed"]
    assert bench.audit()[-1]["first_part"] == 99
    assert bench.ask_and_take(120)["first_part"] == 120


def test_a_line_that_stops_before_a_part_was_judged_under_it_writes_that_down(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload_module, "TAKEN_S", 0.0)
    bench.write(decide__limits__DEFECT=0.7)
    bench.ask()

    bench.reload.close()

    assert (bench.audit()[-1]["event"], bench.audit()[-1]["first_part"]) == ("config_changed", None)


def test_what_the_inspect_process_cannot_use_is_put_back(bench: Bench) -> None:
    bench.write(decide__limits__DEFECT=0.7, recipe="nonsense")

    answer = bench.ask_and_take()
    terms = bench.take(50)

    assert (answer["ok"], answer["result"]) == (False, "refused")
    assert bench.reload.settings.decide.limits == {"DEFECT": 0.5}
    assert terms is not None
    assert terms.who.recipe == "default"
    assert bench.events() == ["config_refused"]
    assert [entry["event"] for entry in bench.audit()] == ["config_accepted", "config_refused"]


def test_a_bypass_that_is_no_longer_allowed_ends_with_the_change(bench: Bench) -> None:
    bench.control.answer({"op": "bypass_on", "minutes": 5, "reason": ""}, ANNA)
    bench.write(bypass={"allowed": False})

    bench.ask_and_take()
    again = bench.control.answer({"op": "bypass_on", "minutes": 5, "reason": ""}, ANNA)

    assert bench.memory.read(Word.BYPASS_UNTIL_NS) == 0
    assert ("bypass_off", "config") in [(entry["event"], entry.get("why")) for entry in bench.audit()]
    assert "bypass.allowed" in again["error"]


def test_the_log_level_reaches_this_process_and_the_cameras(bench: Bench) -> None:
    before = logging.getLogger().level
    try:
        bench.write(log="error")
        bench.ask_and_take()
        after = logging.getLogger().level
    finally:
        logging.getLogger().setLevel(before)

    assert (after, bench.memory.read(Word.LOG_LEVEL)) == (logging.ERROR, logging.ERROR)


def test_a_signal_does_the_same_and_who_is_not_known_is_said_so(bench: Bench) -> None:
    bench.write(decide__limits__DEFECT=0.7, camera__frame__width=192)

    bench.reload.ask_of_signal(NOBODY)
    bench.tell()

    assert (bench.audit()[0]["by"], bench.audit()[0]["uid"]) == ("SIGHUP, sender not known", None)
    assert bench.events() == ["config_refused"]
