"""Bypass in main: asked for over the control socket, audited, timed, and told to everybody."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge_inspector.app.outlet import Outlet
from edge_inspector.app.planning import bypass_most_ns
from edge_inspector.core.clock import monotonic_ns, utc_us_at
from edge_inspector.core.errors import ProcessError
from edge_inspector.record.audit import AuditLog
from edge_inspector.run.bypass import bypass_left_ns
from edge_inspector.run.control import Answer, ControlSocket, Peer, user_name
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.worker import Worker
from edge_inspector.settings.line import LineSettings

MINUTE_NS = 60_000_000_000
REASON_CHARACTERS = 200
TOO_LATE = "the request is too late: nobody waits for its answer any more"


@dataclass(frozen=True, slots=True)
class _Grant:
    """One bypass: who asked for it, why, and until when."""

    by: str
    reason: str
    minutes: float
    until_ns: int
    until_utc_us: int

    def fields(self) -> dict[str, Any]:
        """Return what the audit log and the event say of it."""
        return {
            "by": self.by,
            "reason": self.reason,
            "minutes": self.minutes,
            "until_utc_us": self.until_utc_us,
            "until_utc": datetime.fromtimestamp(self.until_utc_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


@dataclass(frozen=True, slots=True)
class _News:
    """An event for main's loop to tell."""

    name: str
    severity: str
    detail: str
    extra: dict[str, object]


