"""`watch`: look over the shoulder of a running line."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_inspector.cli.options import key_option
from edge_inspector.core.errors import UsageError

if TYPE_CHECKING:
    from edge_inspector.cli.board import Board
    from edge_inspector.client.subscriber import Subscriber

_SIGNALS = "tcp://127.0.0.1:5560"
_ADDRESS = re.compile(r"tcp://[^\s:]\S*:(?P<port>[0-9]{1,5})|ipc://\S{1,107}")
"""What ZeroMQ can connect to; the path of a Unix socket has at most 107 bytes."""


@click.command()
@click.option("--config", "-c", type=click.Path(path_type=Path), metavar="FILE", help="Take line and address from it.")
@click.option("--connect", metavar="ENDPOINT", help=f"Signals endpoint of the line.  [default: {_SIGNALS}]")
@key_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message, for a program.")
def watch(config: Path | None, connect: str | None, key: Path | None, as_json: bool) -> None:
    """Show verdicts and heartbeats of a running line until Ctrl-C. It only listens: the line does not notice."""
    from rich.console import Console

    from edge_inspector.app.own_key import own_keys
    from edge_inspector.cli.board import Board
    from edge_inspector.client.subscriber import Subscriber
    from edge_inspector.client.wire import WireError

    line = settings = None
    if config is not None:
        from edge_inspector.settings.endpoint import address_here
        from edge_inspector.settings.load import load_line

        settings = load_line(config)
        line, connect = settings.line, connect or address_here(settings.endpoints.signals)
    endpoint = connect or _SIGNALS
    if not _is_address(endpoint):
        raise UsageError(f"{endpoint} is no address; write --connect like {_SIGNALS}, or ipc:///run/line.ipc")
    refusals: deque[str] = deque(maxlen=1)
    board = Board(Console(), f"{line or 'any line'} at {endpoint}", total=None)
    keys = own_keys(key, settings)
    try:
        # Without a service address the one thing that it notices is a refusal; the newest counts.
        with Subscriber(line, [endpoint], keys=keys, on_notice=lambda one: refusals.append(one.detail)) as subscriber:
            if as_json:
                _print_all(subscriber, refusals)
            with board.shown():
                _show(subscriber, board, refusals)
    except WireError as error:
        raise UsageError(f"{endpoint} is not the signals endpoint of a line: {error}; check the address") from error
    except KeyboardInterrupt:
        click.echo(err=as_json)


def _is_address(endpoint: str) -> bool:
    match = _ADDRESS.fullmatch(endpoint)
    return match is not None and (match["port"] is None or 1 <= int(match["port"]) <= 65535)


def _print_all(subscriber: Subscriber, refusals: deque[str]) -> None:
    told: str | None = None
    while True:
        message = subscriber.receive(timeout_s=0.5)
        if message is not None:
            click.echo(json.dumps({"kind": message.kind, "flags": int(message.header.flags), **message.body}))
        elif refusals and refusals[-1] != told:
            told = refusals[-1]
            click.echo(f"{click.style('refused:', fg='red')} {told}", err=True)


def _show(subscriber: Subscriber, board: Board, refusals: deque[str]) -> None:
    from edge_inspector.client.wire import Flag

    heard_s = time.monotonic()
    while True:
        message = subscriber.receive(timeout_s=0.5)
        now_s = time.monotonic()
        if message is None:
            if refusals:
                board.refused(refusals[-1])
            elif now_s - heard_s > 1.0:
                board.silent(now_s - heard_s)
            continue
        heard_s = now_s
        refusals.clear()
        flags = message.header.flags
        if message.kind == "verdict":
            board.part(message.body, is_drill=Flag.DRILL in flags)
        elif message.kind == "hb":
            board.status(message.body, is_bypass=Flag.BYPASS in flags, is_drill=Flag.DRILL in flags)
