"""Who may connect to encrypted endpoints: one text file, one key a line, replaced as a whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edge_inspector.client.key_file import NAME, is_key
from edge_inspector.core.errors import KeysError
from edge_inspector.signal.keys import SERVER
from edge_inspector.signal.whole_file import PRIVATE, replace_file

LIST = "authorized"
"""Name of the file in the folder of the keys."""
MOST_KEYS = 1000
_MOST_BYTES = 100 * MOST_KEYS
_HEAD = """\
# Who may connect: name, role (read or gate), public key. Written by `edge-inspector keys`; a running line follows it.
"""


class Role(StrEnum):
    """What the owner of a key may do."""

    READ = "read"
    """Hear everything, ask everything."""
    GATE = "gate"
    """Also acknowledge, and report what became of parts."""


@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """One line of the list."""

    name: str
    role: Role
    public: str
    """40 characters of Z85."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one version of a file from another."""

    inode: int
    changed_ns: int
    n_bytes: int


def stamp_of(path: Path) -> Stamp | None:
    """Return the present version of a file; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Stamp(status.st_ino, status.st_ctime_ns, status.st_size)


def read_authorized(path: Path) -> tuple[AuthorizedKey, ...]:
    """Return the list, in its order.

    Raises:
        KeysError: It cannot be read, somebody else may write it, or a line means nothing.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise KeysError(
            f"the list of authorised keys, {path}, cannot be read: {error.strerror}; write it with "
            f"`edge-inspector keys authorize`, or see to its owner"
        ) from error
    if fault := _writer_fault(status, path):
        raise KeysError(fault)
    if len(data) > _MOST_BYTES:
        raise KeysError(f"{path} has over {_MOST_BYTES} bytes, more than {MOST_KEYS} keys need; it is no such list")
    return _parsed(data.decode("ascii", "replace"), path)


def write_authorized(path: Path, keys: Iterable[AuthorizedKey]) -> None:
    """Replace the list.

    Raises:
        KeysError: It cannot be written.
    """
    replace_file(path, _HEAD + "".join(f"{key.name} {key.role} {key.public}\n" for key in keys), PRIVATE)


def _writer_fault(status: os.stat_result, path: Path) -> str | None:
    me = os.geteuid()
    if me != 0 and status.st_uid not in (me, 0):
        return f"{path} belongs to user {status.st_uid}, who could let anybody in; mend it: sudo chown {me} {path}"
    if stat.S_IMODE(status.st_mode) & 0o022:
        mode = stat.S_IMODE(status.st_mode)
        return f"{path} may be written by others (mode {mode:04o}), who could let anybody in; mend it: chmod 600 {path}"
    return None


def _parsed(text: str, path: Path) -> tuple[AuthorizedKey, ...]:
    found: list[AuthorizedKey] = []
    names: set[str] = set()
    keys: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if fault := _line_fault(words, names, keys):
            raise KeysError(f"{path}:{number}: {fault}; mend that line, or authorise the keys again")
        names.add(words[0])
        keys.add(words[2])
        found.append(AuthorizedKey(words[0], Role(words[1]), words[2]))
    return tuple(found)


def _line_fault(words: list[str], names: set[str], keys: set[str]) -> str | None:
    if len(words) != 3:
        return f"a line is name, role and key, this has {len(words)} words"
    name, role, key = words
    if not NAME.fullmatch(name) or name == SERVER:
        return "a name is 1 to 32 of a-z, 0-9 and -, and not `server`"
    if role not in tuple(Role):
        return f"{role[:20]!r} is no role; there are read and gate"
    if not is_key(key):
        return "the key is damaged"
    if name in names or key in keys:
        return f"{name} or its key stands twice"
    return None
