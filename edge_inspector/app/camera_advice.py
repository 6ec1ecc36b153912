"""What a person should do when the camera process died of native code."""

from __future__ import annotations

import re
import signal

from edge_inspector.run.supervise import Announce
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.line import LineSettings

_NATIVE = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
"""Python does not end so by itself: a library did."""


def with_advice(announce: Announce, settings: LineSettings) -> Announce:
    """Return an announcer that names the GenTL producer when the camera process died in native code.

    Args:
        announce: Tells people and clients.
        settings: Of the line.
    """
    cameras = [view.camera for view in settings.views()]

    def tell(name: str, severity: str, detail: str, extra: dict[str, object] | None = None) -> None:
        if name == "camera_process_lost":
            # With several cameras the event names which one it was.
            which = next((one for one in cameras if f"camera {one.name} process" in detail), cameras[0])
            detail += _advice(detail, which.cti) if isinstance(which, GenicamSettings) else ""
        announce(name, severity, detail, extra)

    return tell


def _advice(detail: str, cti: str) -> str:
    found = re.search(r"signal (\d+)", detail)
    number = next((one for one in _NATIVE if found and int(found[1]) == one), None)
    if number is None:
        return ""
    return (
        f"; {number.name} comes from native code, most likely from the GenTL producer {cti}: try "
        f"`edge-inspector camera list --cti {cti}`, install the maker's current release, and tell the maker"
    )
