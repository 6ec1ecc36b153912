"""Changing single values of a configuration file: every other byte, and so every comment, stays as it is."""

from __future__ import annotations

import difflib
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge_inspector.core.errors import Mistake, SettingsError
from edge_inspector.settings.lines import KeyPath
from edge_inspector.settings.load import check_document
from edge_inspector.settings.read import Document, document_of, read_bytes

BOM = b"\xef\xbb\xbf"
BEFORE = ".before"
"""Added to the file's name: what it was before the newest edit."""
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line of YAML, and so a comment."""
_WORD = re.compile("[a-z][a-z0-9_]*")
"""Values that need no quotes whatever stands around them."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A file as it is to be; nothing is written yet."""

    path: Path
    """As the person gave it."""
    before: bytes
    after: bytes

    @property
    def diff(self) -> list[str]:
        """The lines that change, each with `-` or `+` in front."""
        old, new = (raw.decode("utf-8-sig").splitlines() for raw in (self.before, self.after))
        return [line for line in difflib.ndiff(old, new) if line.startswith(("- ", "+ "))]

    def write(self) -> Path | None:
        """Put it in the file's place, whole or not at all, with the owner and mode that the file has.

        Returns:
            Where the former file is kept; None when nothing changes, so nothing was written.

        Raises:
            SettingsError: The file was changed meanwhile, or this user may not write it.
        """
        if self.before == self.after:
            return None
        real = Path(os.path.realpath(self.path))  # a link stays a link
        kept = real.with_name(real.name + BEFORE)
        try:
            if read_bytes(real) != self.before:
                raise _refused(self.path, "was changed by somebody else meanwhile; look at it, then try again")
            _replace(kept, self.before, like=real)
            _replace(real, self.after, like=real)
        except OSError as error:
            what = f"cannot be written: {error.strerror}; ask as the user whom it belongs to, or as root"
            raise _refused(self.path, what) from error
        return kept


def edit_line(path: Path, values: Mapping[KeyPath, str]) -> Edit:
    """Return a configuration with some values set; nothing is written.

    Args:
        path: Of the configuration.
        values: By key, words of lower-case letters and digits. A block that holds the key must be there.

    Raises:
        SettingsError: The file is wrong, would be wrong with the values, or is written so that single values cannot be
            set without touching others.
    """
    before = read_bytes(path)
    check_document(document_of(str(path), before), path)
    mark = BOM if before.startswith(BOM) else b""
    text = before.removeprefix(BOM).decode("utf-8")
    for place, word in values.items():
        text = _with_value(path, text, place, word)
    after = mark + text.encode("utf-8")
    check_document(_proven(path, document_of(str(path), before), after, values), path)
    return Edit(path, before, after)


def _proven(path: Path, before: Document, after: bytes, values: Mapping[KeyPath, str]) -> Document:
    """Return what the edited file says, if that is what it said before, and the values; else raise."""
    why = _refused(path, "is written in a way that is not edited here; set the values by hand")
    try:
        edited = document_of(str(path), after)
    except SettingsError as error:
        raise why from error
    if edited.mistakes or edited.data != _wanted(before, values):
        raise why
    return edited


def _wanted(document: Document, values: Mapping[KeyPath, str]) -> Any:
    """Return the document's values with others in their places, made anew."""

    def remade(value: Any, place: KeyPath) -> Any:
        if isinstance(value, list):
            return [remade(item, (*place, at)) for at, item in enumerate(value)]
        if not isinstance(value, dict):
            return values.get(place, value)
        added = {path[-1]: word for path, word in values.items() if path[:-1] == place}
        return {key: remade(item, (*place, key)) for key, item in value.items()} | added

    return remade(document.data, ())


def _with_value(path: Path, text: str, place: KeyPath, word: str) -> str:
    if not _WORD.fullmatch(word):
        raise ValueError(f"a value is a word of lower-case letters and digits, not {word!r}")
    block = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in place[:-1]:
        block = _below(block, part)
    if not isinstance(block, yaml.MappingNode) or not block.value:
        raise _refused(path, f"has no block `{'.'.join(map(str, place[:-1]))}`; set {place[-1]}: {word} by hand")
    for key, value in block.value:
        if key.value == place[-1]:
            return _replaced(path, text, value, word)
    return _inserted(path, text, block, f"{place[-1]}: {word}")


def _below(block: Any, part: str | int) -> Any:
    if isinstance(block, yaml.SequenceNode) and isinstance(part, int):
        return block.value[part] if part < len(block.value) else None
    pairs = block.value if isinstance(block, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == part), None)


def _replaced(path: Path, text: str, value: Any, word: str) -> str:
    first, end = value.start_mark.index, value.end_mark.index
    if not isinstance(value, yaml.ScalarNode) or value.style in ("|", ">") or first == end:
        raise _refused(path, f"is no single word; write {word} there by hand", value.start_mark.line + 1)
    return text[:first] + word + text[end:]


def _inserted(path: Path, text: str, block: yaml.MappingNode, line: str) -> str:
    """Put a key behind the block's first plain one: comments in front of a key stay in front of it."""
    if block.flow_style:
        end = block.value[0][1].end_mark.index
        return f"{text[:end]}, {line}{text[end:]}"
    for key, value in block.value:
        if isinstance(value, yaml.ScalarNode) and value.style not in ("|", ">"):
            ending = _BREAK.search(text, value.end_mark.index)
            at = ending.start() if ending else len(text)
            return f"{text[:at]}{ending[0] if ending else chr(10)}{' ' * key.start_mark.column}{line}{text[at:]}"
    raise _refused(path, f"this block has no plain value; write `{line}` into it by hand", block.start_mark.line + 1)


def _replace(path: Path, content: bytes, like: Path) -> None:
    facts = like.stat()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            if (facts.st_uid, facts.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(fd, facts.st_uid, facts.st_gid)
            os.fchmod(fd, facts.st_mode & 0o7777)
            file.write(content)
            file.flush()
            os.fsync(fd)
        os.replace(draft, path)
    finally:
        with suppress(OSError):
            os.unlink(draft)
    folder_fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)


def _refused(path: Path, what: str, line: int | None = None) -> SettingsError:
    return SettingsError([Mistake(str(path), line, "", what)])
