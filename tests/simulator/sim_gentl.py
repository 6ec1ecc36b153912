"""The producer's functions by themselves, through ctypes, called wrongly: each run in a process of its own."""

from __future__ import annotations

import ctypes
from typing import Any

# One letter per argument: h handle, b buffer handle, s text, u uint32, i int32, q uint64, z size,
# and places for an answer: p data, Z size, T type, U uint32, B byte, H handle.
FUNCTIONS = {
    "GCInitLib": "", "GCCloseLib": "", "GCGetInfo": "iTpZ", "GCGetLastError": "TpZ", "GCReadPort": "hqpZ",
    "GCWritePort": "hqpZ", "GCGetPortURL": "hpZ", "GCGetPortInfo": "hiTpZ", "GCRegisterEvent": "hiH",
    "GCUnregisterEvent": "hi", "GCGetNumPortURLs": "hU", "GCGetPortURLInfo": "huiTpZ", "GCReadPortStacked": "hpZ",
    "GCWritePortStacked": "hpZ", "EventGetData": "hpZq", "EventGetDataInfo": "hpziTpZ", "EventGetInfo": "hiTpZ",
    "EventFlush": "h", "EventKill": "h", "TLOpen": "H", "TLClose": "h", "TLGetInfo": "hiTpZ",
    "TLGetNumInterfaces": "hU", "TLGetInterfaceID": "hupZ", "TLGetInterfaceInfo": "hsiTpZ", "TLOpenInterface": "hsH",
    "TLUpdateInterfaceList": "hBq", "IFClose": "h", "IFGetInfo": "hiTpZ", "IFGetNumDevices": "hU",
    "IFGetDeviceID": "hupZ", "IFUpdateDeviceList": "hBq", "IFGetDeviceInfo": "hsiTpZ", "IFOpenDevice": "hsiH",
    "IFGetParentTL": "hH", "DevGetPort": "hH", "DevGetNumDataStreams": "hU", "DevGetDataStreamID": "hupZ",
    "DevOpenDataStream": "hsH", "DevGetInfo": "hiTpZ", "DevClose": "h", "DevGetParentIF": "hH",
    "DSAnnounceBuffer": "hpzpH", "DSAllocAndAnnounceBuffer": "hzpH", "DSAnnounceCompositeBuffer": "hzppH",
    "DSFlushQueue": "hi", "DSStartAcquisition": "hiq", "DSStopAcquisition": "hi", "DSGetInfo": "hiTpZ",
    "DSGetBufferID": "huH", "DSClose": "h", "DSRevokeBuffer": "hbHH", "DSQueueBuffer": "hb",
    "DSGetBufferInfo": "hbiTpZ", "DSGetBufferChunkData": "hbpZ", "DSGetParentDev": "hH", "DSGetNumBufferParts": "hbU",
    "DSGetBufferPartInfo": "hbuiTpZ", "DSGetBufferInfoStacked": "hbpz", "DSGetBufferPartInfoStacked": "hbupz",
    "DSGetNumFlows": "hU", "DSGetFlowInfo": "huiTpZ", "DSGetNumBufferSegments": "hbU",
    "DSGetBufferSegmentInfo": "hbuiTpZ",
}  # fmt: skip
_PORTS = {"system", "interface", "device", "remote", "stream"}
_ACCEPTED = {"GC": _PORTS, "Ev": {"event"}, "TL": {"system"}, "IF": {"interface"}, "De": {"device"}, "DS": {"stream"}}
"""Start of a function's name -> the kinds of handle that it takes."""
_GARBAGE = (0, 1, 4096, 0xDEADBEEF, 0x7FFF_FFFF_F000, 2**64 - 1)
_PLACES = "pZTUBH"
INVALID_HANDLE, NOT_INITIALIZED, OK = -1006, -1002, 0


