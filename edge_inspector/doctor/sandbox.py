"""Whether a unit allows what a configuration asks for: the sandbox is tight, and loosened by named drop-ins."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

from edge_inspector.doctor.row import Row
from edge_inspector.doctor.unit import Unit
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.endpoint import parse_tcp
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.model import GPU_PROVIDERS

_STATE = {"StateDirectory": "/var/lib", "CacheDirectory": "/var/cache", "LogsDirectory": "/var/log",
          "RuntimeDirectory": "/run"}  # fmt: skip
_HOMES = ("/home", "/root", "/run/user")
_PRIVATE = ("/tmp", "/var/tmp")
_REHEARSED = ("viky", "simulator")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def sandbox_rows(unit: Unit, settings: LineSettings) -> list[Row]:
    """Return what a unit keeps from a line, or one row that says that it fits."""
    rows = [
        *_folders(unit, settings),
        *_network(unit, settings),
        *_gpu(unit, settings),
        *_openvino(unit, settings),
        *_usb(unit, settings),
    ]
    return rows or [Row.ok("sandbox", f"{unit.name} allows what the configuration asks for")]


def _folders(unit: Unit, settings: LineSettings) -> Iterator[Row]:
    journal = settings.journal.folder
    named = {"state_dir": settings.state_dir}
    named |= {} if journal is None else {"journal.folder": journal}
    named |= {} if settings.evidence is None else {"evidence.folder": settings.evidence.folder}
    for key, folder in named.items():
        if unit["ProtectSystem"] == "strict" and not any(_is_below(folder, each) for each in writable(unit)):
            yield Row.failed("sandbox", f"{key} {folder} is read-only for {unit.name} (ProtectSystem=strict)",
                             f"name a folder below {_first_writable(unit)}, or add ReadWritePaths={folder} "
                             f"(systemctl edit {unit.name})")  # fmt: skip
    seen = named | {"model.bundle": settings.model.bundle}
    for key, folder in seen.items():
        if unit["ProtectHome"] in ("yes", "tmpfs") and any(_is_below(folder, Path(home)) for home in _HOMES):
            yield Row.failed("sandbox", f"{key} {folder} cannot be seen by {unit.name} (ProtectHome)", "move it, such "
                             "as to /var/lib/edge-inspector or /opt")  # fmt: skip
        if unit.is_on("PrivateTmp") and any(_is_below(folder, Path(place)) for place in _PRIVATE):
            yield Row.failed("sandbox", f"{key} {folder} is another folder for {unit.name} (PrivateTmp)", "move it, "
                             "such as to /var/lib/edge-inspector")  # fmt: skip


def writable(unit: Unit) -> list[Path]:
    """Return the folders that a unit with ProtectSystem=strict may write to."""
    found = [Path(word.lstrip("-+")) for word in unit.words("ReadWritePaths")]
    for key, base in _STATE.items():
        for word in unit.words(key):
            name = word.partition(":")[0]
            found.append(Path(base, name))
            if unit.is_on("DynamicUser"):
                found.append(Path(base, "private", name))
    # Their own where PrivateTmp is on, which is told apart.
    return [*found, *map(Path, _PRIVATE), Path("/dev/shm")]


def networks(unit: Unit, key: str) -> list[Network]:
    """Return the networks of IPAddressAllow or IPAddressDeny."""
    found: list[Network] = []
    for word in unit.words(key):
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:  # words such as `any` are numbers by the time systemd shows them
            continue
    return found


def denies_all(unit: Unit) -> bool:
    """Return whether a unit may speak to nobody but those it allows."""
    return {"0.0.0.0/0", "::/0"} <= set(unit.words("IPAddressDeny")) or "any" in unit.words("IPAddressDeny")


def leaves_computer(unit: Unit) -> list[Network]:
    """Return the networks beyond this computer that a unit allows."""
    return [each for each in networks(unit, "IPAddressAllow") if not each.is_loopback]


def _network(unit: Unit, settings: LineSettings) -> Iterator[Row]:
    if not denies_all(unit) or leaves_computer(unit):
        return
    then = "add the networks to the drop-in egress.conf: IPAddressAllow=192.168.10.0/24"
    ends = settings.endpoints
    outward = [end for end in (ends.signals, ends.telemetry, ends.service) if _is_outward(end)]
    if outward:
        yield Row.failed("sandbox", f"{', '.join(outward)} take clients from elsewhere, and {unit.name} lets "
                         "through this computer alone (IPAddressDeny)", then)  # fmt: skip
    for view in settings.views():
        camera = view.camera
        if isinstance(camera, GenicamSettings) and camera.cti not in _REHEARSED:
            yield Row.warning("sandbox", f"camera {camera.name} cannot be reached over a network: {unit.name} lets "
                              "through this computer alone (IPAddressDeny); a USB camera needs none", then)  # fmt: skip


def _gpu(unit: Unit, settings: LineSettings) -> Iterator[Row]:
    asked = {view.model.provider for view in settings.views()} & {*GPU_PROVIDERS}
    if not asked:
        return
    keeps = []
    if unit.is_on("MemoryDenyWriteExecute"):
        keeps.append("MemoryDenyWriteExecute")
    if unit.is_on("PrivateDevices"):
        keeps.append("PrivateDevices")
    if unit["DevicePolicy"] in ("closed", "strict") and "nvidia" not in unit["DeviceAllow"]:
        keeps.append(f"DevicePolicy={unit['DevicePolicy']} without NVIDIA's devices")
    if keeps:
        yield Row.failed("sandbox", f"{', '.join(sorted(asked))} cannot work in {unit.name}: {', '.join(keeps)}",
                         "install the drop-in gpu.conf")  # fmt: skip


def _openvino(unit: Unit, settings: LineSettings) -> Iterator[Row]:
    is_asked = any(view.model.provider == "openvino" for view in settings.views())
    if is_asked and unit.is_on("MemoryDenyWriteExecute"):
        yield Row.failed("sandbox", f"openvino cannot work in {unit.name}: MemoryDenyWriteExecute", "install the "
                         "drop-in openvino.conf")  # fmt: skip


def _usb(unit: Unit, settings: LineSettings) -> Iterator[Row]:
    real = [view.camera for view in settings.views() if isinstance(view.camera, GenicamSettings)]
    real = [camera for camera in real if camera.cti not in _REHEARSED]
    is_closed = unit.is_on("PrivateDevices") or unit["DevicePolicy"] in ("closed", "strict")
    if real and is_closed and "usb" not in unit["DeviceAllow"]:
        yield Row.note("sandbox", f"{unit.name} opens no USB device", "for a USB camera install the drop-in usb.conf")


def _is_outward(endpoint: str) -> bool:
    address = parse_tcp(endpoint)
    if address is None:
        return False
    return address.host == "*" or not ipaddress.ip_address(address.host).is_loopback


def _is_below(folder: Path, above: Path) -> bool:
    return folder == above or above in folder.parents


def _first_writable(unit: Unit) -> Path:
    return writable(unit)[0]
