"""How a simulated line is set up: its cameras, its conveyors. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

TlType = Literal["Custom", "GEV", "U3V"]
TL_TYPES: tuple[TlType, ...] = ("Custom", "GEV", "U3V")


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera as it is after power-up."""

    serial: str = "SIM0001"
    user_id: str = ""
    width: int = 640
    """Pixels; a multiple of 4."""
    height: int = 480
    """Pixels, or lines per frame."""
    pixel_format: str = "Mono8"
    """PFNC name, one of `features.PIXEL_FORMATS`."""
    frame_rate_hz: float = 10.0
    """Of a free run."""
    line_rate_hz: float = 10_000.0
    """Of a line-scan camera whose lines no encoder triggers."""
    exposure_us: float = 500.0
    line_scan: bool = False
    conveyor: int = 0
    """Which conveyor it looks at. Cameras with the same one see the same parts at the same moment."""
    pictures: Path | None = None
    """File of raw frames, see `pictures.write_pictures`; None draws the pattern."""
    stamped: bool = False
    """The first 16 bytes of a pattern are part number, frame id and camera."""
    patient: bool = False
    """Frames wait for a buffer and exposure takes no time: as fast as the consumer, no frame lost for want of one."""
    first_frame_id: int = 0
    """Of each acquisition; GigE Vision begins with 1."""
    frame_id_bits: Literal[16, 64] = 64
    """16: frame id 65535 is followed by 1, as in GigE Vision 1.x."""
    encoder_modulus: int = 0
    """The encoder counts from 0 to one less than this; 0 for a signed count that does not wrap."""
    linger_ms: int = 0
    """Heartbeat timeout: how long the camera stays taken after the process that had it was killed."""
    clock_offset_ns: int = 0
    """What the camera's clock shows more than the computer's monotonic clock."""
    clock_drift_ppm: float = 0.0
    padding_bytes: int = 0
    """Room after each row that `Fault.PADDED` may use once the camera is armed."""


@dataclass(frozen=True, slots=True)
class ConveyorConfig:
    """A conveyor with a part sensor (Line0) and an encoder (Encoder0)."""

    speed_mm_s: float = 0.0
    """Negative runs backwards. 0 stands still, for parts fired one by one."""
    spacing_mm: float = 100.0
    """From part to part; 0 for a web without parts."""
    counts_per_mm: float = 10.0
    """Of the encoder."""

    @classmethod
    def at_rate(cls, parts_per_s: float, counts_per_part: float = 1000.0) -> Self:
        """Return a conveyor that brings so many parts per second."""
        spacing_mm = 100.0
        return cls(parts_per_s * spacing_mm, spacing_mm, counts_per_part / spacing_mm)


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """A whole simulated line."""

    cameras: tuple[CameraConfig, ...] = (CameraConfig(),)
    """One to four, in the order in which the producer lists them."""
    conveyors: tuple[ConveyorConfig, ...] = field(default_factory=lambda: (ConveyorConfig(),))
    tl_type: TlType = "Custom"
    """What the producer says of its transport, and how chunk data are laid out."""
    old_names: bool = False
    """Features have the names of before SFNC 2: ExposureTimeAbs, GainRaw, AcquisitionFrameRateAbs."""
