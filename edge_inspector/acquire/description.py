"""What is wrong with the description (GenICam XML) of a camera or of a producer's own modules, in words.

Harvesters writes the reason to its log and goes on without a description; what is raised then speaks of a feature.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from genicam import genapi

LOGGER = "harvesters.core"
DESCRIPTION_ERRORS = (genapi.GenericException, NotImplementedError, AssertionError, OSError)
"""What Harvesters raises where a description is missing or broken; AssertionError for an empty one, NotImplementedError
for one on a server, OSError where it cannot be put into the folder for temporary files."""
_PARSED = re.compile(
    r"Error (?:while parsing|in) XML stream(?: at line (\d+) and column (\d+))? : (.*?) : \w+Exception"
)


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Yield a list that fills with what Harvesters warns of meanwhile; it goes nowhere else."""
    heard: list[str] = []
    logger = logging.getLogger(LOGGER)
    before = logger.level, logger.propagate, logger.handlers
    logger.handlers = [_Ear(heard)]  # its own write tracebacks to stderr
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.setLevel(before[0])
        _, logger.propagate, logger.handlers = before


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


def why_no_description(error: Exception, heard: Sequence[str]) -> str | None:
    """Return what is wrong with a description, None when the error is about something else.

    Args:
        error: One of `DESCRIPTION_ERRORS`.
        heard: What Harvesters warned of before.
    """
    for text in heard:
        if found := _PARSED.search(text):
            line, column, what = found.groups()
            place = f" at line {line}, column {column}" if line else ""
            what = re.sub(r"^'(.*)'$", r"\1", what)
            return f"cannot be read: {what}{place}"
    if isinstance(error, AssertionError):
        return "is empty"
    if isinstance(error, NotImplementedError):
        url = re.search(r"https?:[^\s]+?(?=:? )", str(error))
        return f"lies at {url[0] if url else 'a server'}, and nothing is fetched from outside"
    if isinstance(error, OSError):
        return f"cannot be kept in the folder for temporary files ({error.strerror or error})"
    return "is missing" if "reference not valid" in str(error) else None
