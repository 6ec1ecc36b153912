"""Which processes belong to a line, read from /proc; nothing is asked, locked or signalled."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_PARENT = 1
"""Field of /proc/PID/stat after the name: state, parent."""
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_WORDS = 120
"""Characters of a command line that are shown."""


@dataclass(frozen=True, slots=True)
class LineProcess:
    """One process of a line."""

    pid: int
    role: str
    """`main`, `camera`, `inspect` or `gpu`."""


def main_of(state_dir: Path, proc: Path = PROC) -> int | None:
    """Return the process that holds a line's state folder; None when none does.

    By the kernel's list of locks: taking the lock to see whether it is free would stop a daemon that starts just then.
    """
    try:
        inode = (state_dir / "lock").stat().st_ino
        rows = (proc / "locks").read_text("ascii").splitlines()
    except OSError:
        return None
    for row in rows:  # `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`; a waiting one has `->` after its number
        words = row.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
            pid = int(words[4])
            # Numbers of files are those of one disk alone: another disk's file may have the same.
            if b"edge_inspector" in _command(pid, proc) or b"edge-inspector" in _command(pid, proc):
                return pid
    return None


def processes_of(main: int, proc: Path = PROC) -> list[LineProcess]:
    """Return a daemon's process and those it started, main first."""
    found = [LineProcess(main, "main")]
    for pid in pids(proc):
        with suppress(OSError, IndexError, ValueError):
            parent = int((proc / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[_PARENT])
            role = _role(_command(pid, proc))
            if parent == main and role:
                found.append(LineProcess(pid, role))
    return found


def inspecting(but: int | None, proc: Path = PROC) -> list[int]:
    """Return the processes that inspect on this computer, whosever they are.

    Args:
        but: Main process of the line that is left out; None for none.
        proc: Of the kernel.
    """
    own = set() if but is None else {process.pid for process in processes_of(but, proc)}
    return [pid for pid in pids(proc) if pid not in own and _role(_command(pid, proc)) == "inspect"]


def pids(proc: Path = PROC) -> list[int]:
    """Return the numbers of all processes that can be seen."""
    return sorted(int(name) for name in os.listdir(proc) if name.isdigit())


def socket_inodes(pid: int, proc: Path = PROC) -> set[int] | None:
    """Return the kernel's numbers of the sockets that a process holds; None where this user may not see them."""
    found = set()
    try:
        names = os.listdir(proc / str(pid) / "fd")
    except OSError:
        return None
    for name in names:
        with suppress(OSError):  # closed meanwhile
            if match := _SOCKET.fullmatch(os.readlink(proc / str(pid) / "fd" / name)):
                found.add(int(match[1]))
    return found


def holder_of(inode: int, proc: Path = PROC) -> int | None:
    """Return a process that holds a socket; None where none can be seen that does."""
    return next((pid for pid in pids(proc) if inode in (socket_inodes(pid, proc) or ())), None)


def named(pid: int, proc: Path = PROC) -> str:
    """Return a process in words: its number, and its command line where that can be read."""
    command = _command(pid, proc).replace(b"\0", b" ").decode(errors="replace").strip()
    shown = "".join(letter if letter.isprintable() else "?" for letter in command)
    shown = shown if len(shown) <= _WORDS else shown[: _WORDS - 1] + "…"
    return f"process {pid} ({shown})" if shown else f"process {pid}"


def _command(pid: int, proc: Path) -> bytes:
    with suppress(OSError):
        return (proc / str(pid) / "cmdline").read_bytes()
    return b""


def _role(command: bytes) -> str:
    for role in ("camera", "inspect", "gpu"):
        if f"edge_inspector.app.{role}".encode() in command.split(b"\0"):
            return role
    return ""
