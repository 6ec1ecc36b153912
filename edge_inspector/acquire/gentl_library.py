"""Whether a file is a GenTL producer that this process can load, found out before it is used.

A producer that lacks a function is opened without complaint; the first call of that function then ends the whole
process with SIGSEGV. So every function that Harvesters needs is looked for first.
"""

from __future__ import annotations

import _ctypes
import ctypes
import os
import platform
import struct
from pathlib import Path

REQUIRED = tuple(
    """
    GCInitLib GCCloseLib GCGetInfo GCGetLastError GCReadPort GCWritePort GCGetNumPortURLs GCGetPortURLInfo
    GCGetPortInfo GCRegisterEvent EventGetData EventGetInfo EventFlush TLOpen TLClose TLGetNumInterfaces
    TLGetInterfaceID TLOpenInterface TLUpdateInterfaceList IFClose IFGetInfo IFGetNumDevices IFGetDeviceID
    IFUpdateDeviceList IFGetDeviceInfo IFOpenDevice DevClose DevGetInfo DevGetPort DevGetNumDataStreams
    DevGetDataStreamID DevOpenDataStream DSAnnounceBuffer DSFlushQueue DSStartAcquisition DSStopAcquisition
    DSGetInfo DSClose DSRevokeBuffer DSQueueBuffer DSGetBufferInfo
    """.split()  # noqa: SIM905 - a list of forty quoted words is harder to read
)
"""Measured: without one of these, listing, streaming or closing ends in SIGSEGV."""

_MACHINES = {0x03: "i686", 0x28: "armv7l", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv64"}  # e_machine of elf.h
_PLATFORM = {"AMD64": "x86_64", "arm64": "aarch64"}


def why_not_loadable(path: Path) -> str | None:
    """Return what keeps a file from being used as a producer here, None when nothing does.

    Its functions are looked for by loading it as a library; it is let go of again.
    """
    if fault := _wrong_file(path):
        return fault
    try:
        library = ctypes.CDLL(str(path), mode=os.RTLD_LAZY)
    except OSError as error:
        return str(error)
    try:
        lacking = [name for name in REQUIRED if not hasattr(library, name)]
    finally:
        # The producer is loaded anew afterwards, from its beginning.
        _ctypes.dlclose(library._handle)
    if len(lacking) == len(REQUIRED):
        return "it is a library, and none of a GenTL producer's functions is in it"
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        return (
            f"it lacks {', '.join(lacking[:3])}{more}, which every GenTL producer must have; the first use would crash"
        )
    return None


def _wrong_file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if head[:2] == b"MZ":
        return "it is a Windows library (DLL)"
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return "it is no ELF library, or too short for one"
    machine = _MACHINES.get(struct.unpack_from("<H", head, 18)[0], "another architecture")
    here = _PLATFORM.get(platform.machine(), platform.machine())
    if machine != here:
        return f"it is built for {machine}, this computer is {here}"
    # Loading a library whose end is missing does not fail: it ends the process with SIGBUS.
    return "its end is missing: it was not copied whole" if _end_of_segments(path) > path.stat().st_size else None


def _end_of_segments(path: Path) -> int:
    """Return how long a 64-bit ELF file must be, as its program headers say; their own end where they are cut off."""
    with path.open("rb") as file:
        header = file.read(64)
        if len(header) < 64:
            return 64
        start = int(struct.unpack_from("<Q", header, 32)[0])
        size, count = (int(one) for one in struct.unpack_from("<HH", header, 54))
        file.seek(start)
        table = file.read(size * count)
    if len(table) < size * count or size < 56:
        return start + max(size, 56) * count
    # p_offset and p_filesz of each Elf64_Phdr (elf.h)
    segments = [struct.unpack_from("<Q16xQ", table, size * n + 8) for n in range(count)]
    return max((int(offset) + int(length) for offset, length in segments), default=0)
