"""Drill mode in main: asked for like bypass, and kept on disk, since what is pulled may be main itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_inspector.app.asking import TOO_LATE, Grant, Tell, is_too_late, refused, what_is_wrong, who
from edge_inspector.app.planning import drill_most_ns
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import ProcessError
from edge_inspector.core.logs import get_log
from edge_inspector.record.audit import AuditLog
from edge_inspector.run.control import Answer, Peer
from edge_inspector.run.drill import drill_left_ns
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.settings.line import LineSettings
from edge_inspector.signal.journal import boot_id

log = get_log(__name__)

FILE = "drill.json"
MOST_SECONDS = 60.0
"""How long a drill may have the journal refuse rows: parts wait meanwhile, and the ring has room for few of them."""
MOST_PARTS = 1000
OPS = ("drill_on", "drill_off", "drill_status", "drill_fault")


class DrillControl:
    """Owns drill mode's words and its file. Belongs to whoever answers the control socket, as bypass does.

    A daemon that was killed left the file: its successor is in drill mode for the rest of the time, before its first
    heartbeat. After a restart of the computer it is not, and says so.
    """

    def __init__(
        self,
        settings: LineSettings,
        memory: LineMemory,
        audit: AuditLog,
        enter: Callable[..., None],
        tell: Tell,
        is_service: bool = False,
    ) -> None:
        """Go on with what a killed daemon left.

        Args:
            settings: Of the line.
            memory: Of the line.
            audit: Of the line, for what must be written first.
            enter: Writes to it what happens anyway; never raises.
            tell: Keeps events for main's loop.
            is_service: A service manager starts this daemon again.
        """
        self._settings, self._memory, self._ledger = settings, memory, Ledger(memory)
        self._audit, self._enter, self._tell, self._is_service = audit, enter, tell, is_service
        self._most_ns = drill_most_ns(settings)
        self._path = settings.state_dir / FILE
        self._grant: Grant | None = None
        self._resume()

    def answer(self, request: dict[str, Any], peer: Peer) -> Answer:
        """Answer one of `OPS`; never raises."""
        self.note_end()
        match request.get("op"):
            case "drill_on":
                return self._switch_on(request, peer)
            case "drill_off":
                if self._grant is not None:
                    self._end("person", f"{peer} ended it", by=str(peer), **who(peer))
                return self._status()
            case "drill_fault":
                return self._inject(request, peer)
            case _:
                return self._status()

    def note_end(self) -> None:
        """Notice that the time is over; the messages have noticed by themselves."""
        if self._grant is not None and not self._left_ns():
            self._end("time", f"the {self._grant.minutes:g} min that {self._grant.by} asked for are over")

    def close(self) -> None:
        """End it: the line stops in good order."""
        self.note_end()
        if self._grant is not None:
            self._end("stop", "the line stops")

    def _left_ns(self) -> int:
        return drill_left_ns(self._memory, self._most_ns, monotonic_ns())

    def _switch_on(self, request: dict[str, Any], peer: Peer) -> Answer:
        limits = self._settings.drill
        wrong = what_is_wrong(request, "drill", limits.allowed, limits.max_minutes, self._memory)
        if wrong is not None:
            return refused(wrong)
        grant = Grant.of(request, peer)
        try:
            self._audit.append("drill_on", **grant.fields(), **who(peer))
            _keep(self._path, grant)
        except (ProcessError, OSError) as error:
            return {"ok": False, "error": f"drill mode cannot be kept: {error}"}
        if is_too_late(request):
            _forget(self._path)
            self._enter("drill_off", why="late", by=grant.by, **who(peer))
            return refused(TOO_LATE)
        self._begin(grant, f"{grant.by} rehearses failures for {grant.minutes:g} min: {grant.reason or 'no reason'}")
        return self._status()

    def _begin(self, grant: Grant, detail: str, **extra: object) -> None:
        self._grant = grant
        self._memory.write(Word.DRILL_UNTIL_NS, grant.until_ns)
        self._tell("drill_on", "warning", detail, **grant.fields(), **extra)

    def _end(self, why: str, detail: str, **fields: Any) -> None:
        for word in (Word.DRILL_UNTIL_NS, Word.DRILL_JOURNAL_UNTIL_NS, Word.DRILL_MODEL_BELOW):
            self._memory.write(word, 0)
        self._grant = None
        _forget(self._path)
        self._enter("drill_off", why=why, **fields)
        by = {"by": fields["by"]} if "by" in fields else {}
        self._tell("drill_off", "info", f"{detail}: the line is at work again", why=why, **by)

    def _resume(self) -> None:
        grant = _kept(self._path)
        if grant is None:
            return
        left_ns = grant.until_ns - monotonic_ns()
        if 0 < left_ns <= self._most_ns:
            self._enter("drill_on", **grant.fields(), why="restart")
            self._begin(grant, f"the daemon was killed in a drill of {grant.by}, which goes on", why="restart")
        else:
            self._end("restart", f"the drill of {grant.by} ended while no daemon ran")

    def _inject(self, request: dict[str, Any], peer: Peer) -> Answer:
        what, amount = request.get("what"), request.get("amount")
        most = {"journal": MOST_SECONDS, "model": MOST_PARTS}.get(str(what))
        if not self._left_ns():
            return refused("the line is not in drill mode: faults are made in drill mode alone")
        if most is None:
            return refused(f"unknown fault {what!r:.40}; a drill knows journal and model")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount <= most:
            return refused(f"amount of {what} must be above 0 and at most {most:g}, not {amount!r:.40}")
        self._enter("drill_fault", what=what, amount=amount, **who(peer))
        if what == "journal":
            self._memory.write(Word.DRILL_JOURNAL_UNTIL_NS, monotonic_ns() + round(amount * 1e9))
            detail = f"the journal refuses rows for {amount:g} s"
        else:
            following = self._memory.read(Word.FIRST_PART) + self._ledger.totals().triggers
            self._memory.write(Word.DRILL_MODEL_FROM, following)  # first: below says that there is such a fault
            self._memory.write(Word.DRILL_MODEL_BELOW, following + int(amount))
            detail = f"the model fails up to part {following + int(amount) - 1}"
        self._tell("drill_fault", "warning", f"{detail}, since {peer} asked for it", what=what, amount=amount)
        return self._status()

    def _status(self) -> Answer:
        left_ns = self._left_ns()
        grant = self._grant if left_ns else None
        now: Answer = {"ok": True, "drill": left_ns > 0, "seconds_left": round(left_ns / 1e9, 3)}
        now |= {"line": self._settings.line, "pid": os.getpid(), "is_service": self._is_service}
        return now | {"allowed": self._settings.drill.allowed} | (grant.fields() if grant else {})


def is_service() -> bool:
    """Return whether a service manager watches this process; ask before `Notifier` takes the address away."""
    return bool(os.environ.get("NOTIFY_SOCKET") and os.environ.get("INVOCATION_ID"))


def _keep(path: Path, grant: Grant) -> None:
    kept = {key: getattr(grant, key) for key in Grant.__slots__} | {"boot": boot_id()}
    written = path.with_suffix(".tmp")
    with written.open("w", encoding="utf-8") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _kept(path: Path) -> Grant | None:
    """Return what a killed daemon left; None when there is nothing. Of another boot, or nonsense: a time long over."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        until_ns = int(kept["until_ns"]) if kept["boot"] == boot_id() else 0
        return Grant(
            str(kept["by"]), str(kept["reason"]), float(kept["minutes"]), until_ns, int(kept["until_utc_us"])
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("drill_file_not_read", path=str(path), detail=str(error))
        return Grant("somebody", "", 0.0, 0, 0)
