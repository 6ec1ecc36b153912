"""Reads what strace wrote, by its own manual: which addresses a program bound, and which it sent or connected to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_CALL = re.compile(r"^\d+\s+(socket|socketpair|bind|connect|sendto|sendmsg|sendmmsg)\((.*)$")
_FAMILY = re.compile(r"^(AF_\w+|0x[0-9a-f]+)")
_V4 = re.compile(r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)')
_V6 = re.compile(r'sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"')
_UNIX = re.compile(r'sa_family=AF_UNIX, sun_path=(@?"[^"]*")')


@dataclass
class Trace:
    """What a program did with sockets."""

    families: set[str] = field(default_factory=set)
    """Of sockets that it made."""
    bound: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    """Where it connected or sent to, whether or not that worked."""


def read_trace(rows: Iterable[str]) -> Trace:
    """Return what stands in the output of `strace -f -e trace=network -o FILE`."""
    trace = Trace()
    for row in rows:
        if (call := _CALL.match(row)) is None:
            continue
        name, rest = call.groups()
        if name in ("socket", "socketpair"):
            family = _FAMILY.match(rest)
            trace.families.add(family[1] if family else rest)
            continue
        places = [f"{host}:{port}" for port, host in _V4.findall(rest)]
        places += [f"[{host}]:{port}" for port, host in _V6.findall(rest)]
        places += _UNIX.findall(rest)
        (trace.bound if name == "bind" else trace.reached).update(places)
    return trace
