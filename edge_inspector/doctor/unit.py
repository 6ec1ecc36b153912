"""The systemd unit of a line, as the running service manager knows it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RUNNING = Path("/run/systemd/system")
"""There while systemd is the service manager of this computer (sd_booted(3))."""
ANSWER_S = 5.0
_PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "UnitFileState", "MainPID", "ExecMainStatus",
    "StatusText", "User", "DynamicUser", "DropInPaths", "FragmentPath", "ExecStart", "ProtectSystem", "ProtectHome",
    "PrivateTmp", "PrivateNetwork", "PrivateDevices", "ReadWritePaths", "StateDirectory", "CacheDirectory",
    "LogsDirectory", "RuntimeDirectory", "IPAddressAllow", "IPAddressDeny", "DevicePolicy", "DeviceAllow",
    "MemoryDenyWriteExecute", "LimitNICE", "NeedDaemonReload",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of a unit."""

    name: str
    values: Mapping[str, str]
    """Its properties as text (`systemctl show`); one that this systemd does not have is left out."""

    def __getitem__(self, key: str) -> str:
        """Return a property; empty where it is not set or not known."""
        return self.values.get(key, "")

    def words(self, key: str) -> list[str]:
        """Return a property that is a list."""
        return self[key].split()

    def is_on(self, key: str) -> bool:
        """Return whether a property that is yes or no is yes."""
        return self[key] == "yes"

    @property
    def user(self) -> str:
        """Who it runs as; empty for one that is made at each start, and for root."""
        return "" if self.is_on("DynamicUser") else self["User"]


def unit_name(config: Path) -> str:
    """Return the unit that runs a configuration: `edge-inspector@press-3.service` for `press-3.yaml`."""
    return f"edge-inspector@{config.stem}.service"


def unit_of(name: str, running: Path = RUNNING) -> Unit | str:
    """Return a unit, or why nothing can be said of it: no systemd here, not installed, no answer."""
    if not running.is_dir() or shutil.which("systemctl") is None:
        return "systemd does not run here"
    name = name if "." in name else f"{name}.service"
    command = ["systemctl", "show", "--no-pager", f"--property={','.join(_PROPERTIES)}", "--", name]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, errors="replace", timeout=ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"systemctl gave no answer in {ANSWER_S:g} s"
    if done.returncode != 0:
        return f"systemctl show {name} ended with {done.returncode}: {done.stderr.strip()[:200]}"
    unit = Unit(name, parse_show(done.stdout))
    return f"unit {name} is not installed" if unit["LoadState"] in ("", "not-found") else unit


def parse_show(text: str) -> dict[str, str]:
    """Return the properties that `systemctl show` wrote; lists that take several lines are joined."""
    found: dict[str, str] = {}
    for row in text.splitlines():
        key, is_there, value = row.partition("=")
        if is_there:
            found[key] = f"{found[key]} {value}" if found.get(key) else value
    return found
