"""Key files: what a client needs to speak with a line whose addresses are encrypted. Standard library alone.

The format stands in docs/reference/keys.md.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

MOST_BYTES = 4096
"""A key file has about 400."""
NAME = re.compile(r"[a-z0-9-]{1,32}")
_ENTRY = re.compile(r'(name|public-key|secret-key|server-key)\s*=\s*"([^"]*)"')
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_KEY_CHARS = 40
"""A key of 32 bytes in Z85 (rfc.zeromq.org/spec/32)."""


class KeyFileError(ValueError):
    """Raised when a key file cannot be used; says which file, why, and what mends it. Never holds a secret."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What one key file holds. Keys are 40 characters of Z85, as ZeroMQ's options take them."""

    name: str
    public: bytes
    secret: bytes | None = field(repr=False)
    """None in a file that holds the public key alone."""
    server: bytes | None
    """Public key of the line; None where the file does not say it."""


def read_key_file(path: Path | str) -> KeyFile:
    """Return what a key file holds.

    Raises:
        KeyFileError: It cannot be read, is no key file, or holds a secret that others may read too.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path} is no file; name the key file")
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror or error}; see to that path") from error
    key = parse_key_file(data, str(path))
    if key.secret is not None and not _is_credential(path) and (fault := privacy_fault(status, str(path))):
        raise KeyFileError(fault)
    return key


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a fifo must not make it wait


def parse_key_file(data: bytes, source: str) -> KeyFile:
    """Return what the bytes of a key file mean.

    Args:
        data: The file.
        source: What to call it in an error.

    Raises:
        KeyFileError: They are no key file.
    """
    text = data.decode("ascii", "replace") if len(data) <= MOST_BYTES else ""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if entry := _ENTRY.fullmatch(line.strip()):
            found.setdefault(entry[1], entry[2])
    if "name" not in found or "public-key" not in found:
        raise KeyFileError(f"{source} is no key file: name and public-key are missing; make one with `keys new`")
    if not NAME.fullmatch(found["name"]):
        raise KeyFileError(f"{source}: a name is 1 to 32 of a-z, 0-9 and -; make the file again with `keys new`")
    for entry_name in ("public-key", "secret-key", "server-key"):
        if entry_name in found and not is_key(found[entry_name]):
            raise KeyFileError(f"{source}: its {entry_name} is damaged; copy the file again, or make a new key")
    keys = {name: value.encode() for name, value in found.items()}
    return KeyFile(found["name"], keys["public-key"], keys.get("secret-key"), keys.get("server-key"))


def _is_credential(path: Path | str) -> bool:
    """Whether the service manager gave this file: then it looks as if its group could read it, and nobody else can."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return folder is not None and Path(path).parent == Path(folder)


def is_key(text: str) -> bool:
    """Return whether a text is a key: 40 characters of Z85, each five of them a number of 32 bits."""
    if len(text) != _KEY_CHARS or not set(text) <= set(_Z85):
        return False
    digits = [_Z85.index(sign) for sign in text]
    groups = [digits[at : at + 5] for at in range(0, _KEY_CHARS, 5)]
    return all(sum(digit * 85 ** (4 - place) for place, digit in enumerate(group)) < 2**32 for group in groups)


def privacy_fault(status: os.stat_result, source: str) -> str | None:
    """Return who else could read a secret, with the command that mends it; None when nobody can.

    A file of another user is refused, since he has read it. Root may read everybody's.
    """
    me = os.geteuid()
    if me != 0 and status.st_uid not in (me, 0):
        return f"{source} belongs to user {status.st_uid}, who knows this secret; mend it: sudo chown {me} {source}"
    if stat.S_IMODE(status.st_mode) & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        return f"{source} is a secret that others may use (mode {mode:04o}); mend it: chmod 600 {source}"
    return None
