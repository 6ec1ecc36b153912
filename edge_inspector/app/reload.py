"""A configuration's life in main: read again on request, compared, refused by name or put into force as a whole."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge_inspector.app.asking import TOO_LATE, Tell, is_too_late
from edge_inspector.app.fits import misfits
from edge_inspector.app.live import check_rules, live_plan
from edge_inspector.app.live_plan import LivePlan, packed
from edge_inspector.app.ready import ReadyView, as_written
from edge_inspector.app.reload_words import (
    MOST_TOLD,
    Applied,
    Asker,
    entry_of,
    listed,
    mistakes_told,
    needs_restart,
    told,
)
from edge_inspector.core.clock import monotonic_ns, utc_us
from edge_inspector.core.errors import EdgeInspectorError, ProcessError, SettingsError
from edge_inspector.observe.figures import ConfigFigures
from edge_inspector.observe.logs import level_number, set_level
from edge_inspector.record.audit import AuditLog
from edge_inspector.run.control import Answer
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.terms import TermsPost
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import Change, config_name, differences, not_live
from edge_inspector.settings.load import load_line_with_lines

TAKEN_S = 2.0
"""So long an answer waits for the first part; the inspect process looks between two parts, and when it is woken."""
LOOK_S = 0.005


class _RefusedError(Exception):
    """Raised inside this file alone: nothing is applied, and why."""

    def __init__(self, result: str, error: str, **told: Any) -> None:
        super().__init__(error)
        self.result, self.error, self.told = result, error, told


class ReloadControl:
    """Owns the settings in force. Belongs to the thread that answers the control socket; others may read `settings`.

    What was in force stays so until a whole file is right, fits the running models and changes nothing that needs a
    restart. The file is read and checked here, far from the process that judges.
    """

    def __init__(
        self,
        settings: LineSettings,
        views: Sequence[ReadyView],
        config_file: Path,
        post: TermsPost,
        memory: LineMemory,
        audit: AuditLog,
        tell: Tell,
        settle: Callable[[LineSettings], None],
    ) -> None:
        """Prepare.

        Args:
            settings: That the line was started with.
            views: Of the line: their models and baselines stay.
            config_file: The only file that is ever read.
            post: To the inspect process.
            memory: Of the line.
            audit: Of the line.
            tell: Keeps events for main's loop.
            settle: Told what is in force from now on, in this thread.
        """
        self.settings = settings
        """What is in force."""
        self._views, self._file = views, Path(os.path.abspath(config_file))
        self._post, self._memory, self._audit, self._tell, self._settle = post, memory, audit, tell, settle
        self._config = config_name(as_written(settings, views))
        self._waiting: Applied | None = None
        self._results: Counter[str] = Counter()
        self._changed_utc_s: float | None = None

    def figures(self) -> ConfigFigures:
        """Return what metrics say. Any thread."""
        return ConfigFigures(self._config, dict(self._results), self._changed_utc_s)

    def answer(self, request: dict[str, Any], asker: Asker) -> Answer:
        """Answer `reload`; never raises.

        Args:
            request: With `file`, the one that its asker means; `dry_run`; `by_ns`, when it stops waiting.
            asker: Who it is.
        """
        try:
            return self._reload(request, asker)
        except _RefusedError as refusal:
            return self._refuse(refusal, asker, is_dry=bool(request.get("dry_run")))

    def ask_of_signal(self, asker: Asker) -> None:
        """Do the same for a SIGHUP, which gets no answer."""
        self.answer({"file": str(self._file)}, asker)

    def note_taken(self) -> None:
        """Notice that a change which the inspect process had not taken yet was taken, or could not be."""
        if self._waiting is not None and (first := self._post.first_part(self._waiting.number)) is not None:
            applied, self._waiting = self._waiting, None
            self._finish(applied, first)

    def close(self) -> None:
        """Write down a change that no part was judged under."""
        self.note_taken()
        if self._waiting is not None:
            self._enter("config_changed", **entry_of(self._waiting), first_part=None)

    def _reload(self, request: dict[str, Any], asker: Asker) -> Answer:
        self.note_taken()
        new, changes = self._read(request)
        if not changes:
            self._results["unchanged"] += not request.get("dry_run")
            return self._said("unchanged", [])
        live = self._plan(new)
        if request.get("dry_run"):
            return self._said("dry_run", changes) | {"config": live.config, "former": self._config}
        if self._waiting is not None:
            raise _RefusedError("refused", "the change before this one waits for the inspect process; ask again soon")
        if self._memory.read(Word.HALT_NS):
            raise _RefusedError("refused", "the line is stopping")
        applied = self._apply(new, changes, live, request, asker)
        first = self._await_taken(applied)
        if first is None:
            self._waiting = applied
            return self._said("pending", changes) | {"config": applied.config, "former": applied.former}
        self._finish(applied, first)
        if not first:
            return {"ok": False, "result": "refused", "error": "the inspect process could not use it; see the log"}
        names = {"config": applied.config, "former": applied.former, "first_part": first}
        return self._said("applied", changes) | names

    def _read(self, request: dict[str, Any]) -> tuple[LineSettings, list[Change]]:
        """Return what the file says and how it differs from what is in force, when all of that is live."""
        if request.get("file") != str(self._file):
            what = (
                f"this daemon runs {self._file}, not {request.get('file')!r:.200}; give that file, or restart the line"
            )
            raise _RefusedError("refused", what)
        try:
            before = _stamp(self._file)
            new, lines = load_line_with_lines(self._file)
            changes = differences(as_written(self.settings, self._views), new)
            if barred := not_live(changes):
                raise _RefusedError("refused", needs_restart(barred), keys=[one.key for one in barred[:MOST_TOLD]])
            mistakes = misfits(new.views(), self._views, lines)
            if mistakes:
                raise SettingsError(mistakes)
            if _stamp(self._file) != before:
                raise _RefusedError("refused", f"{self._file} was written to while it was read; ask again")
        except SettingsError as error:
            raise _RefusedError("broken", str(error), mistakes=mistakes_told(error.mistakes)) from error
        except (EdgeInspectorError, OSError) as error:
            raise _RefusedError("broken", str(error), mistakes=[[str(self._file), None, "", str(error)]]) from error
        return new, changes

    def _plan(self, new: LineSettings) -> LivePlan:
        performance = self.settings.performance
        live = live_plan(new.model_copy(update={"performance": performance}), self._views)
        try:
            check_rules(live, self._views, str(self._file))
        except SettingsError as error:
            raise _RefusedError("broken", str(error), mistakes=mistakes_told(error.mistakes)) from error
        return live

    def _apply(
        self, new: LineSettings, changes: list[Change], live: LivePlan, request: dict[str, Any], asker: Asker
    ) -> Applied:
        """Put a change into force: first the entry, then the effect."""
        applied = Applied(asker, changes, self.settings, self._config, live.config, 0)
        try:
            self._audit.append("config_accepted", **entry_of(applied))
        except ProcessError as error:
            raise _RefusedError("refused", str(error)) from error
        if is_too_late(request):  # the disk took its time
            raise _RefusedError("refused", TOO_LATE)
        try:
            number = self._post.publish(packed(live))
        except ValueError as error:
            raise _RefusedError("refused", f"too many zones and limits to change at once: {error}; restart") from error
        self._hold(new, live.config)
        return Applied(asker, changes, applied.before, applied.former, live.config, number)

    def _hold(self, new: LineSettings, config: str) -> None:
        self.settings = new.model_copy(update={"performance": self.settings.performance})
        self._config = config
        set_level(new.log)
        self._memory.write(Word.LOG_LEVEL, level_number(new.log))
        self._settle(self.settings)

    def _await_taken(self, applied: Applied) -> int | None:
        until_ns = monotonic_ns() + round(TAKEN_S * 1e9)
        while (first := self._post.first_part(applied.number)) is None and monotonic_ns() < until_ns:
            time.sleep(LOOK_S)
        return first

    def _finish(self, applied: Applied, first: int) -> None:
        if not first:
            self._undo(applied)
            return
        self._results["applied"] += 1
        self._changed_utc_s = utc_us() / 1e6
        self._enter("config_changed", **entry_of(applied), first_part=first)
        extra = {"config": applied.config, "former": applied.former, "first_part": first, "by": applied.asker.by}
        detail = f"{applied.asker.by} changed {listed(applied.changes)}, from part {first} on"
        changes = [told(one) for one in applied.changes[:MOST_TOLD]]
        self._tell("config_changed", "info", detail, **extra, changes=changes)

    def _undo(self, applied: Applied) -> None:
        """Put back what was in force: the inspect process could not use the new, so it still judges by that."""
        self._post.publish(packed(live_plan(applied.before, self._views)))
        self._hold(applied.before, applied.former)
        why = "the inspect process could not use it"
        self._refuse(_RefusedError("refused", f"{why}; its log says why"), applied.asker, is_dry=False)

    def _refuse(self, refusal: _RefusedError, asker: Asker, *, is_dry: bool) -> Answer:
        answer = {"ok": False, "result": refusal.result, "error": refusal.error, "line": self.settings.line}
        if not is_dry:
            self._results[refusal.result] += 1
            why = {"why": refusal.result, "config": self._config, "error": refusal.error[:4000]}
            self._enter("config_refused", **why, by=asker.by, **asker.fields)
            detail = f"{asker.by} asked for a reload: {refusal.error[:2000]}; nothing was changed"
            keys = {"keys": refusal.told["keys"]} if "keys" in refusal.told else {}
            extra: dict[str, object] = {"why": refusal.result, "config": self._config, "by": asker.by, **keys}
            self._tell("config_refused", "warning", detail, **extra)
        return answer | {"refused": refusal.result == "refused"} | refusal.told

    def _said(self, result: str, changes: list[Change]) -> Answer:
        answer: Answer = {"ok": True, "result": result, "line": self.settings.line, "config": self._config}
        return answer | {"changes": [told(one) for one in changes[:MOST_TOLD]], "n_changes": len(changes)}

    def _enter(self, event: str, **fields: Any) -> None:
        try:
            self._audit.append(event, **fields)
        except ProcessError as error:
            self._tell("audit_not_written", "error", f"{event}: {error}")


def _stamp(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
