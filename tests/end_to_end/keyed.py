"""A line with keys: what a person does at the command line to get one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from daemon import PROGRAM, Line

from edge_inspector.client.keys import ClientKeys


def keys_verb(line: Line, *arguments: str) -> None:
    """Run `edge-inspector keys …` on the line's folder of keys."""
    command = [sys.executable, *PROGRAM, "keys", *arguments, "--keys", str(line.folder / "keys")]
    subprocess.run(command, check=True, capture_output=True, timeout=30, stdin=subprocess.DEVNULL)


def key_file(line: Line, name: str, role: str | None) -> Path:
    """Make a client's key, let it in unless the role is None, and return its file."""
    keys_verb(line, "new", name)
    if role is not None:
        keys_verb(line, "authorize", name, "--role", role)
    return line.folder / "keys" / f"{name}.key"


def key_of(line: Line, name: str, role: str | None) -> ClientKeys:
    """Return the keys of a new client."""
    return ClientKeys.load(key_file(line, name, role))


def encrypt(line: Line) -> None:
    """Give a line that does not run yet its key, and open it to the network; the server's key must not exist yet."""
    keys_verb(line, "new", "server")
    config = yaml.safe_load(line.config.read_text())
    everywhere = {name: end.replace("127.0.0.1", "*") for name, end in line.endpoints.items()}
    config["endpoints"] = everywhere | {"curve": {"keys": "keys"}}
    line.config.write_text(yaml.safe_dump(config))
