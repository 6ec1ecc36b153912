"""Composition of a drill: the daemon asked over its control socket, a witness, a subscriber, the plugs, the report."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge_inspector.app.own_key import own_keys
from edge_inspector.client.keys import ClientKeys
from edge_inspector.core.errors import EdgeInspectorError, ProcessError, UsageError
from edge_inspector.drill.conduct import Row, conduct, wait_ready
from edge_inspector.drill.plugs import Plug, all_plugs
from edge_inspector.drill.processes import Started
from edge_inspector.drill.report import About, as_json, headline, is_passed, markdown, write_whole
from edge_inspector.drill.scene import Ask, Scene
from edge_inspector.drill.witness import MakeGate, Witness
from edge_inspector.run.control import ask_daemon
from edge_inspector.settings.endpoint import address_here
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.load import load_line

ANSWER_S = 5.0
"""The daemon syncs its audit log to disk before it answers."""
LEAVE_S = 15.0
"""At least so long the line is asked to leave drill mode; a main that is being started again does not answer yet."""
MINUTES_A_DRILL = 2.0
RECORDER = "edge_inspector.drill.recorder"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for."""

    config: Path
    only: tuple[str, ...] = ()
    """Names of drills; empty for all."""
    yes: bool = False
    """Switch drill mode on."""
    reason: str = ""
    start: bool = False
    """Run the daemon."""
    back_s: float = 60.0
    output: Path | None = None
    key: Path | None = None
    """Of the witness and the subscriber, where the line has keys; role read will do."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    is_passed: bool
    headline: str
    report: dict[str, Any]
    path: Path


def asker(state_dir: Path) -> Ask:
    """Return how to ask the daemon of a state folder: raises UsageError when it refuses, ProcessError otherwise."""

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        answer = ask_daemon(state_dir, request, ANSWER_S + 1)
        if answer.get("ok") is True:
            return answer
        told = str(answer.get("error", "no reason given"))
        raise UsageError(f"refused: {told}") if answer.get("refused") else ProcessError(told)

    return ask


def on_request(minutes: float, reason: str) -> dict[str, Any]:
    """Return the request for drill mode; refused when it is read after its asker has given up."""
    by_ns = time.monotonic_ns() + round(ANSWER_S * 1e9)
    return {"op": "drill_on", "minutes": minutes, "reason": reason, "by_ns": by_ns}


def run_drill(wish: Wish, tell: Callable[[str], None], make_gate: MakeGate | None = None) -> Done:
    """Run drills and write the report.

    Args:
        wish: What to do.
        tell: Told how it goes.
        make_gate: Another gate than the SDK's, for a test of the drill itself.

    Raises:
        UsageError: A name is unknown, or the line is not in drill mode and may not be switched.
        KeysError: The key file is none.
        ProcessError: No daemon runs, it is not ready, this user may not ask it, or it cannot be told that the drill is
            over: the report is written all the same.
        KeyboardInterrupt: A person ended it; the plugs are in again and the line is at work.
    """
    settings, plugs = load_line(wish.config), _chosen(wish.only)
    if wish.yes and not wish.reason:
        raise UsageError("--yes switches drill mode on, and the audit log wants to know why: give --reason TEXT")
    keys = own_keys(wish.key, settings)
    folder, ask, began = settings.state_dir / "drills", asker(settings.state_dir), datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        _daemon(wish, folder, ask) as daemon,
        _mode(wish, settings, len(plugs), ask) as mode,
        _scene(wish, settings, folder, ask, daemon, make_gate, keys) as scene,
    ):
        tell(f"line {settings.line}: in drill mode; looking at its pace")
        scene.witness.look()
        if not wait_ready(scene, wish.back_s):
            raise ProcessError(f"line {settings.line} is not ready: {scene.witness.why}; see `edge-inspector watch`")
        rows = conduct(scene, plugs, tell)
        about = About(
            settings.line, version("edge_inspector"), wish.config.name, str(mode.get("by")), str(mode.get("reason")),
            _utc(began), _utc(datetime.now(UTC)), settings.endpoints.lease_ms, scene.witness.seen.period_us,
        )  # fmt: skip
        # Before drill mode is left: a line that did not come back cannot be told so, and that is what must be read.
        done = _written(wish, about, rows, folder / f"drill-{began.strftime('%Y%m%dT%H%M%SZ')}.md")
        tell(f"report: {done.path}")
    return done


def _written(wish: Wish, about: About, rows: list[Row], usual: Path) -> Done:
    path, report = wish.output or usual, as_json(about, rows)
    write_whole(path, markdown(about, rows))
    if wish.output is None:
        write_whole(path.with_suffix(".json"), json.dumps(report, indent=2) + "\n")
    # Who names a drill wants it run.
    passed = is_passed(rows) and not (wish.only and any(row.not_run for row in rows))
    return Done(passed, headline(rows), report, path)


def _chosen(only: Sequence[str]) -> list[Plug]:
    plugs = {plug.name: plug for plug in all_plugs()}
    for name in only:
        if name not in plugs:
            raise UsageError(f"there is no drill {name!r}; there are {', '.join(plugs)}")
    return [plug for name, plug in plugs.items() if not only or name in only]


@contextmanager
def _daemon(wish: Wish, folder: Path, ask: Ask) -> Iterator[Started | None]:
    """Run the daemon where that is asked for; ends it in good order."""
    if not wish.start:
        yield None
        return
    with suppress(ProcessError):
        pid = ask({"op": "drill_status"})["pid"]
        raise UsageError(f"a daemon runs already, process {pid}; leave --start out, or stop it")
    # --parent: it stops in good order also when this program is killed and can stop nothing any more.
    words = ["edge_inspector.cli.main", "run", "--config", str(wish.config), "--parent", str(os.getpid())]
    daemon = Started(words, folder / "daemon.log")
    try:
        ends_s = time.monotonic() + wish.back_s
        while not _answers(ask):
            if daemon.has_ended or time.monotonic() > ends_s:
                raise ProcessError(f"the daemon did not start: {daemon.last_words()}")
            time.sleep(0.05)
        yield daemon
    finally:
        daemon.end(timeout_s=20.0)


def _answers(ask: Ask) -> bool:
    with suppress(ProcessError):
        return bool(ask({"op": "drill_status"}))
    return False


@contextmanager
def _mode(wish: Wish, settings: LineSettings, n_drills: int, ask: Ask) -> Iterator[dict[str, Any]]:
    """Have the line in drill mode; at the end it is at work again if it was before, or if a person interrupts."""
    now = ask({"op": "drill_status"})
    if not now["drill"] and not wish.yes:
        raise UsageError(
            f"line {settings.line} is not in drill mode; switch it on with `edge-inspector drill on`, or here with "
            "--yes --reason TEXT: parts are rejected meanwhile"
        )
    is_over = False
    try:
        if wish.yes:
            is_over = True  # also when the answer is lost: it may be on
            now = now if now["drill"] else _switched_on(wish, settings, n_drills, ask)
        yield now
    except _NotSwitchedError as error:
        is_over = False
        raise error.why from None
    except KeyboardInterrupt:
        is_over = True
        raise
    finally:
        if is_over:
            _leave(ask, max(LEAVE_S, wish.back_s))


class _NotSwitchedError(Exception):
    """Raised when the line refused drill mode: there is nothing to leave."""

    def __init__(self, why: UsageError) -> None:
        self.why = why
        super().__init__(str(why))


def _switched_on(wish: Wish, settings: LineSettings, n_drills: int, ask: Ask) -> dict[str, Any]:
    try:
        return ask(on_request(min(settings.drill.max_minutes, 1 + MINUTES_A_DRILL * n_drills), wish.reason))
    except UsageError as error:
        raise _NotSwitchedError(error) from error


def _leave(ask: Ask, within_s: float) -> None:
    """Switch drill mode off; a daemon that is being started again is asked until it answers."""
    ends_s = time.monotonic() + within_s
    while True:
        try:
            ask({"op": "drill_off"})
            return
        except EdgeInspectorError as error:
            if time.monotonic() > ends_s:
                raise ProcessError(
                    f"drill mode could not be switched off: {error}; a line that comes back is in it until its time is "
                    "over: see `edge-inspector drill status`, end it with `drill off`"
                ) from error
            time.sleep(0.1)


@contextmanager
def _scene(
    wish: Wish, settings: LineSettings, folder: Path, ask: Ask, daemon: Started | None, make_gate: MakeGate | None,
    keys: ClientKeys | None,
) -> Iterator[Scene]:  # fmt: skip
    line, endpoints = settings.line, settings.endpoints
    signals, service = address_here(endpoints.signals), address_here(endpoints.service)
    with tempfile.TemporaryDirectory(prefix="edge-inspector-drill-") as kept:
        base = Path(kept) / "record.db"
        words = [RECORDER, str(os.getpid()), line, signals, service, str(base)]
        words += [str(wish.key)] if wish.key is not None else []
        recorder = Started(words, folder / "subscriber.log")
        try:
            with Witness(line, signals, service, make_gate, keys) as witness:
                lease_us, back_us = endpoints.lease_ms * 1000, round(wish.back_s * 1e6)
                yield Scene(line, witness, recorder, base, ask, lease_us, back_us, daemon)
        finally:
            recorder.kill()


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
