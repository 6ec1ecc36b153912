"""Steering one simulated camera: faults, its clock and encoder, and what really happened."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.simulator.config import CameraConfig
from edge_inspector.simulator.conveyor import Conveyor
from edge_inspector.simulator.faults import LEVELS, Fault
from edge_inspector.simulator.features import PIXEL_FORMATS
from edge_inspector.simulator.layout import PATH_BYTES
from edge_inspector.simulator.waiting import wait_until

_TEMPERATURE_MC = 41_500  # thousandths of a degree: warm, as cameras are

_SILENT_NS = 1_000_000_000  # the producer gives a sign of life every 20 ms: whoever gives none for so long was killed


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened at a camera, counted by the producer since the control file was made."""

    edges: int
    """Part sensor edges that it dealt with while it was acquiring."""
    exposed: int
    """Frames taken."""
    delivered: int
    """Buffers put into the output queue; a repeated frame counts twice."""
    over_triggers: int
    """Edges that came while it was busy."""
    missed: int
    """Edges that `Fault.MISSED_TRIGGER` swallowed."""
    extra: int
    """Frames without an edge, by `Fault.EXTRA_FRAME`."""
    underruns: int
    """Frames that found no free buffer."""
    last_trigger: int
    """Trigger number of the last frame taken."""
    opened: int
    """How often it was opened."""


class SimulatedCamera:
    """A camera in the control file. One process writes it; the camera's own process may be any other."""

    def __init__(self, state: Any, conveyor: Conveyor, conveyor_state: Any) -> None:
        self._state = state
        self._conveyor = conveyor
        self._conveyor_state = conveyor_state

    def fail(self, fault: Fault, *, once: int = 0, every: int = 0, value: int = 0) -> None:
        """Switch a fault on, or off with neither number.

        Args:
            fault: What goes wrong.
            once: The next so many frames (or accesses) have it.
            every: Each so-manieth one has it; 1 for all. For a fault that is a state, any number switches it on.
            value: Its parameter, see `Fault`; 0 for the usual one.
        """
        state = self._state.faults[fault]
        is_on = once > 0 or every > 0
        if fault is Fault.LOST and is_on:
            self._state.losses += 1
        if value or fault is not Fault.PADDED:  # the room for padding that was configured stays
            state.value = value
        state.seen = 0
        state.every = (1 if is_on else 0) if fault in LEVELS else every
        state.next = 0 if fault in LEVELS else once

    def mend(self, *faults: Fault) -> None:
        """Switch faults off; all of them when none is named."""
        for fault in faults or tuple(Fault):
            self.fail(fault)

    def fired(self, fault: Fault) -> int:
        """Return how often a fault was applied."""
        return int(self._state.faults[fault].fired)

    def lose(self) -> None:
        """Cut the camera's power: not reachable, what was open stays dead, features are back at their defaults."""
        self.fail(Fault.LOST, every=1)

    def come_back(self) -> None:
        """Give its power back; it must be opened anew."""
        self.fail(Fault.LOST)

    def jump_clock(self, by_ns: int) -> None:
        """Let the camera's clock jump."""
        self._state.clock_offset_ns += by_ns

    def jump_encoder(self, by_counts: int) -> None:
        """Let the encoder's counter jump, as by noise on its lines."""
        self._state.encoder_offset += by_counts

    def reset_encoder(self) -> None:
        """Let the encoder begin at 0 again, as after a loss of its power."""
        self._state.encoder_offset = -self._state.encoder_sign * self._raw_counts()

    def reverse_encoder(self) -> None:
        """Let the encoder count the other way from now, as with its lines exchanged."""
        raw = self._raw_counts()
        self._state.encoder_offset += 2 * self._state.encoder_sign * raw
        self._state.encoder_sign = -self._state.encoder_sign

    def settle(self, timeout_s: float = 10.0) -> None:
        """Return when an armed camera has dealt with all that was asked of it until now.

        Every part fired and every move made by hand has then become frames in the consumer's queue, or nothing.

        Raises:
            TimeoutError: No stream is running, or it is busy all the time (a patient free run never rests).
        """
        # The look that is going on may have begun before; the one after it has not.
        enough = self._state.rests + 2
        wait_until(lambda: self._state.rests >= enough, "the camera has nothing left to do", timeout_s)

    def set_linger_ms(self, linger_ms: int) -> None:
        """Set how long the camera stays taken after its process was killed."""
        self._state.linger_ms = linger_ms

    @property
    def encoder_counts(self) -> int:
        """What the camera's encoder shows now."""
        counts = self._state.encoder_sign * self._raw_counts() + self._state.encoder_offset
        return int(counts % self._state.encoder_modulus if self._state.encoder_modulus else counts)

    @property
    def is_acquiring(self) -> bool:
        """Whether it is between AcquisitionStart and AcquisitionStop; parts before that are not photographed."""
        return bool(self._state.is_acquiring) and monotonic_ns() - self._state.heard_ns < _SILENT_NS

    @property
    def holder_pid(self) -> int:
        """Process that opened it and did not close it; 0 for none."""
        return int(self._state.holder_pid)

    @property
    def truth(self) -> Truth:
        """What really happened until now."""
        return Truth(**{name: int(getattr(self._state, name)) for name in Truth.__slots__})

    def _raw_counts(self) -> int:
        counts_per_mm = float(self._conveyor_state.counts_per_mm)
        return math.floor(self._conveyor.position_mm * counts_per_mm + 1e-6)


