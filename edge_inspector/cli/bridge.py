"""`bridge modbus`: what the line says, for a PLC that polls."""

from __future__ import annotations

import ipaddress
import re
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from edge_inspector.cli.options import key_option
from edge_inspector.core.errors import UsageError

if TYPE_CHECKING:
    from edge_inspector.bridge.run import BridgePlan
    from edge_inspector.client.notice import Notice

_SIGNALS, _SERVICE = "tcp://127.0.0.1:5560", "tcp://127.0.0.1:5562"
_LISTEN = "127.0.0.1:1502"
_LINE = re.compile(r"[a-z0-9-]{1,32}")


@click.group()
def bridge() -> None:
    """Speak to machines that do not know ZeroMQ."""


@bridge.command()
@click.option(
    "--config", "-c", type=click.Path(path_type=Path), metavar="FILE", help="Take line and addresses from it."
)
@click.option("--line", metavar="NAME", help="Name of the line, without --config.")
@click.option("--connect", metavar="ENDPOINT", help=f"Signals endpoint of the line.  [default: {_SIGNALS}]")
@click.option("--service", metavar="ENDPOINT", help=f"Service endpoint of the line.  [default: {_SERVICE}]")
@click.option("--listen", default=_LISTEN, show_default=True, metavar="ADDRESS:PORT", help="Where the PLC polls.")
@click.option(
    "--queue", type=click.IntRange(1, 64), default=8, show_default=True, help="Results that wait for the PLC."
)
@click.option(
    "--margin-ms",
    type=click.FloatRange(0, 1000),
    default=20.0,
    show_default=True,
    help="From here to the PLC's output.",
)
@click.option(
    "--window-ms", type=click.FloatRange(1, 1000), default=10.0, show_default=True,
    help="A verdict held up for longer is shown as UNKNOWN: under half of the shortest time between two parts.",
)  # fmt: skip
@click.option("--consumer", metavar="NAME", help="Name of this client.  [default: the key's name, or modbus]")
@key_option
@click.option("--rehearsal", is_flag=True, help="Show PASS of a simulated camera as PASS. Never on a line.")
@click.option("--bypass", is_flag=True, help="Show PASS during a bypass as PASS.")
def modbus(**options: object) -> None:
    """Serve the line's results as Modbus TCP registers until Ctrl-C or SIGTERM.

    Any fault of the line shows ResultCode 255 and Fault; the registers are in docs/reference/modbus.md.
    """
    import asyncio

    try:
        from edge_inspector.bridge.run import ModbusBridge
    except ImportError as error:
        raise UsageError(
            f"the Modbus bridge needs one more package ({error}); install it: pip install 'edge_inspector[modbus]'"
        ) from error
    plan = _plan(**options)  # type: ignore[arg-type]
    ended: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        ended.append(number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
    asyncio.run(ModbusBridge(plan, _tell).run(lambda: bool(ended), lambda: _listening(plan)))


def _plan(
    config: Path | None,
    line: str | None,
    connect: str | None,
    service: str | None,
    listen: str,
    queue: int,
    margin_ms: float,
    window_ms: float,
    consumer: str | None,
    key: Path | None,
    rehearsal: bool,
    bypass: bool,
) -> BridgePlan:
    from edge_inspector.app.own_key import own_keys
    from edge_inspector.bridge.results import Trust
    from edge_inspector.bridge.run import BridgePlan

    settings = None
    if config is not None:
        from edge_inspector.settings.endpoint import address_here
        from edge_inspector.settings.load import load_line

        settings = load_line(config)
        line, here = line or settings.line, settings.endpoints
        connect, service = connect or address_here(here.signals), service or address_here(here.service)
    if line is None or not _LINE.fullmatch(line):
        raise UsageError(f"which line? {line!r} is no name of one; give --config FILE, or --line NAME")
    host, port = _address(listen)
    own = own_keys(key, settings)
    signals = _endpoint(connect or _SIGNALS, "--connect")
    trust = Trust(simulated=rehearsal, bypass=bypass)
    margin_us, window_us = round(margin_ms * 1000), round(window_ms * 1000)
    service = _endpoint(service or _SERVICE, "--service")
    consumer = consumer or (own.name if own is not None else "") or "modbus"
    return BridgePlan(line, signals, service, consumer, host, port, queue, margin_us, window_us, trust, own)


def _endpoint(endpoint: str, option: str) -> str:
    if not re.fullmatch(r"tcp://[^\s:]\S*:[0-9]{1,5}|ipc://\S{1,107}", endpoint):
        raise UsageError(f"{endpoint} is no address; write {option} like {_SIGNALS}, or ipc:///run/line.ipc")
    return endpoint


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        address = None
    if not colon or address is None or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise UsageError(f"{listen} is no place to listen; write --listen like {_LISTEN}, an address of this computer")
    return str(address), int(port)


def _listening(plan: BridgePlan) -> None:
    click.echo(f"line {plan.line}: Modbus TCP on {plan.host}:{plan.port}")
    if not ipaddress.ip_address(plan.host).is_loopback:
        click.echo(
            f"{click.style('warning:', fg='yellow')} Modbus has no keys: whoever reaches {plan.host}:{plan.port} can "
            "read results and acknowledge them; let a firewall leave only the PLC through",
            err=True,
        )


def _tell(notice: Notice) -> None:
    click.echo(f"{click.style('warning:', fg='yellow')} {notice.detail}", err=True)
