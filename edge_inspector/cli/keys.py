"""`keys new|authorize|list|revoke`: who may connect to a line whose endpoints are encrypted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_inspector.core.errors import KeysError, UsageError

if TYPE_CHECKING:
    from edge_inspector.signal.authorized import AuthorizedKey

keys_option = click.option(
    "--keys",
    "-k",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the keys: `endpoints.curve.keys` of the configuration.",
)


@click.group()
def keys() -> None:
    """Keys for encrypted endpoints: make one for each client, and say who may connect.

    Files with secrets are for their owner alone (0600); as root they are given to the owner of the folder. A running
    line follows the list within a second. Exit codes: 64 refused, 78 a file is missing, damaged or open to others.
    """


@keys.command()
@click.argument("name")
@keys_option
@click.option(
    "--server",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Public key of the line, for a client's key made elsewhere.  [default: server.pub in the folder]",
)
def new(name: str, folder: Path, server: Path | None) -> None:
    """Make a key. NAME is a client's name (a-z, 0-9, -), or `server` for the line's own key.

    NAME.key is secret: bring it to the client, and leave no copy behind. NAME.pub may be handed on. A client may make
    its key itself, with the line's server.pub.
    """
    from edge_inspector.signal.authorized import LIST, write_authorized
    from edge_inspector.signal.keys import SERVER, make_key
    from edge_inspector.signal.whole_file import locked

    _check_name(name)
    if name == SERVER:
        if server is not None:
            raise UsageError("--server is for a client's key; this makes the line's own")
        made = make_key(folder, name, None)
        with locked(folder):
            if not (folder / LIST).exists():
                write_authorized(folder / LIST, ())
        click.echo(f"the line's own key: {made[0]} (secret, stays here)\nfor clients made elsewhere: {made[1]}")
        click.echo(f"next: edge-inspector keys new NAME --keys {folder}")
        return
    secret_file, public_file = make_key(folder, name, _line_key(server or folder / f"{SERVER}.pub"))
    click.echo(f"for the client: {secret_file} (secret: move it there, leave no copy)\nfor the line: {public_file}")
    click.echo(f"next, on the line PC: edge-inspector keys authorize {name} --role read --keys {folder}")


@keys.command()
@click.argument("name")
@keys_option
@click.option("--role", type=click.Choice(["read", "gate"]), required=True, help="gate may also acknowledge.")
@click.option(
    "--public",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Public key of the client.  [default: NAME.pub in the folder]",
)
def authorize(name: str, folder: Path, role: str, public: Path | None) -> None:
    """Let a key in. Said again for the same key, it changes the role."""
    from edge_inspector.signal.authorized import LIST, MOST_KEYS, AuthorizedKey, Role, write_authorized
    from edge_inspector.signal.keys import SERVER, read_key
    from edge_inspector.signal.whole_file import locked

    _check_name(name)
    if name == SERVER:
        raise UsageError("server is the line itself; authorise clients")
    path = public or folder / f"{name}.pub"
    key = read_key(path)
    if key.name != name:
        raise UsageError(f"{path} is the key of {key.name}: a client has the name of its key; authorise {key.name}")
    wanted = AuthorizedKey(name, Role(role), key.public.decode())
    with locked(folder):
        others = [other for other in _listed(folder) if (other.name, other.public) != (name, wanted.public)]
        for other in others:
            if name == other.name:
                raise UsageError(f"{name} is authorised with another key; revoke that one first: keys revoke {name}")
            if wanted.public == other.public:
                raise UsageError(f"this key is authorised as {other.name} already")
        if len(others) >= MOST_KEYS:
            raise UsageError(f"{MOST_KEYS} keys are authorised, more than a line serves; revoke some first")
        write_authorized(folder / LIST, (*others, wanted))
    click.echo(f"{name} may connect, role {role}; a running line knows it within a second")
    click.echo("a client that was refused before must be started again: ZeroMQ does not try a second time")


@keys.command("list")
@keys_option
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def list_keys(folder: Path, as_json: bool) -> None:
    """Show who may connect. No secret is ever shown."""
    found = _listed(folder)
    if as_json:
        click.echo(json.dumps([{"name": key.name, "role": key.role, "public_key": key.public} for key in found]))
        return
    for key in found:
        click.echo(f"{key.name:<32}  {key.role:<4}  {key.public}")
    counted = f"keys that may connect: {len(found)}"
    click.echo(counted if found else "nobody may connect: edge-inspector keys authorize NAME")


@keys.command()
@click.argument("name")
@keys_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def revoke(name: str, folder: Path, yes: bool) -> None:
    """Let a key in no longer, and drop its connections. Every client of a running line notices that."""
    from edge_inspector.signal.authorized import LIST, write_authorized
    from edge_inspector.signal.whole_file import locked

    _find(name, folder)
    click.echo(
        f"revoking {name}: within a second a running line binds signals, telemetry and service again, since ZeroMQ "
        "cannot drop one connection.\nEvery client is cut off for a moment, connects again by itself, and asks for "
        "what it missed; a gate rejects meanwhile.",
        err=True,
    )
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nothing is revoked: say --yes where nobody can be asked")
        click.confirm("revoke it?", abort=True, err=True)
    with locked(folder):
        _find(name, folder)
        write_authorized(folder / LIST, [key for key in _listed(folder) if key.name != name])
    click.echo(f"{name} is revoked")


def _check_name(name: str) -> None:
    from edge_inspector.client.key_file import NAME

    if not NAME.fullmatch(name):
        raise UsageError(f"{name[:40]!r} is no name: 1 to 32 of a-z, 0-9 and -")


def _line_key(path: Path) -> bytes:
    from edge_inspector.signal.keys import SERVER, read_key

    if not path.exists():
        raise KeysError(
            f"there is no public key of the line, {path}; on the line PC: edge-inspector keys new server, then give "
            "its server.pub here with --server"
        )
    key = read_key(path)
    if key.name != SERVER:
        raise UsageError(f"{path} is the key of {key.name}; --server takes the server.pub of the line")
    return key.public


def _listed(folder: Path) -> tuple[AuthorizedKey, ...]:
    from edge_inspector.signal.authorized import LIST, read_authorized

    path = folder / LIST
    if folder.is_dir() and not path.exists():
        return ()
    return read_authorized(path)


def _find(name: str, folder: Path) -> None:
    names = [key.name for key in _listed(folder)]
    if name not in names:
        raise UsageError(f"{name} is not authorised; these are: {', '.join(names) or 'none'}")
