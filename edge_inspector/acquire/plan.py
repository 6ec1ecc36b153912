"""What the camera process needs to know about its camera: plain values that travel to a spawned process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge_inspector.acquire.encoder import EncoderPlan
from edge_inspector.acquire.trigger_count import CountSource
from edge_inspector.core.features import Features
from edge_inspector.core.frame import FrameShape


@dataclass(frozen=True, slots=True)
class GenicamPlan:
    """A GenICam camera through a GenTL producer. Fields mean what the settings of the same name mean."""

    name: str
    frame: FrameShape
    cti: str
    """Path of the producer's .cti file; `viky` or `simulator` for a simulated one."""
    serial: str = ""
    """Empty: the producer must offer exactly one camera."""
    pixel_format: str = "Mono8"
    """PFNC name; see `pixels.FORMATS`."""
    features: Features = field(default_factory=dict)
    """Written in this order before arming, each read back and compared."""
    buffers: int = 16
    lost_after_s: float = 5.0
    triggered: bool = False
    transport_ms: float = 0.0
    """Taken off the host's receive time to get the trigger time, where the host's clock gives it."""
    clock: Literal["auto", "host"] = "auto"
    """`auto`: the camera's own time stamps, where they can be mapped to this host's clock."""
    stamp_late_us: float = 0.0
    """How much later than the edge the camera stamps a frame."""
    count_source: CountSource = "frame_id"
    count_chunk: str = "ChunkCounterValue"
    """Chunk with the trigger counter, for the source `counter`."""
    counts_from: int | None = None
    """What the counter showed when a killed predecessor told its last trigger: it goes on from there and is not set to
    0, so that what came meanwhile is known. None: it begins at 0."""
    encoder: EncoderPlan | None = None
    patience_s: float = 0.0
    """How long a camera that is not there is waited for before that is an error."""
    repeat_lines: int = 0
    """Lines of the strip before that are put above each strip; `frame` is without them."""
    levels: tuple[int, int] | None = None
    """Values of a format with more than 8 bits that become 0 and 255; None drops the low bits."""
    user_set: str = ""
    """Loaded before anything is written; empty for none."""
    preset_features: Features = field(default_factory=dict)
    """Written before `features`."""
    software_rate_hz: float | None = None
    """This computer triggers the camera so often; None when something else does."""
    heartbeat_timeout_ms: int | None = None
    """Of a GigE camera; None for the usual one, as near as the camera can."""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """Pictures of a folder, in the order of their names."""

    name: str
    frame: FrameShape
    folder: Path
    rate_hz: float | None = None
    """Pictures per second; None plays as fast as they are fetched."""
    loop: bool = False
    transport_ms: float = 0.0
    repeat_lines: int = 0


@dataclass(frozen=True, slots=True)
class SyntheticPlan:
    """Drawn parts with spots in known places."""

    name: str
    frame: FrameShape
    rate_hz: float | None = 10.0
    """Parts per second; None draws as fast as they are fetched."""
    count: int | None = None
    """Parts until the source ends; None for no end."""
    defect_every: int = 5
    seed: int = 0
    transport_ms: float = 0.0
    repeat_lines: int = 0


CameraPlan = GenicamPlan | ReplayPlan | SyntheticPlan
