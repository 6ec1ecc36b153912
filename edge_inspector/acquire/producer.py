"""The GenTL producer: finding its file, loading it, listing its cameras, choosing one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import genicam
from genicam import gentl
from harvesters.core import Harvester

from edge_inspector.acquire.description import DESCRIPTION_ERRORS, LOGGER, overheard, why_no_description
from edge_inspector.acquire.gentl_library import why_not_loadable
from edge_inspector.acquire.installed import installed_producers, where_searched
from edge_inspector.acquire.teardown import let_go
from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.simulator.build import build_producer

_ACCESS_WORDS = {1: "free", 2: "free, read only", 3: "not reachable", 4: "in use", 5: "open here", 6: "open here"}
ACCESS_LOST = 3
"""Access status of a camera that was open and cannot be reached any more."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that a producer offers. A text is empty where the producer says nothing."""

    vendor: str
    model: str
    serial: str
    id: str
    """The producer's own name of the device."""
    tl_type: str
    """Transport: GEV (GigE Vision), U3V (USB3 Vision), CXP, CL, Custom, ..."""
    access: str
    """Whether it can be opened now, in words."""


def producer_path(cti: str) -> Path:
    """Return where a producer's file is.

    Args:
        cti: Its path; or `viky` for the one without cameras in the genicam wheel, `simulator` for our own, which is
            compiled now if it was not yet.

    Raises:
        CameraNotFoundError: There is no such file, or the simulator cannot be compiled.
    """
    if cti == "simulator":
        return build_producer()
    path = Path(genicam.__file__).parent / "viky.cti" if cti == "viky" else Path(cti)
    if path.is_file():
        return path
    if cti == "viky":
        raise CameraNotFoundError(f"this genicam wheel has no {path.name}; install genicam 1.6.0 or set camera.cti")
    found = [one for one in installed_producers() if one != str(path)]
    hint = f"installed here: {', '.join(found)}" if found else where_searched()
    what = f"there is no GenTL producer at {path}"
    if path.exists():
        what = f"{path} is no file, so no GenTL producer"
    elif path.is_symlink():
        what = f"{path} is a link to {path.readlink()}, which is gone"
    raise CameraNotFoundError(
        f"{what}; {hint}; install the camera maker's GenTL package and set camera.cti to "
        "the .cti file in it, or to `simulator` or `viky` to try without a camera"
    )


def load_producer(path: Path) -> Harvester:
    """Return a Harvester with one producer loaded and its cameras listed. The caller resets it.

    A producer can be loaded once in a process: while it is, a second one finds no cameras.

    Raises:
        CameraNotFoundError: The file is not a producer that this computer can load.
    """
    if why := why_not_loadable(path):
        raise _not_loaded(path, why)
    # Its handler would write tracebacks to stderr; what matters is raised and worded by this room.
    logging.getLogger(LOGGER).setLevel(logging.CRITICAL + 1)
    harvester = Harvester()
    with overheard() as heard:
        try:
            harvester.add_file(str(path))
            harvester.update()
        except (*DESCRIPTION_ERRORS, gentl.GenericException) as error:
            let_go(None, harvester)
            if (why := why_no_description(error, heard)) is None:
                raise _not_loaded(path, str(error)) from error
            raise CameraNotFoundError(
                f"the GenTL producer {path} cannot be used: its own description (XML) {why}; install the maker's "
                "current GenTL package"
            ) from error
    if not harvester._systems:  # Harvesters only logs why
        let_go(None, harvester)
        raise _not_loaded(path, "it gives no system; another program may hold it")
    return harvester


def _not_loaded(path: Path, why: str) -> CameraNotFoundError:
    return CameraNotFoundError(
        f"{path} cannot be loaded as a GenTL producer ({why}); check that it is the 64-bit Linux .cti of the camera "
        "maker and that its own libraries are installed"
    )


def describe(device: Any) -> CameraInfo:
    """Return what a Harvesters device info says."""
    access = _text(lambda: _ACCESS_WORDS.get(int(device.access_status), "unknown"))
    return CameraInfo(
        vendor=_text(lambda: device.vendor),
        model=_text(lambda: device.model),
        serial=_text(lambda: device.serial_number),
        id=_text(lambda: device.id_),
        tl_type=_text(lambda: device.tl_type),
        access=access or "unknown",
    )


def choose(found: Sequence[CameraInfo], serial: str) -> int:
    """Return the index of the one camera that is meant.

    Args:
        found: Every camera of the producer.
        serial: Its serial number; empty when there must be exactly one camera.

    Raises:
        CameraNotFoundError: None fits, or more than one does. The message lists what is there.
    """
    if not found:
        raise CameraNotFoundError(
            "the producer offers no camera; check power and cable, that the camera is in this computer's network, "
            "and `edge-inspector camera list`"
        )
    there = ", ".join(f"{info.serial or '(no serial)'} ({info.model or info.id})" for info in found)
    if not serial:
        if len(found) == 1:
            return 0
        raise CameraNotFoundError(
            f"the producer offers {len(found)} cameras and camera.serial is empty; set it to one of {there}"
        )
    matches = [i for i, info in enumerate(found) if info.serial == serial]
    if not matches:
        raise CameraNotFoundError(f"no camera has serial number {serial!r}; there are {there}; check camera.serial")
    if len(matches) > 1:
        ids = ", ".join(found[i].id for i in matches)
        raise CameraNotFoundError(
            f"{len(matches)} cameras have serial number {serial!r} ({ids}); unplug all but one: "
            "pictures of the wrong camera must not be judged"
        )
    return matches[0]


def _text(ask: Callable[[], Any]) -> str:
    try:
        return str(ask() or "")
    except gentl.GenericException:  # producers leave out what they do not know
        return ""
