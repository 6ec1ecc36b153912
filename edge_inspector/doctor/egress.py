"""What the processes of a line hold open, compared with what the configuration names. No packet is sent for it."""

from __future__ import annotations

import ipaddress
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edge_inspector.doctor.ports import Named, takes
from edge_inspector.doctor.processes import LineProcess, socket_inodes
from edge_inspector.doctor.sockets import Socket, internet_sockets, other_inodes, unix_sockets
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.line import LineSettings

REHEARSED = ("viky", "simulator")
"""Producers without a camera, which need no network."""
_ORDER = sys.byteorder


class Kind(StrEnum):
    """Where a socket leads."""

    LISTENS = "listens"
    """At an address that is named."""
    CLIENT = "client"
    """Somebody has connected to an address that is named."""
    CAMERA = "camera"
    """A camera's producer speaks to a network that this computer is plugged into: the configuration names a producer
    and a serial number, no address."""
    ANYWHERE = "anywhere"
    """A camera's producer can send from it to anybody: it is tied to no address. Only from outside it can be seen."""
    HERE = "here"
    """Not named, and does not leave this computer."""
    UNNAMED = "unnamed"
    """Not named, and may leave it."""


@dataclass(frozen=True, slots=True)
class Held:
    """One socket of a line."""

    process: LineProcess
    kind: Kind
    what: str
    """With its addresses."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a line holds."""

    held: tuple[Held, ...]
    n_unix: int
    """Unix sockets: they lead to programs of this computer alone."""
    n_kernel: int
    """Sockets for talks with the kernel (netlink)."""
    n_idle: int
    """Neither bound nor connected."""
    hidden: tuple[LineProcess, ...]
    """Processes of which this user may not see what they hold."""

    def of(self, *kinds: Kind) -> list[Held]:
        """Return what is of some kinds."""
        return [each for each in self.held if each.kind in kinds]


def real_cameras(settings: LineSettings) -> list[GenicamSettings]:
    """Return the cameras that may need a network."""
    cameras = [view.camera for view in settings.views()]
    return [each for each in cameras if isinstance(each, GenicamSettings) and each.cti not in REHEARSED]


def look(
    processes: Sequence[LineProcess], addresses: Sequence[Named], has_camera: bool, proc: Path = Path("/proc")
) -> Findings:
    """Return what the processes of a line hold.

    Args:
        processes: Of the line, main first.
        addresses: Those that it binds.
        has_camera: A producer of the line may speak to a network.
        proc: Where processes are listed.

    Raises:
        OSError: The kernel's lists cannot be read.
    """
    held: list[Held] = []
    hidden = []
    counts: Counter[str] = Counter()
    for process in processes:
        inodes = socket_inodes(process.pid, proc)
        if inodes is None:
            hidden.append(process)
            continue
        net = proc / str(process.pid) / "net"  # of its namespace, which may be another
        sockets = {each.inode: each for each in internet_sockets(net)}
        unnamed = {each.inode: "unix" for each in unix_sockets(net)} | other_inodes(net)
        judge = Judge(addresses, on_link(net) if has_camera and process.role == "camera" else ())
        for inode in sorted(inodes):
            if inode in sockets:
                held.append(Held(process, *judge.of(sockets[inode])))
            elif unnamed.get(inode) == "packet":
                held.append(Held(process, Kind.UNNAMED, "a packet socket, which can send anything"))
            else:
                counts[unnamed.get(inode, "idle")] += 1
    return Findings(tuple(held), counts["unix"], counts["netlink"], counts["idle"], tuple(hidden))


class Judge:
    """Says of a socket whether the configuration names it."""

    def __init__(self, addresses: Sequence[Named], camera_networks: Collection[ipaddress.IPv4Network]) -> None:
        """Take over what is named.

        Args:
            addresses: Those that the line binds.
            camera_networks: Networks at which this process's camera may be; empty for a process without one.
        """
        self._addresses, self._networks = addresses, camera_networks

    def of(self, found: Socket) -> tuple[Kind, str]:
        """Return where a socket leads, and the same in words."""
        name = self._name(found)
        if found.is_listening:
            return (Kind.LISTENS, f"{found.kind} {found.local} ({name})") if name else self._unnamed(found)
        if name and found.kind.startswith("tcp"):
            return Kind.CLIENT, f"{found.remote} connected to {name} ({found.local})"
        if found.kind == "udp" and self._networks:
            ends = [end.host for end in (found.local, found.remote) if not end.is_nowhere]
            if not ends:
                return Kind.ANYWHERE, f"udp {found.local}"
            if all(any(end in network for network in self._networks) for end in ends):
                return Kind.CAMERA, f"udp {found.local} -> {_remote(found)}"
        return self._unnamed(found)

    def _name(self, found: Socket) -> str:
        """Return which named address a socket is at; empty for none."""
        for each in self._addresses:
            if each.tcp is None or each.tcp.port != found.local.port:
                continue
            # A connection is at one address, its listener may be at all.
            at_all = each.tcp.host in ("*", "0.0.0.0", "::")
            if (found.is_listening and takes(found, each.tcp)) or at_all or each.tcp.host == str(found.local.host):
                return each.name
        return ""

    def _unnamed(self, found: Socket) -> tuple[Kind, str]:
        local, remote = found.local.host, found.remote.host
        what = f"{found.kind} {found.local}" + (" listens" if found.is_listening else f" -> {_remote(found)}")
        stays = local.is_loopback and (found.is_listening or remote.is_loopback or found.remote.is_nowhere)
        return Kind.HERE if stays or remote.is_loopback else Kind.UNNAMED, what


def on_link(net: Path) -> list[ipaddress.IPv4Network]:
    """Return the networks that this computer is plugged into, without a gateway between. Empty where it cannot say."""
    found = []
    with suppress(OSError, ValueError):
        for row in (net / "route").read_text("ascii").splitlines()[1:]:
            words = row.split()
            target, gateway, mask = (int(words[at], 16) for at in (1, 2, 7))
            if not gateway and mask:
                # As this processor keeps them in memory.
                address, bits = target.to_bytes(4, _ORDER), mask.bit_count()
                found.append(ipaddress.IPv4Network((address, bits)))
    return found


def counted(found: Sequence[Held]) -> Iterator[str]:
    """Yield what is held, each once with how often and by whom."""
    seen: Mapping[tuple[str, str], int] = Counter((each.process.role, each.what) for each in found)
    for (role, what), n in seen.items():
        yield f"{role}: {what}" + (f" ({n} times)" if n > 1 else "")


def _remote(found: Socket) -> str:
    return "nowhere" if found.remote.is_nowhere and not found.remote.port else str(found.remote)
