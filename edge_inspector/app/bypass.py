"""Bypass in main: asked for over the control socket, audited, timed, and told to everybody; drill mode beside it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_inspector.app.asking import TOO_LATE, Grant, is_too_late, refused, what_is_wrong, who
from edge_inspector.app.drill import OPS, DrillControl, is_service
from edge_inspector.app.hangups import Hangups
from edge_inspector.app.outlet import Outlet
from edge_inspector.app.planning import bypass_most_ns
from edge_inspector.app.ready import ReadyView
from edge_inspector.app.reload import ReloadControl
from edge_inspector.app.reload_words import Asker
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import ProcessError
from edge_inspector.record.audit import AuditLog
from edge_inspector.run.bypass import bypass_left_ns
from edge_inspector.run.control import Answer, ControlSocket, Peer, user_name
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.terms import TermsPost
from edge_inspector.run.worker import Worker
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import live_values


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
        self._grant: Grant | None = None
        self._news: deque[_News] = deque(maxlen=100)  # only a main that hangs leaves more than a few; the newest stay
        self._socket: ControlSocket | None = None
        self._drill = DrillControl(settings, memory, self._audit, self._enter, self._tell, is_service())
        self.reload: ReloadControl | None = None
        """None for a control that no line belongs to."""
        self.hangups = Hangups()
        """SIGHUP, once the main thread catches it; taken by the thread `control`."""
        self.worker = Worker("control", self._step)

    def with_reload(self, views: Sequence[ReadyView], config_file: Path, wake_fd: int) -> ReloadControl:
        """Also answer `reload` and SIGHUP; before `start`. Arguments as `ReloadControl` and `TermsPost` want them."""
        post = TermsPost(self._memory, wake_fd)
        self.reload = ReloadControl(
            self._settings, views, config_file, post, self._memory, self._audit, self._tell, self._settle
        )  # fmt: skip
        self._run["config"] = self.reload.figures().config
        return self.reload

    def start(self) -> None:
        """Enter the start into the audit log and listen. What fails is told: the line inspects all the same."""
        settings = {} if self.reload is None else {"settings": live_values(self._settings)}
        self._enter("line_started", **self._run, **_daemon(), **settings)
        try:
            self._socket = ControlSocket(self._settings.state_dir, self.answer)
        except ProcessError as error:
            self._tell("bypass_unavailable", "warning", f"neither bypass nor drill mode can be switched: {error}")
            if self.reload is None:
                return
        self.worker.start()

    def tell(self, outlet: Outlet) -> None:
        """Announce what happened since the last call; main's loop."""
        while self._news:
            news = self._news.popleft()
            mode, _, is_on = news.name.partition("_")
            if is_on in ("on", "off"):
                outlet.withdraw(f"{mode}_on")
            outlet.announce(news.name, news.severity, news.detail, news.extra, stands=is_on == "on")

    def close(self, outlet: Outlet, exit_code: int) -> None:
        """Stop listening, end a bypass, enter the stop into the audit log and announce all of it."""
        self.worker.stop(timeout_s=2.0)
        if self._socket is not None:
            self._socket.close()
        self._note_end()
        if self._grant is not None:
            self._end("stop", "the line stops")
        self._drill.close()
        if self.reload is not None:
            self.reload.close()
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
            case op if op in OPS:
                return self._drill.answer(request, peer)
            case "reload" if self.reload is not None:
                return self.reload.answer(request, Asker(str(peer), who(peer)))
            case op:
                known = ", ".join(("bypass_on", "bypass_off", "bypass_status", *OPS, "reload"))
                return refused(f"unknown op {str(op)[:40]!r}; this version knows {known}")

    def _step(self) -> bool:
        if self._socket is None:
            time.sleep(0.1)
        has_answered = self._socket is not None and self._socket.step()
        self._note_end()
        self._drill.note_end()
        self._step_reload()
        return has_answered

    def _step_reload(self) -> None:
        if self.reload is None:
            return
        self.reload.note_taken()
        if (asker := self.hangups.take()) is not None:
            self.reload.ask_of_signal(asker)

    def _settle(self, settings: LineSettings) -> None:
        """Go by what is in force from now on; a bypass that is no longer allowed ends, whoever asked for it."""
        self._settings, self._most_ns = settings, bypass_most_ns(settings)
        self._run |= {"recipe": settings.recipe} | ({"config": self.reload.figures().config} if self.reload else {})
        if self._grant is not None and not bypass_left_ns(self._memory, self._most_ns, monotonic_ns()):
            self._end("config", "the configuration no longer allows it for so long")

    def _switch_on(self, request: dict[str, Any], peer: Peer) -> Answer:
        limits = self._settings.bypass
        wrong = what_is_wrong(request, "bypass", limits.allowed, limits.max_minutes, self._memory)
        if wrong is not None:
            return refused(wrong)
        grant = Grant.of(request, peer)
        try:  # first the entry, then the effect: a bypass that nobody can read of later does not happen
            self._audit.append("bypass_on", **grant.fields(), **who(peer))
        except ProcessError as error:
            self._tell("audit_not_written", "error", f"bypass was refused to {peer}: {error}")
            return {"ok": False, "error": str(error)}
        if is_too_late(request):  # the disk took its time
            self._enter("bypass_off", why="late", by=grant.by, **who(peer))
            return refused(TOO_LATE)
        self._grant = grant
        self._memory.write(Word.BYPASS_UNTIL_NS, grant.until_ns)
        detail = f"{grant.by} lets defects pass for {grant.minutes:g} min: {grant.reason or 'no reason given'}"
        self._tell("bypass_on", "warning", detail, **grant.fields())
        return self._status()

    def _switch_off(self, peer: Peer) -> Answer:
        if self._grant is not None:
            self._end("person", f"{peer} switched bypass off", by=str(peer), **who(peer))
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


def _daemon() -> dict[str, Any]:
    return {"user": user_name(os.getuid()), "uid": os.getuid(), "pid": os.getpid()}
