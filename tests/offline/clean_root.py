"""The files of a freshly installed distribution, and what runs in them: as root, with a loopback and no network."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES = ("python3", f"libpython{PYTHON}", "systemd")
"""What the guide has a line PC install, and systemd: what a freshly installed PC has beside it."""
NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]
_CACHE = Path(tempfile.gettempdir()) / "edge-inspector-clean-roots"

# $1 the root, $2 what is on the stick (read-only, as a stick may be), then the command.
_ENTER = """
set -e
root=$1 stick=$2; shift 2
mount --bind -o ro "$stick" $root/media
mount -t proc proc $root/proc
mount -t tmpfs dev $root/dev
mkdir $root/dev/shm
mount -t tmpfs shm $root/dev/shm
for name in null zero full random urandom; do : >$root/dev/$name; mount --bind /dev/$name $root/dev/$name; done
ip link set lo up
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root chroot $root "$@"
"""


def why_not_here() -> str:
    """Return why no clean root can be had here; empty when one can."""
    if os.geteuid() != 0 or subprocess.run(["unshare", *NAMESPACES, "true"], check=False).returncode != 0:
        return "unshare is refused"
    if not shutil.which("mmdebstrap"):
        return "mmdebstrap is not installed"
    return ""


def make_archive() -> Path:
    """Return the root as an archive, made once: this computer's distribution, from where its own packages come."""
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    archive = _CACHE / f"{codename}-{'-'.join(PACKAGES)}.tar"
    if not archive.exists():
        apt = Path("/etc/apt")
        sources = [apt / "sources.list", *apt.glob("sources.list.d/*.list"), *apt.glob("sources.list.d/*.sources")]
        sources = [path for path in sources if path.is_file() and codename in path.read_text()]
        _CACHE.mkdir(exist_ok=True)
        draft = archive.with_suffix(".new.tar")
        words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", codename, str(draft)]
        subprocess.run([*words, *map(str, sources)], check=True, timeout=900)
        draft.rename(archive)
    return archive


class CleanRoot:
    """A copy of the root that keeps what is written to it until the block ends."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self._archive = archive
        self.folder = folder

    def __enter__(self) -> Self:
        self.folder.mkdir()
        subprocess.run(["tar", "-xf", self._archive, "-C", self.folder, "--exclude=./dev/*"], check=True, timeout=120)
        # A distribution's installer writes it, mmdebstrap does not: without it `localhost` is asked from the network.
        (self.folder / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        return self

    def __exit__(self, *_: object) -> None:
        # What was mounted went with the namespaces; one left behind must not be followed.
        subprocess.run(["rm", "-rf", "--one-file-system", self.folder], check=True, timeout=120)

    def run(self, stick: Path, script: str, limit_s: float = 400, kill_after_s: float | None = None) -> tuple[int, str]:
        """Run a shell's script in there, the stick at /media; returns exit code and what was said.

        `kill_after_s` kills all of it at that time; None lets it end by itself.
        """
        command = ["unshare", *NAMESPACES, "sh", "-c", _ENTER, "sh", str(self.folder), str(stick), "sh", "-c", script]
        if kill_after_s is not None:
            command = ["timeout", "--signal=KILL", f"{kill_after_s:.1f}", *command]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit_s, check=False
        )
        return done.returncode, done.stdout

    def path(self, place: str) -> Path:
        """Return where a file of the root lies, seen from here."""
        return self.folder / place.lstrip("/")
