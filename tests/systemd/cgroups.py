"""Control groups of a test's own, so that a systemd that it boots has limits and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

PREFIX = "edge-inspector-test-"
_GONE_S = 10.0
"""The kernel lets go of a group some time after its last process."""


class Groups:
    """One group in each hierarchy of this computer."""

    def __init__(self) -> None:
        """Find the hierarchies; nothing is made yet."""
        self._tops: list[Path] = []
        self.controllers: list[str] = []
        """Of cgroup v1; empty on a computer with v2 alone."""
        for row in Path("/proc/self/mountinfo").read_text().splitlines():
            left, _, right = row.partition(" - ")
            place, (kind, _source, options) = Path(left.split()[4]), right.split()[:3]
            if kind == "cgroup2" or (kind == "cgroup" and place not in self._tops):
                self._tops.append(place)
            if kind == "cgroup" and "name=" not in options:
                self.controllers.append(",".join(sorted(set(options.split(",")) - {"rw", "ro"})))
        self._name = f"{PREFIX}{os.getpid()}"
        self.paths = [top / self._name for top in self._tops]

    def make(self, weight: int) -> None:
        """Make the groups, and sweep those that a killed run left.

        Args:
            weight: Share of a wanted core, where 1 is that of one process that is in no group.

        Raises:
            OSError: This user may not.
        """
        for top, path in zip(self._tops, self.paths, strict=True):
            for former in left_behind(top):
                _remove(former)
            with contextlib.suppress(OSError):  # what cannot be handed down, systemd inside goes without
                (top / "cgroup.subtree_control").write_text("+cpu +memory +pids")
            path.mkdir()
            for name in ("cpuset.cpus", "cpuset.mems"):  # a group without cores takes no process
                if (top / name).exists() and not (top / "cgroup.controllers").exists():
                    (path / name).write_text((top / name).read_text())
            for name, one in (("cpu.shares", 1024), ("cpu.weight", 100)):  # v1, v2
                if (path / name).exists():
                    (path / name).write_text(str(one * weight))

    def remove(self) -> None:
        """Remove them with all below; every process in them must have ended.

        Raises:
            OSError: Something is left all the same.
        """
        ends = time.monotonic() + _GONE_S
        while True:
            for path in self.paths:
                _remove(path)
            left = [path for path in self.paths if path.exists()]
            if not left:
                return
            if time.monotonic() > ends:
                raise OSError(f"{left} cannot be removed")
            time.sleep(0.05)


def left_behind(folder: Path) -> list[Path]:
    """Return what killed runs have left in a folder under this name: their process is gone."""
    former = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdecimal()]
    return [path for path in former if not Path("/proc", path.name.removeprefix(PREFIX)).exists()]


def _remove(group: Path) -> None:
    for path in sorted([group, *(path for path in group.rglob("*") if path.is_dir())], reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
