"""Key files of encrypted endpoints: made by a person at the command line, read once when a line starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_inspector.client.key_file import KeyFile, KeyFileError, parse_key_file, read_key_file
from edge_inspector.core.errors import KeysError, UsageError
from edge_inspector.signal.whole_file import PRIVATE, PUBLIC, make_file

SERVER = "server"
"""Name of the line's own key; no consumer has it."""
CREDENTIAL = "curve-secret"
"""Name of the systemd credential (`LoadCredential=`) that may hold the line's key."""
_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class ServerKey:
    """The key of a line: 40 characters of Z85 each."""

    public: bytes
    secret: bytes = field(repr=False)


def make_key(folder: Path, name: str, server: bytes | None) -> tuple[Path, Path]:
    """Make a key of one name: `NAME.key` with the secret for its owner alone, `NAME.pub` for everybody.

    Not in a daemon: making keys beside open sockets has ended processes (libzmq issues 4241, 4242).

    Args:
        folder: Made, for its owner alone, when it is not there.
        name: Of a consumer, or `server`.
        server: Public key of the line, for a consumer; None for the line itself.

    Raises:
        UsageError: There is such a key already.
        KeysError: The folder does not take it.
    """
    import zmq

    _make_folder(folder)
    secret_file, public_file = folder / f"{name}.key", folder / f"{name}.pub"
    for path in (secret_file, public_file):
        if os.path.lexists(path):
            raise _is_there(path)
    public, secret = zmq.curve_keypair()
    try:
        make_file(secret_file, _key_text(name, public, secret, server), PRIVATE)
        make_file(public_file, _key_text(name, public, None, None), PUBLIC)
    except FileExistsError as error:
        raise _is_there(Path(error.filename2 or secret_file)) from error
    return secret_file, public_file


def read_key(path: Path) -> KeyFile:
    """Return a key file that somebody handed over.

    Raises:
        KeysError: It cannot be read or is no key file.
    """
    try:
        return read_key_file(path)
    except KeyFileError as error:
        raise KeysError(str(error)) from error


def server_key_of(folder: Path, is_credential: bool, environment: Mapping[str, str]) -> ServerKey:
    """Return the key of the line, and prove that its two halves belong together.

    Args:
        folder: Holds `server.key`.
        is_credential: It is a credential of the service manager instead, and no file.
        environment: Names the folder of credentials.

    Raises:
        KeysError: It is missing, damaged, or others could read it; says what mends it.
    """
    import zmq

    key = _from_credential(environment) if is_credential else _from_folder(folder)
    if key.secret is None:
        raise KeysError(
            f"{folder / 'server.pub'} is public; the line needs server.key: `edge-inspector keys new server`"
        )
    if key.name != SERVER:
        raise KeysError(
            f"the line's key is that of consumer {key.name}; make one with `edge-inspector keys new server`"
        )
    if zmq.curve_public(key.secret) != key.public:
        raise KeysError("public and secret key of the line do not belong together; make it again: `keys new server`")
    return ServerKey(key.public, key.secret)


def _from_folder(folder: Path) -> KeyFile:
    path = folder / f"{SERVER}.key"
    if not path.exists():
        raise KeysError(f"there is no key {path}; make it: edge-inspector keys new server --keys {folder}")
    return read_key(path)


def _from_credential(environment: Mapping[str, str]) -> KeyFile:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        raise KeysError(
            "endpoints.curve.server_key is credential, and no service manager gave one ($CREDENTIALS_DIRECTORY is not "
            f"set); add LoadCredential={CREDENTIAL}:/path/of/server.key to the unit"
        )
    path = Path(folder) / CREDENTIAL
    try:
        # Its mode is the service manager's business: with access lists a mode of 0440 is for one user alone.
        return parse_key_file(path.read_bytes(), str(path))
    except OSError as error:
        raise KeysError(
            f"credential {path} cannot be read: {error.strerror}; add LoadCredential={CREDENTIAL}:/path/of/server.key "
            "to the unit"
        ) from error
    except KeyFileError as error:
        raise KeysError(str(error)) from error


def _key_text(name: str, public: bytes, secret: bytes | None, server: bytes | None) -> str:
    whose = "the line" if name == SERVER else name
    what = f"SECRET: who has this file speaks as {whose}." if secret else f"Public key of {whose}: hand it on."
    lines = [f"# edge-inspector key. {what}", "metadata", f'    name = "{name}"']
    if server is not None:
        lines.append(f'    server-key = "{server.decode()}"')
    lines += ["curve", f'    public-key = "{public.decode()}"']
    if secret is not None:
        lines.append(f'    secret-key = "{secret.decode()}"')
    return "\n".join(lines) + "\n"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=_FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise KeysError(f"{folder} is no folder; name one for the keys") from None
    except OSError as error:
        raise KeysError(f"folder {folder} cannot be made: {error.strerror}; see to that path") from error


def _is_there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already; a new key makes it worthless, so remove it first")
