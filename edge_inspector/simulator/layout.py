"""The control file as ctypes sees it: the same structures as c/control.h, which says what each field means.

The build compares every offset with the C side and fails where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import Structure, c_char, c_double, c_int32, c_int64, c_uint32, c_uint64

from edge_inspector.simulator.faults import Fault

MAGIC = 0x4D495345
VERSION = 2
MAX_CAMERAS = 4
MAX_SEGMENTS = 32
PATH_BYTES = 512


class FaultState(Structure):
    """One fault of one camera."""

    _fields_ = (
        ("next", c_uint32),
        ("every", c_uint32),
        ("seen", c_uint32),
        ("value", c_int32),
        ("fired", c_uint64),
    )


class Segment(Structure):
    """A stretch of time with one speed."""

    _fields_ = (
        ("start_ns", c_int64),
        ("start_mm", c_double),
        ("speed_mm_s", c_double),
        ("start_edges", c_uint64),
    )


class ConveyorState(Structure):
    """A conveyor with parts and an encoder."""

    _fields_ = (
        ("sequence", c_uint32),
        ("n_segments", c_uint32),
        ("spacing_mm", c_double),
        ("counts_per_mm", c_double),
        ("stepped_edges", c_uint64),
        ("stepped_ns", c_int64),
        ("stepped_mm", c_double),
        ("segments", Segment * MAX_SEGMENTS),
    )


class CameraState(Structure):
    """One camera: configuration, state that outlives a process, ground truth, faults."""

    _fields_ = (
        ("serial", c_char * 32),
        ("user_id", c_char * 32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixel_format", c_uint32),
        ("conveyor", c_uint32),
        ("frame_rate_hz", c_double),
        ("line_rate_hz", c_double),
        ("exposure_us", c_double),
        ("line_scan", c_uint32),
        ("stamped", c_uint32),
        ("patient", c_uint32),
        ("frame_id_bits", c_uint32),
        ("first_frame_id", c_uint64),
        ("encoder_modulus", c_uint64),
        ("pictures", c_char * PATH_BYTES),
        ("linger_ms", c_uint32),
        ("losses", c_uint32),
        ("absent_until_ns", c_int64),
        ("clock_offset_ns", c_int64),
        ("clock_drift_ppm", c_double),
        ("clock_epoch_ns", c_int64),
        ("encoder_offset", c_int64),
        ("encoder_sign", c_int32),
        ("temperature_mc", c_int32),
        ("edges_at_reset", c_uint64),
        ("holder_pid", c_uint32),
        ("is_acquiring", c_uint32),
        ("heard_ns", c_int64),
        ("edges", c_uint64),
        ("exposed", c_uint64),
        ("delivered", c_uint64),
        ("over_triggers", c_uint64),
        ("missed", c_uint64),
        ("extra", c_uint64),
        ("underruns", c_uint64),
        ("last_trigger", c_uint64),
        ("opened", c_uint64),
        ("rests", c_uint64),
        ("faults", FaultState * len(Fault)),
    )


class ControlState(Structure):
    """The whole file."""

    _fields_ = (
        ("magic", c_uint32),
        ("version", c_uint32),
        ("bytes", c_uint32),
        ("n_cameras", c_uint32),
        ("tl_type", c_uint32),
        ("old_names", c_uint32),
        ("conveyors", ConveyorState * MAX_CAMERAS),
        ("cameras", CameraState * MAX_CAMERAS),
    )


STRUCTURES: dict[str, type[Structure]] = {
    "fault_state": FaultState,
    "segment": Segment,
    "conveyor": ConveyorState,
    "camera_control": CameraState,
    "control": ControlState,
}
"""Name in C -> structure."""


def offsets() -> Iterator[tuple[str, str, int]]:
    """Return (structure in C, field, offset in bytes) of every field."""
    for name, structure in STRUCTURES.items():
        for field in structure._fields_:
            yield name, field[0], getattr(structure, field[0]).offset
