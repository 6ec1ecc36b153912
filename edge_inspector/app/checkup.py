"""What `doctor` looks at, in its order, and how long each may take. Light: the process that asks loads nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_inspector.app.patient import Patient
    from edge_inspector.doctor.row import Row


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to know."""

    config: Path
    camera: bool = True
    """Also connect to the cameras."""
    key: Path | None = None
    """Key file of a client, with which a line of encrypted endpoints is asked."""
    unit: str | None = None
    """Name of the line's unit; None for the one that the configuration's name says."""
    egress: bool = False
    """Only what may leave the site."""
    limit_s: float | None = None
    """When each check is given up; None for its own limit."""


@dataclass(frozen=True, slots=True)
class Check:
    """One family of rows."""

    name: str
    rows: tuple[str, ...]
    """First words of its rows' names."""
    module: str
    """Of `edge_inspector.app`; its function has the check's name."""
    limit_s: float
    """Then it is given up."""
    looks_at: str
    """For people: what is opened, read or compared."""
    needs_settings: bool = True
    """It makes no sense before the configuration is right."""
    as_service: bool = False
    """Done as the line's user where root asks."""
    is_egress: bool = False
    """It belongs to `--egress` alone."""
    exit_code: int = 70
    """Of a check that hangs or crashes."""

    def look(self) -> Callable[[Patient], Iterable[Row]]:
        """Return what makes the check."""
        found: Callable[[Patient], Iterable[Row]] = getattr(
            import_module(f"edge_inspector.app.{self.module}"), self.name
        )
        return found


CHECKS = (
    Check(
        "configuration",
        ("configuration",),
        "examine_line",
        10.0,
        "the file, as `check` reads it: every mistake",
        needs_settings=False,
        exit_code=78,
    ),
    Check(
        "versions",
        ("versions",),
        "examine_line",
        20.0,
        "this program, Python, ONNX Runtime, the kernel",
        needs_settings=False,
    ),
    Check(
        "permissions",
        ("permissions",),
        "examine_line",
        10.0,
        "who else may change the configuration, the bundles or read the keys",
    ),
    Check(
        "line", ("line",), "examine_line", 15.0, "whether a daemon runs, and what it says of itself (`hello`, `status`)"
    ),
    Check(
        "bundles",
        ("bundle",),
        "examine_model",
        60.0,
        "every hash and the signature of each bundle, and whether it fits the configuration",
        as_service=True,
        exit_code=66,
    ),
    Check(
        "keys",
        ("keys",),
        "examine_line",
        10.0,
        "the line's own key, the list of those who may connect, the authenticator of a running line",
        as_service=True,
        exit_code=78,
    ),
    Check(
        "sessions",
        ("session",),
        "examine_model",
        120.0,
        "the model loaded on the provider asked for, golden tiles replayed; left to a running line, which did it",
        as_service=True,
    ),
    Check(
        "qualified",
        ("qualified",),
        "examine_model",
        60.0,
        "whether `model qualify` was run for this bundle, processor and versions, and what it recommended",
        as_service=True,
    ),
    Check(
        "cameras",
        ("camera",),
        "examine_model",
        90.0,
        "each camera connected and armed as configured; left to a running line, which holds it",
        as_service=True,
        exit_code=69,
    ),
    Check(
        "ports",
        ("port",),
        "examine_line",
        15.0,
        "each address: free, this line's, or another program's, which is named",
    ),
    Check(
        "state",
        ("state",),
        "examine_folders",
        20.0,
        "the state folder: who holds it, whose it is, whether the line may write",
    ),
    Check(
        "journal",
        ("journal",),
        "examine_folders",
        30.0,
        "the newest segment, read only; room, file system, what is durable",
        as_service=True,
    ),
    Check(
        "evidence",
        ("evidence",),
        "examine_folders",
        30.0,
        "a file of its own written, synced, timed and removed; room and quota",
        as_service=True,
    ),
    Check("clock", ("clock",), "examine_computer", 10.0, "whether it is synchronised, and whether it was set back"),
    Check("host", ("host",), "examine_computer", 10.0, "network and USB settings, where a camera needs them"),
    Check(
        "gpus",
        ("gpu",),
        "examine_gpu",
        20.0,
        "driver, memory, heat and errors of each GPU that the line computes on, as NVML tells them; none, no row",
        as_service=True,
    ),
    Check(
        "cores",
        ("cores", "priority", "governor"),
        "examine_computer",
        10.0,
        "cores asked for and offered, their governor, the right to a priority",
    ),
    Check(
        "unit",
        ("unit",),
        "examine_computer",
        10.0,
        "the systemd unit: active, failed, started again how often, enabled",
        needs_settings=False,
    ),
    Check("sandbox", ("sandbox",), "examine_computer", 10.0, "whether the unit allows what the configuration asks for"),
    Check(
        "addresses",
        ("binds", "connects"),
        "examine_egress",
        10.0,
        "every address that the configuration names",
        is_egress=True,
    ),
    Check(
        "sockets",
        ("sockets",),
        "examine_egress",
        15.0,
        "every socket that the line's processes hold, against those addresses",
        is_egress=True,
    ),
    Check(
        "address_filter",
        ("filter",),
        "examine_egress",
        10.0,
        "what the unit lets through (IPAddressAllow, IPAddressDeny)",
        is_egress=True,
    ),
    Check(
        "outside",
        ("outside",),
        "examine_egress",
        10.0,
        "commands with which anybody can see it from outside",
        is_egress=True,
    ),
)
"""As `check` does first, so that both end with the same code; then the computer."""


def chosen(asked: Asked) -> list[Check]:
    """Return the checks that a person wants."""
    always = ("configuration", "line") if asked.egress else ()
    return [each for each in CHECKS if each.is_egress == asked.egress or each.name in always]
