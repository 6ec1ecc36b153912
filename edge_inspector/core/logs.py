"""How every room writes its log: a fixed snake_case event and key=value fields.

Nothing here decides where lines go or how they look: that is `observe.logs`, called once per process.
"""

from __future__ import annotations

import logging


class Log:
    """Writes events of one module. Any thread may call it."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: object) -> None:
        """Write what only a developer wants: anything that comes once per frame."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Write a normal change of state."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Write what a person should look at some time."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Write what a person must look at now."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """Write an error with the exception being handled and its trace; call it in an `except` block."""
        self._write(logging.ERROR, event, fields, has_trace=True)

    def _write(self, level: int, event: str, fields: dict[str, object], has_trace: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            # The event goes in as an argument so that a % sign in it is never taken for a format.
            self._logger.log(level, "%s", event, exc_info=has_trace, extra={"event": event, "fields": fields})


def get_log(name: str) -> Log:
    """Return the log of a module: `log = get_log(__name__)`."""
    return Log(logging.getLogger(name))