class BypassControl:
    """Owns the audit log, the control socket and `Word.BYPASS_UNTIL_NS`.

    They belong to one thread, `control`, so that a slow client or disk holds up neither main's loop nor anything else;
    before that thread starts and after it has ended they belong to main's loop. Main's loop only tells the news.
    """

    def __init__(self, settings: LineSettings, memory: LineMemory, epoch: int, model: str) -> None:
        """Prepare; `start` begins. The state folder must be locked by this process.

        Args:
            settings: Of the line.
            memory: Of the line; its other words are left alone.
            epoch: Identity of this run of numbers, for the audit log.
            model: name@version of the bundle, for the audit log.
        """
        self._settings, self._memory = settings, memory
        self._run = {"epoch": epoch, "model": model, "recipe": settings.recipe}
        self._most_ns = bypass_most_ns(settings)
        self._audit = AuditLog(settings.state_dir / "audit.jsonl", settings.line)
        self._grant: _Grant | None = None
        self._news: deque[_News] = deque(maxlen=100)  # only a main that hangs leaves more than a few; the newest stay
        self._socket: ControlSocket | None = None
        self.worker = Worker("control", self._step)

    def start(self) -> None:
        """Enter the start into the audit log and listen. What fails is told: the line inspects all the same."""
        self._enter("line_started", **self._run, **_daemon())
        try:
            self._socket = ControlSocket(self._settings.state_dir, self.answer)
        except ProcessError as error:
            self._tell("bypass_unavailable", "warning", f"bypass cannot be switched: {error}")
            return
        self.worker.start()

    def tell(self, outlet: Outlet) -> None:
        """Announce what happened since the last call; main's loop."""
        while self._news:
            news = self._news.popleft()
            if news.name in ("bypass_on", "bypass_off"):
                outlet.withdraw("bypass_on")
            outlet.announce(news.name, news.severity, news.detail, news.extra, stands=news.name == "bypass_on")

    def close(self, outlet: Outlet, exit_code: int) -> None:
        """Stop listening, end a bypass, enter the stop into the audit log and announce all of it."""
        self.worker.stop(timeout_s=2.0)
        if self._socket is not None:
            self._socket.close()
        self._note_end()
        if self._grant is not None:
            self._end("stop", "the line stops")
        self._enter("line_stopped", exit_code=exit_code, **self._run, **_daemon())
        self.tell(outlet)

    def answer(self, request: dict[str, Any], peer: Peer) -> Answer:
        """Answer one request of the control socket; never raises."""
        self._note_end()
        match request.get("op"):
            case "bypass_on":
                return self._switch_on(request, peer)
            case "bypass_off":
                return self._switch_off(peer)
            case "bypass_status":
                return self._status()
            case op:
                return _refused(f"unknown op {str(op)[:40]!r}; this version knows bypass_on, bypass_off, bypass_status")

    def _step(self) -> bool:
        assert self._socket is not None
        has_answered = self._socket.step()
        self._note_end()
        return has_answered

    def _switch_on(self, request: dict[str, Any], peer: Peer) -> Answer:
        what_is_wrong = self._what_is_wrong(request)
        if what_is_wrong is not None:
            return _refused(what_is_wrong)
        minutes = float(request["minutes"])
        until_ns = monotonic_ns() + round(minutes * MINUTE_NS)
        grant = _Grant(str(peer), request.get("reason", ""), minutes, until_ns, utc_us_at(until_ns))
        try:  # first the entry, then the effect: a bypass that nobody can read of later does not happen
            self._audit.append("bypass_on", **grant.fields(), **_who(peer))
        except ProcessError as error:
            self._tell("audit_not_written", "error", f"bypass was refused to {peer}: {error}")
            return {"ok": False, "error": str(error)}
        if _is_too_late(request):  # the disk took its time
            self._enter("bypass_off", why="late", by=grant.by, **_who(peer))
            return _refused(TOO_LATE)
        self._grant = grant
        self._memory.write(Word.BYPASS_UNTIL_NS, until_ns)
        detail = f"{grant.by} lets defects pass for {minutes:g} min: {grant.reason or 'no reason given'}"
        self._tell("bypass_on", "warning", detail, **grant.fields())
        return self._status()

    def _what_is_wrong(self, request: dict[str, Any]) -> str | None:
        minutes, reason = request.get("minutes"), request.get("reason", "")
        most = self._settings.bypass.max_minutes
        if not self._settings.bypass.allowed:
            return "bypass is not allowed on this line: bypass.allowed is false in its configuration"
        if self._memory.read(Word.HALT_NS):
            return "the line is stopping"
        if _is_too_late(request):  # main stood still meanwhile
            return TOO_LATE
        if not isinstance(minutes, int | float) or isinstance(minutes, bool):
            return f"minutes must be a number, not {minutes!r:.40}"
        if not 0 < minutes <= most:  # so written that NaN is refused
            return f"{minutes!r:.40} min is not above 0 and at most {most:g}, the line's bypass.max_minutes"
        if not isinstance(reason, str) or len(reason) > REASON_CHARACTERS or not reason.isprintable():
            return f"a reason is at most {REASON_CHARACTERS} printable characters; shorten it"
        return None

    def _switch_off(self, peer: Peer) -> Answer:
        if self._grant is not None:
            self._end("person", f"{peer} switched bypass off", by=str(peer), **_who(peer))
        return self._status()

    def _status(self) -> Answer:
        left_ns = bypass_left_ns(self._memory, self._most_ns, monotonic_ns())
        grant = self._grant if left_ns else None
        now = {"ok": True, "bypass": left_ns > 0, "seconds_left": round(left_ns / 1e9, 3)}
        return now | {"line": self._settings.line} | (grant.fields() if grant else {})

    def _note_end(self) -> None:
        """Notice that the time is over; the verdicts have noticed by themselves."""
        if self._grant is not None and not bypass_left_ns(self._memory, self._most_ns, monotonic_ns()):
            self._end("time", f"the {self._grant.minutes:g} min that {self._grant.by} asked for are over")

    def _end(self, why: str, detail: str, **fields: Any) -> None:
        # First the effect, then the entry: no disk may keep defects passing.
        self._memory.write(Word.BYPASS_UNTIL_NS, 0)
        self._grant = None
        self._enter("bypass_off", why=why, **fields)
        by = {"by": fields["by"]} if "by" in fields else {}
        self._tell("bypass_off", "info", f"{detail}: defects are rejected again", why=why, **by)

    def _enter(self, event: str, **fields: Any) -> None:
        try:
            self._audit.append(event, **fields)
        except ProcessError as error:
            self._tell("audit_not_written", "error", f"{event}: {error}")

    def _tell(self, name: str, severity: str, detail: str, **extra: object) -> None:
        self._news.append(_News(name, severity, detail, extra))


def _is_too_late(request: dict[str, Any]) -> bool:
    """Whether who asked has been told by now that it failed: then it must not work after all."""
    by_ns = request.get("by_ns")
    return isinstance(by_ns, int) and monotonic_ns() > by_ns


def _refused(why: str) -> Answer:
    return {"ok": False, "refused": True, "error": why}


def _who(peer: Peer) -> dict[str, Any]:
    return {"user": peer.user, "uid": peer.uid, "pid": peer.pid, "login": peer.login}


def _daemon() -> dict[str, Any]:
    return {"user": user_name(os.getuid()), "uid": os.getuid(), "pid": os.getpid()}
