"""What can be made to go wrong with a simulated camera."""

from __future__ import annotations

from enum import IntEnum


class Fault(IntEnum):
    """A fault, in the order of `enum fault` in c/control.h. docs/reference/simulator.md says what a consumer sees."""

    DROP = 0
    """A frame is lost on the way: its frame id is missing."""
    INCOMPLETE = 1
    """A buffer is flagged as incomplete; its last quarter is missing."""
    TRUNCATED = 2
    """Half a frame arrives, and nothing says so but the number of bytes filled."""
    PADDED = 3
    """`value` bytes (8) follow each row."""
    WRONG_SIZE = 4
    """A frame is half as high as configured, and says so."""
    LARGER = 5
    """A frame was larger than its buffer, and says so."""
    DUPLICATE_ID = 6
    """A new part comes under the frame id of the part before."""
    REPEATED = 7
    """A frame is delivered twice."""
    OUT_OF_ORDER = 8
    """A frame is delivered after the one that follows it."""
    MISSED_TRIGGER = 9
    """A part passes, the trigger counter counts it, and there is no frame and no gap in the frame ids."""
    EXTRA_FRAME = 10
    """A frame without a part follows."""
    MISSING_CHUNK = 11
    """Chunk `value` is missing, or all of them when it is 0."""
    UNKNOWN_FORMAT = 12
    """A buffer names pixel format `value` (a vendor's own)."""
    STALL = 13
    """While it holds there are no frames."""
    PORT_ERROR = 14
    """Register accesses fail with GenTL error `value` (-1010, I/O)."""
    LOST = 15
    """While it holds the camera is not reachable; afterwards it must be opened anew."""
    SLOW_CONTROL = 16
    """Each register access takes `value` milliseconds (50)."""
    HUNG_CONTROL = 17
    """While it holds register accesses do not return."""
    START_FAILURE = 18
    """AcquisitionStart fails with GenTL error `value` (-1010)."""
    STOP_FAILURE = 19
    """DSStopAcquisition fails with GenTL error `value` (-1010)."""
    OVER_TRIGGER = 20
    """A part comes as if the camera were busy: told as an over-trigger, no frame and no gap in the frame ids."""
    BROKEN_XML = 21
    """While it holds the camera's description is broken; `value` is one of `BrokenXml`."""
    BROKEN_MODULES = 22
    """While it holds those of the GenTL modules (system, interface, device, stream) are broken, in the same ways."""
    NO_XML = 23
    """While it holds the camera has no description."""


class BrokenXml(IntEnum):
    """Ways in which a description is broken, in the order of `enum broken_xml`."""

    CUT_OFF = 0
    TEXT = 1
    """It is no XML."""
    OTHER = 2
    """It is XML, and no description."""
    EMPTY = 3
    ELSEWHERE = 4
    """It lies on a server of the maker."""
    UNRESOLVED = 5
    """A feature names a register that there is not."""


LEVELS = frozenset({Fault.STALL, Fault.LOST, Fault.HUNG_CONTROL, Fault.BROKEN_XML, Fault.BROKEN_MODULES, Fault.NO_XML})
"""Faults that are a state, not something that happens to one frame or access."""