class Library:
    """The producer, loaded; every call has arguments of the right types and as wrong values as asked for."""

    def __init__(self, cti: str) -> None:
        self._dll = ctypes.CDLL(cti)
        self._memory = ctypes.create_string_buffer(4096)  # where every answer goes, unless it must be NULL
        self._size = ctypes.c_size_t()

    def call(self, name: str, *handles: int, texts: str = "", places: bool = True, flags: int = 0) -> int:
        """Call a function with handles in order; other numbers are `flags`."""
        given, arguments = list(handles), []
        self._size.value = 64
        for letter in FUNCTIONS[name]:
            arguments.append(self._argument(letter, given, texts, places, flags))
        return int(getattr(self._dll, name)(*arguments))

    def made(self) -> int:
        """The handle that the last call gave."""
        return int.from_bytes(self._memory.raw[:8], "little")

    def _argument(self, letter: str, given: list[int], text: str, places: bool, flags: int) -> Any:
        if letter in "hb":
            return ctypes.c_void_p(given.pop(0) if given else 0)
        if letter == "s":
            return ctypes.c_char_p(text.encode()) if text else None
        if letter == "u":
            return ctypes.c_uint32(flags)
        if letter == "i":
            return ctypes.c_int32(flags)
        if letter == "q":
            return ctypes.c_uint64(0)
        if letter == "z":
            return ctypes.c_size_t(64)
        if not places:
            return None
        return ctypes.byref(self._size) if letter == "Z" else ctypes.byref(self._memory)

    def must(self, name: str, *handles: int, texts: str = "", flags: int = 0) -> int:
        """Call what must succeed; the handle that it gave."""
        error = self.call(name, *handles, texts=texts, flags=flags)
        assert error == OK, (name, error)
        return self.made()

    def open_all(self) -> dict[str, int]:
        """A handle of every kind."""
        self.must("GCInitLib")
        found = {"system": self.must("TLOpen")}
        found["interface"] = self.must("TLOpenInterface", found["system"], texts="SIM0")
        self.must("IFUpdateDeviceList", found["interface"])
        found["device"] = self.must("IFOpenDevice", found["interface"], texts="SIMCAM0", flags=4)
        found["remote"] = self.must("DevGetPort", found["device"])
        found["stream"] = self.must("DevOpenDataStream", found["device"], texts="SIMSTREAM0")
        found["event"] = self.must("GCRegisterEvent", found["stream"], flags=1)
        found["buffer"] = self.must("DSAllocAndAnnounceBuffer", found["stream"])
        return found


def symbols(cti: str) -> list[str]:
    """GenTL functions that the producer lacks."""
    dll = ctypes.CDLL(cti)
    return [name for name in FUNCTIONS if not hasattr(dll, name)]


def before_init(cti: str) -> list[str]:
    """Functions that do not say that the library is not initialized."""
    library = Library(cti)
    free = {"GCInitLib", "GCGetInfo", "GCGetLastError"}
    return [name for name in FUNCTIONS if name not in free and library.call(name) != NOT_INITIALIZED]


def wrong_handles(cti: str) -> list[str]:
    """Calls with NULL, garbage, foreign or stale handles that were not refused as such."""
    library = Library(cti)
    live = library.open_all()
    wrong: list[str] = []
    for name, letters in FUNCTIONS.items():
        if "h" not in letters:
            continue
        foreign = [handle for kind, handle in live.items() if kind not in _ACCEPTED[name[:2]]]
        wrong += [f"{name}({h:#x})" for h in [*_GARBAGE, *foreign] if library.call(name, h, 0) != INVALID_HANDLE]
        if "b" in letters and name not in _UNSUPPORTED:
            buffers = [*_GARBAGE, *(handle for kind, handle in live.items() if kind != "buffer")]
            wrong += [
                f"{name}(stream, {h:#x})" for h in buffers if library.call(name, live["stream"], h) != INVALID_HANDLE
            ]
    library.must("TLClose", live["system"])
    for name, letters in FUNCTIONS.items():
        if "h" in letters:
            stale = [h for h in live.values() if library.call(name, h, live["buffer"]) != INVALID_HANDLE]
            wrong += [f"stale {name}({h:#x})" for h in stale]
    library.must("GCCloseLib")
    return wrong


