"""Where log lines go and how they look: one line per event, to standard error or, with fields, to systemd's journal."""

from __future__ import annotations

import json
import logging
import re
import select
import sys
import time
from collections.abc import Callable, Mapping
from typing import Literal, TextIO

from edge_inspector.observe.journald import Journal, is_journal

Level = Literal["debug", "info", "warning", "error"]
REPEATS = 5  # of one warning that are written per window: enough to see that it repeats
WINDOW_S = 10.0
MAX_EVENTS = 256  # different warnings remembered; a program has fewer

MAX_BYTES = 4096  # of one line: a pipe that takes anything takes so many at once (PIPE_BUF)

ASKED_FOR = {"part_id": "PART", "seq": "SEQ", "camera": "CAMERA"}
"""Fields of an event that are fields of the journal's entry too: `journalctl LINE=press-3 PART=4711`."""
_SEVERITIES = ((logging.ERROR, "3"), (logging.WARNING, "4"), (logging.INFO, "6"), (0, "7"))  # as syslog(3) counts

_BARE = re.compile(r"[\w.,:/@+%#*()\[\]-]+")
_EVENT = re.compile(r"[a-z][a-z0-9_]*")


def configure_logging(level: Level, line: str, process: str) -> None:
    """Send every log line of this process to the journal, where standard error leads there, else to standard error.

    Call it once, first thing in the process.

    Args:
        level: Least severity that is written.
        line: Name of the line, at the end of every log line; empty for none.
        process: `main`, `inspect`, `camera`: who says it.
    """
    handler: logging.Handler
    if is_journal(sys.stderr):
        handler = JournalHandler(Journal(), line, process)
    else:
        handler = HastyHandler(sys.stderr)
        handler.setFormatter(EventFormatter(line, process))
    handler.addFilter(RepeatLimit())
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
        if isinstance(former, JournalHandler):
            former.close()
    root.addHandler(handler)
    set_level(level)


def set_level(level: Level) -> None:
    """Write from here on what is at least so severe. Any thread."""
    logging.getLogger().setLevel(level.upper())


def level_number(level: Level) -> int:
    """Return a level as `logging` counts it, for the shared memory; 0 is none."""
    return logging.getLevelNamesMapping()[level.upper()]


class LevelFollower:
    """Sets this process's level to what another process wrote."""

    def __init__(self, read: Callable[[], int]) -> None:
        """Prepare; `read` returns the level's number, 0 for what the process was started with."""
        self._read, self._now = read, 0

    def look(self) -> None:
        """Look once; costs nothing while it is the same."""
        number = self._read()
        if number != self._now:
            self._now = number
            logging.getLogger().setLevel(number)


class HastyHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream but never waits for its reader: a full pipe or a stopped terminal (Ctrl-S) loses lines.

    The next line that is written says how many were `lost`. Between the look and the write another process may
    fill the same pipe; a wait that comes of it lasts for one line.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lost = 0
        self._poll: select.poll | None = None
        try:
            fd = stream.fileno()
        except (OSError, ValueError):  # closed, or no file at all
            return
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it as lost."""
        if self._poll is not None and not self._poll.poll(0):
            self._lost += 1
            return
        if self._lost:
            _add_field(record, "lost", self._lost)
            self._lost = 0
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, cut to what a pipe takes at once."""
        return _cut(super().format(record))


class JournalHandler(logging.Handler):
    """Sends to the journal but never waits for it; lines that it does not take are counted like those of a pipe.

    Its fields besides MESSAGE, the line as a terminal shows it, less time and severity: what people ask for.
    """

    def __init__(self, journal: Journal, line: str, process: str) -> None:
        super().__init__()
        self._journal, self._lost = journal, 0
        self._fixed = {"SYSLOG_IDENTIFIER": "edge-inspector", "PROCESS": process} | ({"LINE": line} if line else {})
        self.setFormatter(EventFormatter("", process, is_timed=False))

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record, or count it as lost. Called under the handler's lock."""
        if self._lost:
            _add_field(record, "lost", self._lost)
        event, given = _event_and_fields(record)
        asked = {name: str(given[key]) for key, name in ASKED_FOR.items() if given.get(key) is not None}
        severity = next(number for level, number in _SEVERITIES if record.levelno >= level)
        fields = {"MESSAGE": _cut(self.format(record)), "PRIORITY": severity, "EVENT": event}
        is_taken = self._journal.send(fields | self._fixed | {name: _cut(value) for name, value in asked.items()})
        self._lost = 0 if is_taken else self._lost + 1

    def close(self) -> None:
        """Let go of the socket."""
        self._journal.close()
        super().close()


class EventFormatter(logging.Formatter):
    """`2026-11-22T09:24:28.123Z INFO main camera_connected serial=A12 line=line1`, always on one line.

    A message of a library, which is no event, becomes `log message="…" logger=…`; an exception becomes
    `error="…" trace="…"` with its line ends written as \\n.
    """

    def __init__(self, line: str, process: str, is_timed: bool = True) -> None:
        """Prepare; `is_timed`: with moment and severity, which the journal has by itself."""
        super().__init__()
        self._line, self._process, self._is_timed = line, process, is_timed

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record, without a line end."""
        event, fields = _event_and_fields(record)
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["error"] = f"{type(error).__name__}: {error}"
            fields["trace"] = self.formatException(record.exc_info)
        if self._line:
            fields.setdefault("line", self._line)
        words = [self._process, event]
        if self._is_timed:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            words = [f"{moment}.{int(record.msecs):03d}Z", record.levelname, *words]
        words += [f"{key}={_quoted(value)}" for key, value in fields.items()]
        return " ".join(words)


class RepeatLimit(logging.Filter):
    """Lets a warning or error through five times in ten seconds; then the next one says how many were `suppressed`.

    A fault that comes with every frame must not fill the disk or slow the line. Counted by module and event.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}  # begin, count

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written. Called under the handler's lock or not: a miscount does no harm."""
        if record.levelno < logging.WARNING:
            return True
        key, now = (record.name, str(getattr(record, "event", record.msg))), self._clock()
        begin, count = self._windows.get(key, (now, 0))
        if now - begin >= WINDOW_S:
            suppressed = count - REPEATS
            begin, count = now, 0
            if suppressed > 0:
                _add_field(record, "suppressed", suppressed)
        if key not in self._windows and len(self._windows) >= MAX_EVENTS:
            self._windows.pop(next(iter(self._windows)))
        self._windows[key] = (begin, count + 1)
        return count < REPEATS


def _event_and_fields(record: logging.LogRecord) -> tuple[str, dict[str, object]]:
    given = getattr(record, "fields", {})
    fields = dict(given) if isinstance(given, Mapping) else {}
    message = record.getMessage()
    if _EVENT.fullmatch(message):
        return message, fields
    return "log", {"message": message, "logger": record.name, **fields}


def _add_field(record: logging.LogRecord, name: str, value: object) -> None:
    record.fields = {**getattr(record, "fields", {}), name: value}


def _cut(line: str) -> str:
    data = line.encode(errors="replace")
    return line if len(data) < MAX_BYTES else data[: MAX_BYTES - 4].decode(errors="ignore") + "…"


def _quoted(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    # JSON's quoting also turns line ends and control characters into escapes, so no value can forge a line.
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
