"""The systemd unit of a line, as the running service manager knows it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.errors import EdgeInspectorError
from edge_inspector.doctor.row import Row

RUNNING = Path("/run/systemd/system")
"""There while systemd is the service manager of this computer (sd_booted(3))."""
ANSWER_S = 5.0
MANY_RESTARTS = 3
"""Started again more often since it was started by hand: something is wrong that comes back."""
_CODES = ("64", "66", "69", "70", "78")
"""Exit codes of the program; another status is a signal's number, or a shell's."""
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


def unit_rows(unit: Unit, config: Path) -> Iterator[Row]:
    """Yield what is to be said of a unit that is installed.

    Args:
        unit: The line's.
        config: Path from / on of the configuration that somebody asks for.
    """
    yield _state(unit)
    if unit.is_on("NeedDaemonReload"):
        yield Row.warning("unit", f"{unit.name} was changed since systemd read it", "sudo systemctl daemon-reload")
    if str(config) not in unit["ExecStart"]:
        then = f"name the unit that does with --unit, or ask with the configuration of {unit.name}"
        yield Row.note("unit", f"{unit.name} does not run {config}", then)
    if names := [word.rpartition("/")[2] for word in unit.words("DropInPaths")]:
        yield Row.ok("unit", f"drop-ins: {', '.join(names)}")


def _state(unit: Unit) -> Row:
    state, enabled = unit["ActiveState"], unit["UnitFileState"] or "not enabled"
    n_restarts = int(unit["NRestarts"]) if unit["NRestarts"].isdigit() else 0
    seen = f"{unit.name}: {state} ({unit['SubState']}), {enabled}, started again {n_restarts} times"
    seen += f"; it says: {unit['StatusText']}" if unit["StatusText"] else ""
    # One that ends at each start is found waiting for the next.
    if state == "failed" or unit["SubState"] == "auto-restart":
        status = unit["ExecMainStatus"]
        code = int(status) if status in _CODES else EdgeInspectorError.exit_code
        then = f"journalctl -u {unit.name} -n 50 says why; mend it, then sudo systemctl restart {unit.name}"
        return Row.failed("unit", f"{seen}; result {unit['Result']}, exit code {status}", then, code)
    if state != "active":
        return Row.note("unit", seen, f"sudo systemctl start {unit.name}")
    if n_restarts > MANY_RESTARTS:
        return Row.warning("unit", seen, f"journalctl -u {unit.name} -p warning says why it ended")
    if enabled != "enabled":
        return Row.warning(
            "unit", f"{seen}: it does not come back with the computer", f"sudo systemctl enable {unit.name}"
        )
    return Row.ok("unit", seen)
