"""Compiles `between.c`, and switches its faults on and off."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

NS_PER_S = 1_000_000_000


class Between:
    """What stands between the processes of a line and their C library. Everything is off at first."""

    def __init__(self, library: Path, folder: Path, disk: Path) -> None:
        """Prepare.

        Args:
            library: What `compile_between` made.
            folder: For the switches.
            disk: Files below it meet the faults of the disk.
        """
        self._library, self._disk = library, disk
        self._sync, self._write = folder / "fault-sync", folder / "fault-write"
        self._clock = folder / "fault-clock"
        self._clock.write_bytes(bytes(8))

    def environment(self, *, unsynced: bool = False) -> dict[str, str]:
        """Return what a process needs to meet the faults.

        Args:
            unsynced: The kernel's clock calls itself not synchronised.
        """
        return {
            "LD_PRELOAD": str(self._library),
            "FAULT_FOLDER": str(self._disk),
            "FAULT_SYNC": str(self._sync),
            "FAULT_WRITE": str(self._write),
            "FAULT_CLOCK": str(self._clock),
        } | ({"FAULT_UNSYNCED": "1"} if unsynced else {})

    def refuse_writes(self, error: str) -> None:
        """Fail writes with `ENOSPC` or `EROFS` from now on."""
        draft = self._write.with_suffix(".draft")
        draft.write_text(error)
        draft.rename(self._write)

    def fail_syncs(self) -> None:
        """Fail fsync and fdatasync from now on."""
        self._sync.touch()

    def mend(self) -> None:
        """The disk obeys again."""
        self._write.unlink(missing_ok=True)
        self._sync.unlink(missing_ok=True)

    def set_clock_off(self, seconds: float) -> None:
        """UTC is wrong by so much from now on."""
        # One aligned store into the file's own page: every process maps it.
        with self._clock.open("r+b", buffering=0) as file:
            os.pwrite(file.fileno(), struct.pack("=q", round(seconds * NS_PER_S)), 0)


def compile_between(compiler: str, folder: Path) -> Path:
    """Return the library, made in a folder."""
    source, library = Path(__file__).with_suffix(".c"), folder / "between.so"
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(library), str(source), "-ldl"], check=True, timeout=50)
    return library