def write_camera(state: Any, config: CameraConfig, n_conveyors: int) -> None:
    """Write a camera's configuration into the control file.

    Raises:
        ValueError: It cannot be simulated.
    """
    for what in _mistakes(config, n_conveyors):
        raise ValueError(f"camera {config.serial}: {what}")
    state.serial, state.user_id = config.serial.encode(), config.user_id.encode()
    state.width, state.height = config.width, config.height
    state.pixel_format = PIXEL_FORMATS[config.pixel_format]
    state.conveyor = config.conveyor
    state.frame_rate_hz, state.line_rate_hz = config.frame_rate_hz, config.line_rate_hz
    state.exposure_us = config.exposure_us
    state.line_scan, state.stamped, state.patient = config.line_scan, config.stamped, config.patient
    state.frame_id_bits, state.first_frame_id = config.frame_id_bits, config.first_frame_id
    state.encoder_modulus, state.encoder_sign = config.encoder_modulus, 1
    state.pictures = str(config.pictures.absolute()).encode() if config.pictures else b""
    state.linger_ms = config.linger_ms
    state.clock_offset_ns, state.clock_drift_ppm = config.clock_offset_ns, config.clock_drift_ppm
    state.clock_epoch_ns = monotonic_ns()
    state.temperature_mc = _TEMPERATURE_MC
    state.faults[Fault.PADDED].value = config.padding_bytes


def _mistakes(config: CameraConfig, n_conveyors: int) -> Iterable[str]:
    if config.pixel_format not in PIXEL_FORMATS:
        yield f"pixel format {config.pixel_format!r} is none of {', '.join(PIXEL_FORMATS)}"
    if config.width % 4 or not 16 <= config.width <= 16384:
        yield f"width {config.width} is no multiple of 4 from 16 to 16384"
    if not 1 <= config.height <= 16384:
        yield f"height {config.height} is not within 1 to 16384"
    if not 0 <= config.conveyor < n_conveyors:
        yield f"conveyor {config.conveyor} is none of the {n_conveyors} there are"
    if config.pictures and len(str(config.pictures.absolute()).encode()) >= PATH_BYTES:
        yield f"the path of its pictures is longer than {PATH_BYTES - 1} bytes"
    if len(config.serial.encode()) > 31 or len(config.user_id.encode()) > 31:
        yield "serial or user id is longer than 31 bytes"
