"""Drill mode: who may, for how long, what survives a kill of main, and the faults that exist in it alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_samples import settings_of, values
from fakes.line_memory import make_memory
from test_app_bypass import ANNA, MINUTE_NS, FakeOutlet

from edge_inspector.app.bypass import BypassControl
from edge_inspector.app.drill import FILE, is_service
from edge_inspector.app.planning import drill_most_ns
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.run.drill import drill_left_ns
from edge_inspector.run.memory import Word


class Bench:
    """A control on a small memory, asked directly; a new one on the same folder is a daemon started again."""

    def __init__(self, folder: Path, **drill: Any) -> None:
        self.folder, self.memory, self.outlet = folder, make_memory(), FakeOutlet()
        self.settings = settings_of(values() | {"state_dir": str(folder), "drill": drill})
        self.control = BypassControl(self.settings, self.memory, 77, "m@1")

    def ask(self, op: str, **keys: Any) -> dict[str, Any]:
        answer = self.control.answer({"op": op, **keys}, ANNA)
        self.control.tell(self.outlet)  # type: ignore[arg-type]
        return answer

    def on(self, **keys: Any) -> dict[str, Any]:
        return self.ask("drill_on", **{"minutes": 5, "reason": "monthly"} | keys)

    @property
    def left_ns(self) -> int:
        return drill_left_ns(self.memory, drill_most_ns(self.settings), monotonic_ns())

    def audit(self) -> list[tuple[str, str | None]]:
        rows = [json.loads(row) for row in (self.folder / "audit.jsonl").read_text().splitlines()]
        return [(row["event"], row.get("why")) for row in rows]


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(tmp_path: Path) -> MakeBench:
    return lambda **drill: Bench(tmp_path, **drill)


def test_on_is_written_down_then_works_and_stands_until_off(make_bench: MakeBench) -> None:
    bench = make_bench()

    on = bench.on()
    standing, left_ns = list(bench.outlet.standing), bench.left_ns
    off = bench.ask("drill_off")

    assert (on["drill"], on["by"], on["reason"], on["pid"]) == (True, "anna", "monthly", os.getpid())
    assert 4 * MINUTE_NS < left_ns <= 5 * MINUTE_NS
    assert standing == ["drill_on"]
    assert (off["drill"], bench.left_ns, bench.outlet.standing) == (False, 0, [])
    assert bench.audit() == [("drill_on", None), ("drill_off", "person")]
    assert not (bench.folder / FILE).exists()


@pytest.mark.parametrize(
    ("settings", "keys", "why"),
    [
        ({"allowed": False}, {}, "drill.allowed"),
        ({"max_minutes": 4}, {}, "drill.max_minutes"),
        ({}, {"minutes": float("nan")}, "not above 0"),
        ({}, {"minutes": "5"}, "must be a number"),
        ({}, {"reason": "a\nb"}, "printable"),
        ({}, {"by_ns": 1}, "too late"),
    ],
)
def test_who_may_not_is_refused_and_nothing_happens(
    settings: dict[str, Any], keys: dict[str, Any], why: str, make_bench: MakeBench
) -> None:
    bench = make_bench(**settings)

    answer = bench.on(**keys)

    assert (answer["ok"], answer["refused"]) == (False, True)
    assert why in answer["error"]
    assert bench.left_ns == 0
    assert bench.outlet.events == []


def test_it_ends_by_itself_and_takes_the_faults_with_it(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on()
    bench.ask("drill_fault", what="journal", amount=30)
    bench.memory.write(Word.DRILL_UNTIL_NS, monotonic_ns() - 1)

    answer = bench.ask("drill_status")

    assert answer["drill"] is False
    assert bench.memory.read(Word.DRILL_JOURNAL_UNTIL_NS) == 0
    assert bench.audit()[-1] == ("drill_off", "time")
    assert bench.outlet.standing == []


def test_a_daemon_that_starts_after_a_kill_is_in_it_for_the_rest_of_the_time(make_bench: MakeBench) -> None:
    killed = make_bench()
    killed.on()
    killed.ask("drill_fault", what="model", amount=5)

    again = make_bench()
    again.control.tell(again.outlet)  # type: ignore[arg-type]

    assert again.memory.read(Word.DRILL_UNTIL_NS) == killed.memory.read(Word.DRILL_UNTIL_NS) > monotonic_ns()
    assert again.memory.read(Word.DRILL_MODEL_BELOW) == 0
    assert (again.ask("drill_status")["by"], again.outlet.standing) == ("anna", ["drill_on"])
    assert again.audit()[-1] == ("drill_on", "restart")


@pytest.mark.parametrize("change", [{"boot": "another"}, {"until_ns": 1}, {"until_ns": 2**62}, {"until_ns": None}])
def test_a_daemon_that_starts_too_late_or_after_a_boot_is_at_work_and_says_so(
    change: dict[str, Any], make_bench: MakeBench
) -> None:
    killed = make_bench()
    killed.on()
    path = killed.folder / FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    again = make_bench()
    again.control.tell(again.outlet)  # type: ignore[arg-type]

    assert again.left_ns == 0
    assert [name for name, _, _ in again.outlet.events] == ["drill_off"]
    assert again.audit()[-1] == ("drill_off", "restart")
    assert not path.exists()


def test_a_stop_in_good_order_ends_it(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on()

    bench.control.close(bench.outlet, 0)  # type: ignore[arg-type]

    assert [event for event, _ in bench.audit()] == ["drill_on", "drill_off", "line_stopped"]
    assert make_bench().left_ns == 0


def test_without_a_place_to_keep_it_nobody_gets_it(make_bench: MakeBench) -> None:
    bench = make_bench()
    (bench.folder / FILE).mkdir()

    answer = bench.on()

    assert answer["ok"] is False
    assert "cannot be kept" in answer["error"]
    assert bench.left_ns == 0


@pytest.mark.parametrize(
    ("what", "amount"),
    [
        ("journal", 61),
        ("journal", 0),
        ("model", 1001),
        ("disk", 1),
        ("model", True),
        ("journal", float("nan")),
        ([], 1),
    ],
)
def test_a_fault_outside_its_bounds_is_refused(what: object, amount: object, make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.on()

    assert bench.ask("drill_fault", what=what, amount=amount)["refused"] is True


def test_no_fault_is_made_outside_of_a_drill(make_bench: MakeBench) -> None:
    bench = make_bench()

    answer = bench.ask("drill_fault", what="journal", amount=1)

    assert "drill mode alone" in answer["error"]
    assert bench.memory.read(Word.DRILL_JOURNAL_UNTIL_NS) == 0


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, False), ({"NOTIFY_SOCKET": "/n"}, False), ({"NOTIFY_SOCKET": "/n", "INVOCATION_ID": "1"}, True)],
)
def test_only_a_service_is_started_again(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NOTIFY_SOCKET", "INVOCATION_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert is_service() is expected
