"""A computer for one session of tests: systemd as process 1, the program installed, and nothing else running."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self

from cgroups import PREFIX, Groups, left_behind

ROOT = Path(__file__).resolve().parents[2]
BOOT = Path(__file__).with_name("boot")
SYSTEMD = Path("/usr/lib/systemd/systemd")
NAMESPACES = ["--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--cgroup"]
PROGRAM = "/opt/edge-inspector/bin/edge-inspector"
PYTHON = "/opt/edge-inspector/bin/python"
WEIGHT = 2
"""A group counts as one process however many are in it, and a line has three that start at once."""
POLL_S = 0.2
"""Asking systemd takes processes of its own, which must not take the time of the line that they ask for."""
BOOT_S, RUN_S = 30.0, 40.0
_PROBE = """
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
"""
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}


@cache
def why_not_here() -> str:
    """Return why no systemd can be booted here; empty when one can."""
    if not SYSTEMD.exists():
        return "systemd is not installed"
    probe = ["unshare", *NAMESPACES, "sh", "-ec", _PROBE]
    if os.geteuid() != 0 or subprocess.run(probe, capture_output=True, timeout=20, check=False).returncode != 0:
        return "unshare is refused, or a view over / in it"
    groups = Groups()
    try:
        groups.make(WEIGHT)
    except OSError as error:
        return f"control groups are refused: {error}"
    finally:
        groups.remove()
    return ""


def wait_until(
    is_true: Callable[[], Any], what: str, timeout_s: float = RUN_S, instead: Callable[[], str] = lambda: ""
) -> Any:
    """Return the first true answer; AssertionError, with what there is instead, when none came within the time."""
    ends = time.monotonic() + timeout_s
    while not (answer := is_true()):
        assert time.monotonic() < ends, f"waited {timeout_s:g} s for {what}; {instead()}"
        time.sleep(POLL_S)
    return answer


class Machine:
    """Boots when entered; when left, every process, mount and control group of it is gone."""

    def __init__(self, weight: int = WEIGHT) -> None:
        """Prepare; `weight`: share of a wanted core beside what else runs here, 1 is one process's."""
        self._weight = weight
        self._folder = Path(tempfile.gettempdir(), f"{PREFIX}{os.getpid()}")
        self._root, self._log = self._folder / "root", self._folder / "log"
        self._groups = Groups()
        self._outer: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        for former in left_behind(self._folder.parent):
            shutil.rmtree(former)
        self._folder.mkdir()
        try:
            self._groups.make(self._weight)
            self._boot()
            self._install()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it. Process 1 takes all others of its namespace along, and with the last one the mounts go."""
        if self._outer is not None:
            self._outer.kill()
            self._outer.wait()
        self._groups.remove()
        shutil.rmtree(self._folder)

    def run(self, *words: str, is_checked: bool = True, given: str | None = None) -> str:
        """Run a command inside as root; returns what it wrote to both outputs."""
        done = subprocess.run(
            [*self._inside(), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            input=given,
            text=True,
            env=_ENVIRONMENT,
            timeout=RUN_S,
            check=False,
        )
        assert done.returncode == 0 or not is_checked, f"{words} ended with {done.returncode}: {done.stdout}"
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file inside, and its folder."""
        target = Path(f"/proc/{self._pid}/root{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def path(self, path: str) -> Path:
        """Return a path inside as one that can be used from here."""
        return Path(f"/proc/{self._pid}/root{path}")

    def group(self, path: str) -> str:
        """Return the folder inside of a unit's control group that limits memory."""
        with_v1 = f"/sys/fs/cgroup/memory{path}"
        return with_v1 if self.path(with_v1).exists() else f"/sys/fs/cgroup{path}"

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """Return the entries of the journal that match, in order."""
        self.run("journalctl", "--sync")
        rows = self.run("journalctl", "--output=json", "--quiet", *matches).splitlines()
        return [json.loads(row) for row in rows]

    def _inside(self) -> list[str]:
        return ["nsenter", "--target", str(self._pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"]

    def _boot(self) -> None:
        site = sysconfig.get_path("purelib")
        python = os.path.realpath(sys.base_prefix)
        orders = "".join(f"echo $$ >{path}/cgroup.procs; " for path in self._groups.paths)
        # Killed with this process, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES]
        command += [str(BOOT), str(self._root), " ".join(self._groups.controllers) or "-"]
        command += [python, site, str(ROOT)]
        self._root.mkdir()
        with self._log.open("wb") as log:
            self._outer = subprocess.Popen(
                ["sh", "-ec", f'{orders} exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid = wait_until(self._first_child, "process 1", BOOT_S)
        wait_until(self._is_up, "systemd", BOOT_S)

    def _first_child(self) -> int:
        assert self._outer is not None
        assert self._outer.poll() is None, f"it did not boot: {self._log.read_text()}"
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _is_up(self) -> bool:
        self._first_child()
        if Path(f"/proc/{self._pid}/comm").read_text().strip() != "systemd":
            return False
        with contextlib.suppress(AssertionError):
            return self.run("systemctl", "is-active", "basic.target", is_checked=False) == "active"
        return False

    def _install(self) -> None:
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        where = "/opt/edge-inspector"
        head = f"#!/bin/sh\nexport PYTHONPATH={where}:{where}/site LD_LIBRARY_PATH={where}/python/lib\n"
        head += "export PYTHONDONTWRITEBYTECODE=1\n"
        self.write(PYTHON, f'{head}exec {where}/python/bin/{name} "$@"\n')
        self.write(PROGRAM, f'{head}exec {where}/python/bin/{name} -m edge_inspector.cli.main "$@"\n')
        for path in (PYTHON, PROGRAM):
            self.path(path).chmod(0o755)
        self.run(f"{where}/systemd/install")
