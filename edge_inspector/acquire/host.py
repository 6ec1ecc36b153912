"""Settings of this computer that decide whether pictures arrive whole: read only, each with the command that mends it.

Every check takes the folder that `/proc` and `/sys` lie in. What cannot be read is not held against the computer: a
container may hide it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")

RMEM_BYTES = 16 * 2**20
"""Receive buffer of a socket: three pictures of 5 MP, while the receiving thread waits for the processor."""
BACKLOG_PACKETS = 5000
"""Packets that wait for the kernel: 45 MB of jumbo frames, a third of a second at 1 Gbit/s."""
MTU_BYTES = 8000
"""Jumbo frames: a sixth of the packets, and so of the interrupts, of 1500."""
USBFS_MB = 1000
"""Memory for USB transfers of all cameras together; 16 is Linux's own, less than four pictures of 5 MP."""


@dataclass(frozen=True, slots=True)
class HostCheck:
    """One setting of this computer."""

    name: str
    """As Linux calls it."""
    ok: bool
    found: str
    """`unknown` where it cannot be read."""
    wanted: str
    why: str
    """What goes wrong otherwise."""
    mend: str
    """A command for a shell, and how it stays after a restart."""

    def __str__(self) -> str:
        """Return it as a sentence."""
        return f"{self.name} is {self.found}, {self.wanted} is wanted: {self.why}; {self.mend}"


def host_checks(transport: str, root: Path = ROOT) -> list[HostCheck]:
    """Return what matters for a camera's transport: GEV (GigE Vision) or U3V (USB3 Vision); nothing for others."""
    if transport.upper() == "U3V":
        return [usbfs_memory(root)]
    if transport.upper() != "GEV":
        return []
    checks = [receive_buffer(root), backlog(root)]
    interfaces = wired_interfaces(root)
    mtus = [mtu(interface, root) for interface in interfaces]
    # Which of them leads to the camera is not known here: one that is set up for cameras is enough.
    if mtus and not any(check.ok for check in mtus):
        checks += mtus
    return checks + [check for interface in interfaces if not (check := reverse_path(interface, root)).ok]


def receive_buffer(root: Path = ROOT) -> HostCheck:
    """Return whether a socket may have a receive buffer that holds a burst."""
    file, why = "proc/sys/net/core/rmem_max", "packets are lost in bursts"
    return _at_least("net.core.rmem_max", root, file, RMEM_BYTES, why, 2 * RMEM_BYTES)


def backlog(root: Path = ROOT) -> HostCheck:
    """Return whether the kernel keeps enough packets that it could not yet look at."""
    file, why = "proc/sys/net/core/netdev_max_backlog", "packets are lost while the processor is busy"
    return _at_least("net.core.netdev_max_backlog", root, file, BACKLOG_PACKETS, why, 2 * BACKLOG_PACKETS)


def mtu(interface: str, root: Path = ROOT) -> HostCheck:
    """Return whether a network interface takes jumbo frames."""
    value = _number(root / "sys/class/net" / interface / "mtu")
    return HostCheck(
        f"MTU of {interface}",
        value is None or value >= MTU_BYTES,
        _shown(value),
        "9000",
        "six times the packets cost processor time, and packets are lost at full rate",
        f"run `sudo ip link set dev {interface} mtu 9000`, and set it in the network configuration so that it stays",
    )


def reverse_path(interface: str, root: Path = ROOT) -> HostCheck:
    """Return whether the kernel takes packets from cameras that it would answer through another interface."""
    folder = root / "proc/sys/net/ipv4/conf"
    # The stricter of the two counts (ip-sysctl of the kernel); 1 is strict.
    values = [one for name in ("all", interface) if (one := _number(folder / name / "rp_filter")) is not None]
    value = max(values) if values else None
    name = f"net.ipv4.conf.{interface}.rp_filter"
    return HostCheck(
        name,
        value != 1,
        _shown(value),
        "0 or 2",
        "a camera that is not in this interface's network is never found",
        _sysctl(name, 2),
    )


def usbfs_memory(root: Path = ROOT) -> HostCheck:
    """Return whether USB cameras may have enough memory for their transfers."""
    name, file = "usbcore.usbfs_memory_mb", "sys/module/usbcore/parameters/usbfs_memory_mb"
    value = _number(root / file)
    return HostCheck(
        name,
        value is None or value == 0 or value >= USBFS_MB,  # 0: no limit
        _shown(value),
        f"at least {USBFS_MB}",
        "cameras cannot be started, or lose pictures",
        f"run `echo {USBFS_MB} | sudo tee /{file}`; {name}={USBFS_MB} among the kernel's boot parameters stays",
    )


def wired_interfaces(root: Path = ROOT) -> list[str]:
    """Return the network interfaces that are hardware, wired and up, sorted."""
    folder = root / "sys/class/net"
    if not folder.is_dir():
        return []
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if (entry / "device").exists() and not (entry / "wireless").exists() and _text(entry / "operstate") == "up"
    )


def _at_least(name: str, root: Path, file: str, least: int, why: str, written: int) -> HostCheck:
    value = _number(root / file)
    return HostCheck(
        name, value is None or value >= least, _shown(value), f"at least {least}", why, _sysctl(name, written)
    )


def _sysctl(name: str, value: int) -> str:
    return f"run `sudo sysctl -w {name}={value}`; a line `{name}={value}` in /etc/sysctl.d/60-cameras.conf stays"


def _shown(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def _number(file: Path) -> int | None:
    try:
        return int(_text(file) or "")
    except ValueError:
        return None


def _text(file: Path) -> str | None:
    try:
        return file.read_text("ascii").strip()
    except (OSError, ValueError):
        return None
