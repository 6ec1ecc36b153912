"""Checks of what may leave the site; no packet is sent for any of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from edge_inspector.app.patient import Patient
from edge_inspector.doctor.egress import Findings, Held, Kind, counted, look, real_cameras
from edge_inspector.doctor.ports import named_ports
from edge_inspector.doctor.row import Row
from edge_inspector.doctor.sandbox import denies_all, leaves_computer
from edge_inspector.doctor.unit import Unit
from edge_inspector.run.control import NAME

_LISTED = 20
"""Sockets of a kind that are shown one by one."""


def addresses(patient: Patient) -> Iterator[Row]:
    """Name every address of the configuration."""
    settings = patient.settings
    bound = [f"{each.name} {each.endpoint}" for each in named_ports(settings)]
    bound.append(f"control {settings.state_dir / NAME}")
    yield Row.ok("binds", "; ".join(bound))
    cameras = real_cameras(settings)
    if not cameras:
        yield Row.ok("connects", "to nobody: the configuration names no address to connect to")
        return
    for camera in cameras:
        who = f"the producer {camera.cti} speaks to camera {camera.serial or camera.name} as it likes"
        then = "it is its maker's code: hold it in with the unit's IPAddressAllow, and count from outside, see below"
        yield Row.note("connects", f"to nobody by address; {who}", then)


def sockets(patient: Patient) -> Iterator[Row]:
    """Compare what the running line holds with what is named."""
    if not patient.processes:
        yield Row.note("sockets", "no daemon of this line runs: it holds nothing", "ask again while it runs")
        return
    try:
        found = look(patient.processes, named_ports(patient.settings), bool(real_cameras(patient.settings)))
    except OSError as error:
        yield Row.note("sockets", f"the kernel's lists cannot be read: {error}", "ask as root")
        return
    yield from socket_rows(found, len(patient.processes))


def socket_rows(found: Findings, n_processes: int) -> Iterator[Row]:
    """Yield what a line holds, row by row.

    Args:
        found: Of its processes.
        n_processes: How many it has.
    """
    if found.hidden:
        who = ", ".join(f"{each.role} ({each.pid})" for each in found.hidden)
        yield Row.warning("sockets", f"what {who} holds cannot be seen by user {os.geteuid()}: the right to trace it "
                          "(CAP_SYS_PTRACE) is missing", "ask as root, or as the line's user")  # fmt: skip
    for each in found.of(Kind.UNNAMED):
        yield Row.failed("sockets", f"NOT NAMED: {each.process.role} (process {each.process.pid}) holds {each.what}",
                         "find out what it is for; deny it in the unit (IPAddressDeny=any) until then")  # fmt: skip
    for each in found.of(Kind.HERE):
        yield Row.warning("sockets", f"not named, though on this computer: {each.process.role} (process "
                          f"{each.process.pid}) holds {each.what}", "find out what it is for")  # fmt: skip
    for name, kind in (("listens", Kind.LISTENS), ("clients", Kind.CLIENT)):
        if held := found.of(kind):
            yield Row.ok(f"sockets {name}", _listed(held))
    if held := found.of(Kind.CAMERA, Kind.ANYWHERE):
        yield Row.note("sockets cameras", f"the producer's: {_listed(held)}", "where it sends shows from outside alone")
    seen = f"{n_processes - len(found.hidden)} processes: {len(found.held)} sockets with an address, {found.n_unix} of "
    seen += f"this computer alone (Unix), {found.n_kernel} to the kernel, {found.n_idle} neither bound nor connected"
    if not found.of(Kind.UNNAMED, Kind.HERE) and not found.hidden:
        yield Row.ok("sockets", f"{seen}; none that is not named")
    else:
        yield Row.note("sockets", seen)


def address_filter(patient: Patient) -> Iterator[Row]:
    """Say what the service manager lets through."""
    unit = patient.unit
    if not isinstance(unit, Unit):
        yield Row.note("filter", f"no unit holds the line in: {unit}", "run it as a service: the kernel then filters")
    elif unit.is_on("PrivateNetwork"):
        yield Row.ok("filter", f"{unit.name} has a network of its own, without any interface (PrivateNetwork)")
    elif not denies_all(unit):
        denied = unit["IPAddressDeny"] or "nothing"
        then = f"IPAddressDeny=any and IPAddressAllow=localhost (systemctl edit {unit.name})"
        yield Row.warning("filter", f"{unit.name} may speak to anybody: IPAddressDeny is {denied}", then)
    elif beyond := leaves_computer(unit):
        yield Row.ok("filter", f"{unit.name}: all is denied but this computer and {', '.join(map(str, beyond))}")
    else:
        yield Row.ok("filter", f"{unit.name}: all is denied but this computer")


def outside(patient: Patient) -> Iterator[Row]:
    """Name commands by which anybody can see the same from outside of this program."""
    main, user = patient.main, patient.service_user
    uid = os.geteuid() if user is None else user.pw_uid
    if main is not None:
        with suppress(OSError):
            uid = os.stat(f"/proc/{main}").st_uid
    yield Row.note("outside", f"count what user {uid} sends to other computers, then take the counter away", "\n".join((
        "sudo nft add table inet edge_inspector",
        "sudo nft 'add chain inet edge_inspector out { type filter hook output priority 0; }'",
        f"sudo nft 'add rule inet edge_inspector out meta skuid {uid} oifname != \"lo\" counter'",
        "sudo nft list table inet edge_inspector",
        "sudo nft delete table inet edge_inspector",
    )))  # fmt: skip
    if main is not None:
        then = f"sudo strace -f -e trace=connect,sendto,sendmsg,sendmmsg -p {main}"
        yield Row.note("outside", "see each call that connects or sends; it slows the line down, so not at work", then)
    then = "sudo tcpdump -ni any -Q out 'not net 127.0.0.0/8 and not host ::1'"
    yield Row.note("outside", "see all that leaves this computer, whoever sends it", then)


def _listed(held: list[Held]) -> str:
    told = list(counted(held))
    more = len(told) - _LISTED
    return "; ".join(told[:_LISTED]) + (f"; and {more} more" if more > 0 else "")
