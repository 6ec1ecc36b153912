"""A configuration file read into plain values, each with its line. What YAML can do beyond that is refused."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import Mistake, SettingsError
from edge_inspector.settings.compose import Composer
from edge_inspector.settings.lines import LineMap

MAX_BYTES = 64 * 1024
"""A configuration is 2 to 5 KB. PyYAML reads some 100 KB a second, so this also bounds the time to refuse one."""


_NO_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what YAML excludes


@dataclass(frozen=True, slots=True)
class Document:
    """What stands in a file."""

    data: Any
    """Plain values: dict, list, str, bool, int, float, None. What was refused is left out."""
    lines: LineMap
    mistakes: list[tuple[tuple[str | int, ...], Mistake]]
    """What the file may not use (doubled keys, anchors, tags), with its path; the rest was read nevertheless."""


def read_yaml(path: Path) -> tuple[Any, LineMap]:
    """Return the values of a file and the line of each.

    Raises:
        SettingsError: The file cannot be read, is not YAML, or uses what a configuration may not use.
    """
    document = read_document(path)
    if document.mistakes:
        raise SettingsError([mistake for _, mistake in document.mistakes])
    return document.data, document.lines


def read_document(path: Path) -> Document:
    """Return what can be read of a file, with the mistakes met on the way.

    Raises:
        SettingsError: Nothing can be read: no such file, too large, not text, not YAML.
    """
    return document_of(str(path), read_bytes(path))


def document_of(file: str, raw: bytes) -> Document:
    """Return what can be read of a file's content, with the mistakes met on the way; raises SettingsError.

    Args:
        file: Its path as the person gave it, for messages.
        raw: The content.
    """
    composer = Composer(file, _decode(file, raw))
    return Document(composer.compose(), composer.lines, composer.mistakes)


def read_bytes(path: Path) -> bytes:
    """Return the content of a configuration file; raises SettingsError."""
    file = str(path)
    try:
        # O_NONBLOCK: opening a named pipe would otherwise wait for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _refused(file, _why_not_opened(error)) from error
    try:
        facts = os.fstat(handle)
        if stat.S_ISDIR(facts.st_mode):
            raise _refused(file, "is a folder, not a configuration file")
        if not stat.S_ISREG(facts.st_mode):
            raise _refused(file, "is a pipe, socket or device, not a configuration file")
        if facts.st_size > MAX_BYTES:
            what = f"has {facts.st_size} bytes, a configuration at most {MAX_BYTES}; is it another file?"
            raise _refused(file, what)
        return os.read(handle, MAX_BYTES)
    except OSError as error:
        raise _refused(file, _why_not_opened(error)) from error
    finally:
        os.close(handle)


def _why_not_opened(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the path after --config"
    if isinstance(error, PermissionError):
        return "may not be read by this user; check its permissions"
    return f"cannot be read: {error.strerror or error if isinstance(error, OSError) else error}"


def _decode(file: str, raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(file, "is UTF-16 text; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")  # editors on Windows put a mark in front
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8 text; save the file as UTF-8"
        raise SettingsError([Mistake(file, line, "", what)]) from error
    if found := _NO_TEXT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        what = f"holds the character U+{ord(found[0]):04X}, which no text has; is it a configuration file?"
        raise SettingsError([Mistake(file, line, "", what)])
    return text


def _refused(file: str, what: str) -> SettingsError:
    return SettingsError([Mistake(file, None, "", what)])