_UNSUPPORTED = {
    "DSGetBufferInfoStacked",
    "DSGetBufferPartInfoStacked",
    "DSGetNumBufferParts",
    "DSGetBufferPartInfo",
    "DSGetNumBufferSegments",
    "DSGetBufferSegmentInfo",
}
"""Refused whatever the buffer is."""


def no_places(cti: str) -> dict[str, int]:
    """Right handles, and NULL wherever an answer should go: error of each function that gives one."""
    library = Library(cti)
    answers = {}
    for name, letters in FUNCTIONS.items():
        if not set(letters) & set(_PLACES):
            continue
        live = library.open_all()
        kind = {"GC": "remote", "Ev": "event", "TL": "system", "IF": "interface", "De": "device", "DS": "stream"}
        answers[name] = library.call(name, live[kind[name[:2]]], live["buffer"], places=False)
        library.call("GCCloseLib")
    return answers


def every_command(cti: str) -> int:
    """Ask every info function for every number from -1 to 40, with sizes that are too small too; calls made."""
    library = Library(cti)
    live = library.open_all()
    kinds = {"GC": "remote", "Ev": "event", "TL": "system", "IF": "interface", "De": "device", "DS": "stream"}
    n_calls = 0
    for name, letters in FUNCTIONS.items():
        if not letters.endswith("iTpZ"):
            continue
        for command in range(-1, 41):
            text = {"TL": "SIM0", "IF": "SIMCAM0"}.get(name[:2], "")
            error = library.call(name, live[kinds[name[:2]]], live["buffer"], texts=text, flags=command)
            assert error in (OK, -1001, -1003, -1008, -1009, -1014, -1016, -1017), (name, command, error)
            n_calls += 1
    library.must("GCCloseLib")
    return n_calls


def life(cti: str) -> list[int]:
    """Error codes where the order of calls is wrong."""
    library = Library(cti)
    live = library.open_all()
    stream, buffer = live["stream"], live["buffer"]
    errors = [
        library.call("GCInitLib"),
        library.call("TLOpen"),
        library.call("TLOpenInterface", live["system"], texts="SIM0"),
        library.call("TLOpenInterface", live["system"], texts="nothing"),
        library.call("IFOpenDevice", live["interface"], texts="SIMCAM0", flags=4),
        library.call("IFOpenDevice", live["interface"], texts="SIMCAM3", flags=4),
        library.call("DevOpenDataStream", live["device"], texts="SIMSTREAM0"),
        library.call("GCRegisterEvent", stream, flags=1),
        library.call("GCRegisterEvent", stream, flags=4),
        library.call("EventGetData", live["event"]),
        library.call("DSQueueBuffer", stream, buffer),
        library.call("DSQueueBuffer", stream, buffer),
        library.call("DSRevokeBuffer", stream, buffer),
        library.call("DSFlushQueue", stream, flags=9),
        library.call("DSFlushQueue", stream, flags=4),
        library.call("EventKill", live["event"]),
        library.call("EventGetData", live["event"]),
        library.call("DSRevokeBuffer", stream, buffer),
        library.call("DSRevokeBuffer", stream, buffer),
        library.call("GCUnregisterEvent", stream, flags=1),
        library.call("GCUnregisterEvent", stream, flags=1),
    ]
    library.must("DSClose", stream)
    reopened = library.must("DevOpenDataStream", live["device"], texts="SIMSTREAM0")
    errors.append(library.call("GCRegisterEvent", reopened, flags=1))  # closing dropped the registration before
    errors += [library.call("GCCloseLib"), library.call("GCCloseLib")]
    return errors
