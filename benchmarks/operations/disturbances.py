"""What a line is disturbed with: pictures that are broken, logs that are read or not, a disk that is full."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

PIPE_BYTES = 4096
DISK = "size=1m"
_MOUNT_AND_FILL = (
    f'mount -t tmpfs -o {DISK} evidence "$0" && {{ head -c 2000000 /dev/zero >"$0/full" 2>/dev/null; exec "$@"; }}'
)
"""What the disk is filled with ends by itself; the disk ends with the last process that sees it."""


def broken_pictures(good: Path, folder: Path, n: int) -> Path:
    """Fill a folder with pictures of which every second is cut off; returns it.

    Args:
        good: Folder of pictures that can be read.
        folder: Filled when first asked for.
        n: Pictures. A camera that replays them complains of each broken one once.
    """
    if folder.exists():
        return folder
    folder.mkdir()
    pictures = sorted(good.iterdir())
    for i in range(n):
        path = folder / f"{i:06}{pictures[0].suffix}"
        if i % 2:
            data = pictures[i % len(pictures)].read_bytes()
            path.write_bytes(data[: len(data) // 2])
        else:
            os.link(pictures[i % len(pictures)], path)
    return folder


def read_pipe(stack: ExitStack) -> tuple[int, subprocess.Popen[bytes]]:
    """Return a descriptor to write to, and a process that reads all of it and prints how many lines it had."""
    reading, writing = os.pipe()
    reader = subprocess.Popen(["wc", "-l"], stdin=reading, stdout=subprocess.PIPE)
    os.close(reading)
    stack.callback(_end, reader)
    return writing, reader


def unread_pipe(stack: ExitStack) -> int:
    """Return a descriptor to write to which takes nothing more: its pipe is full and nobody reads."""
    reading, writing = os.pipe()
    stack.callback(os.close, reading)
    stack.callback(os.close, writing)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"." * PIPE_BYTES)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return writing


def on_full_disk(folder: Path) -> tuple[str, ...]:
    """Return the words before a command that make it see a small disk without room in the place of a folder.

    Nobody else sees that disk, and nothing is left to unmount.
    """
    return (*_unshare(), "sh", "-c", _MOUNT_AND_FILL, str(folder))


def may_mount() -> bool:
    """Return whether this user may mount a disk in a namespace of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_unshare(), "true"], check=False, capture_output=True).returncode == 0


def _unshare() -> tuple[str, ...]:
    return ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--map-root-user")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
