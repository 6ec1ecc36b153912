"""What the processes of a line take: CPU time and memory, from /proc; and how a process that was started ends."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds of CPU time since a process began."""

    user_s: float
    system_s: float

    @property
    def total_s(self) -> float:
        return self.user_s + self.system_s

    def __sub__(self, other: CpuTime) -> CpuTime:
        return CpuTime(self.user_s - other.user_s, self.system_s - other.system_s)


def cpu_time(pid: int) -> CpuTime:
    """Return utime and stime of a process, all its threads together."""
    fields = _stat(pid)
    return CpuTime(int(fields[11]) / _TICKS, int(fields[12]) / _TICKS)


def other_threads_time(pid: int) -> CpuTime:
    """Return utime and stime of all threads of a process but its first."""
    others = [thread for thread in Path(f"/proc/{pid}/task").iterdir() if thread.name != str(pid)]
    stats = [_fields(thread / "stat") for thread in others]
    return CpuTime(sum(int(stat[11]) for stat in stats) / _TICKS, sum(int(stat[12]) for stat in stats) / _TICKS)


def pss_mb(pid: int) -> float:
    """Return the proportional set size in MB: what is shared counts once among those that share it."""
    return _rolled_up_mb(pid, "Pss:")


def rss_mb(pid: int) -> float:
    """Return the resident set size in MB: what is shared counts whole, whoever else comes and goes."""
    return _rolled_up_mb(pid, "Rss:")


def _rolled_up_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} tells no {name}")


def family(pid: int) -> dict[str, int]:
    """Return the process ids of a daemon and its children by name: `main`, `camera`, `inspect`."""
    found = {"main": pid}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if int(_stat(int(entry.name))[1]) != pid:
                continue
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended while we looked
            continue
        name = next((w.rsplit(b".", 1)[1].decode() for w in words if w.startswith(b"edge_inspector.app.")), "other")
        found[name] = int(entry.name)
    return found


def _stat(pid: int) -> list[str]:
    return _fields(Path(f"/proc/{pid}/stat"))


def _fields(stat: Path) -> list[str]:
    """Return the fields of a `stat` from `state` on: the name before them may hold blanks."""
    return stat.read_text().rsplit(")", 1)[1].split()


def reap(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Wait for a process that was asked to end; kill it when it has not within the time."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
