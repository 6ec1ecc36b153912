"""A line PC for the installer: this computer's files in namespaces of their own, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

AS_ROOT = [] if os.geteuid() == 0 else ["--map-root-user"]
ALONE = ["unshare", *AS_ROOT, "--mount", "--net", "--pid", "--fork", "--kill-child"]
"""What is mounted and started in there ends with it. Containers and some distributions forbid it."""

# What the installer writes lies in memory, 96 MB of it: a disk that can be filled.
PREPARE = """
set -e
mount -t tmpfs -o size=96m line /mnt
for folder in opt etc var/lib; do
    mkdir -p /mnt/$folder/upper /mnt/$folder/work
    mount -t overlay -o lowerdir=/$folder,upperdir=/mnt/$folder/upper,workdir=/mnt/$folder/work line /$folder
done
rm -rf /opt/edge-inspector /etc/edge-inspector /etc/systemd/system /etc/*.d/*edge-inspector* /var/lib/edge-inspector
mkdir /etc/edge-inspector /var/lib/edge-inspector
mount -t proc proc /proc
mount -t tmpfs run /run
echo ready
exec cat
"""


def is_refused() -> bool:
    """Return whether this computer makes no such namespaces."""
    words = [*ALONE, "sh", "-c", PREPARE]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    return done.returncode != 0


class LinePC:
    """Runs programs as root of a PC whose /opt, /etc and /var/lib are its own; ends with the block."""

    def __init__(self) -> None:
        # Of this Python, as a distribution's: without the environment that the tests run in.
        python = Path(os.path.realpath(sys.executable)).parent
        self._env = {"PATH": f"{python}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}

    def __enter__(self) -> LinePC:
        command = [*ALONE, "sh", "-c", PREPARE]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout
        assert self._holder.stdout.readline() == "ready\n"
        # unshare itself stays outside; its child is process 1 in there.
        [inside] = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        users = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self._enter = ["nsenter", "--target", inside, *users, "--mount", "--net", "--pid"]
        self.root = Path(f"/proc/{inside}/root")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._holder.stdin
        assert self._holder.stdout
        self._holder.stdin.close()
        self._holder.wait(timeout=20)
        self._holder.stdout.close()

    def start(self, *command: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a program, in a session of its own, so that it can be killed with all that it started."""
        return subprocess.Popen(
            [*self._enter, *command],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._env,
            start_new_session=True,
        )

    def run(self, *command: str, typed: str = "") -> tuple[int, str]:
        """Return exit code and everything that a program said."""
        with self.start(*command, stdin=subprocess.PIPE) as process:
            said, _ = process.communicate(typed, timeout=50)
        return process.returncode, said

    def install(self, house: Path, *options: str) -> tuple[int, str]:
        """Run the installer of a wheelhouse."""
        return self.run("sh", str(house / "install"), *options)

    def admin(self, *words: str, typed: str = "") -> tuple[int, str]:
        """Run the program that the installer left."""
        return self.run("/opt/edge-inspector/edge-inspector-admin", *words, typed=typed)

    def version(self) -> str:
        """Return what the unit's program says that it is; empty when there is none."""
        code, said = self.run("/opt/edge-inspector/bin/edge-inspector", "version")
        return said.strip() if code == 0 else ""

    def path(self, place: str) -> Path:
        """Return where a file of the PC lies, seen from here."""
        return self.root / place.lstrip("/")
