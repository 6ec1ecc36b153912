"""The addresses that a configuration names, and who has them now."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.errors import EndpointError
from edge_inspector.doctor.processes import holder_of, named, socket_inodes
from edge_inspector.doctor.row import Row
from edge_inspector.doctor.sockets import Socket, listeners, unix_sockets
from edge_inspector.settings.endpoint import TcpAddress, address_here, parse_tcp, tcp_address
from edge_inspector.settings.line import LineSettings


@dataclass(frozen=True, slots=True)
class Named:
    """An address that the line binds."""

    name: str
    """`signals`, `telemetry`, `service` or `metrics`."""
    endpoint: str
    """As the configuration says it."""
    here: str
    """The same, as this computer itself reaches it."""
    tcp: TcpAddress | None
    """None for a Unix socket."""

    def inode(self) -> int | None:
        """Return the kernel's number of the socket that has it; None when it is free. Raises OSError."""
        if self.tcp is None:
            return next((each.inode for each in unix_sockets() if each.path == self.path and each.is_listening), None)
        return next((each.inode for each in listeners() if takes(each, self.tcp)), None)

    def is_taken(self) -> bool:
        """Return whether somebody has it; False too where that cannot be seen."""
        with suppress(OSError):
            return self.inode() is not None
        return False

    @property
    def path(self) -> str:
        """Of a Unix socket."""
        return self.endpoint.removeprefix("ipc://")


def named_ports(settings: LineSettings) -> list[Named]:
    """Return every address that a line binds, in the order of the configuration."""
    ends = settings.endpoints
    found = [
        Named(name, endpoint, address_here(endpoint), parse_tcp(endpoint))
        for name, endpoint in (("signals", ends.signals), ("telemetry", ends.telemetry), ("service", ends.service))
    ]
    if settings.metrics.port is not None:
        host, port = settings.metrics.host, settings.metrics.port
        shown = f"http://{f'[{host}]' if ':' in host.strip('[]') else host}:{port}"
        found.append(Named("metrics", shown, shown, tcp_address(host, port)))
    return found


def takes(found: Socket, address: TcpAddress) -> bool:
    """Return whether a listening socket is at an address, or keeps it from others."""
    host = "*" if found.local.is_nowhere else str(found.local.host)
    return TcpAddress(host, found.local.port).overlaps(address)


def port_row(address: Named, ours: Collection[int], other_line: str) -> Row:
    """Return who has an address.

    Args:
        address: To be looked at.
        ours: Processes of the running line; empty when none runs.
        other_line: Name of a line that answers at it, where none of ours runs; empty when none does.
    """
    name = f"port {address.name}"
    try:
        inode = address.inode()
    except OSError as error:
        return Row.note(name, f"{address.endpoint}: who has it cannot be seen ({error.strerror})", "ask as root")
    if inode is None:
        return _free(name, address, is_ours_missing=bool(ours))
    if any(inode in (socket_inodes(pid) or ()) for pid in ours):
        return Row.ok(name, f"{address.endpoint}: held by the running line")
    holder = holder_of(inode)
    if holder is None:
        who = f"line {other_line}" if other_line else "a process that only root may see"
        if ours and os.geteuid() != 0:
            return Row.note(
                name, f"{address.endpoint}: held, by whom only root may see", "ask as root or the line's user"
            )
    else:
        who = f"{named(holder)}{f', line {other_line}' if other_line else ''}"
    return Row.failed(
        name,
        f"{address.endpoint}: held by {who}",
        "end that program, or give this line another port; a start tries again until it is free",
        EndpointError.exit_code,
    )


def _free(name: str, address: Named, is_ours_missing: bool) -> Row:
    if is_ours_missing:
        return Row.failed(
            name, f"{address.endpoint}: the running line does not hold it", "see its log, and whether the "
            "configuration was changed since it started", EndpointError.exit_code,
        )  # fmt: skip
    fault = _path_fault(Path(address.path)) if address.tcp is None else _bind_fault(address.tcp)
    if fault:
        return Row.failed(name, f"{address.endpoint}: {fault}", "see to it, or name another", EndpointError.exit_code)
    return Row.ok(name, f"{address.endpoint}: free")


def _bind_fault(address: TcpAddress) -> str:
    """Return why an address cannot be bound; it is tried in a way that keeps nobody else from it."""
    host = "0.0.0.0" if address.host == "*" else address.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Not listening, and with this option, as ZeroMQ has it: a line that starts just now binds all the same.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return "no network interface of this computer has that address"
            return f"cannot be bound: {error.strerror}"
    return ""


def _path_fault(path: Path) -> str:
    if str(path).startswith("@"):
        return ""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not os.access(path.parent, os.W_OK, effective_ids=True):
        return f"folder {path.parent} may not be written by this user"
    return ""
