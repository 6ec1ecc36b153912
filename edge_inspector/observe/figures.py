"""What the other rooms tell metrics, in plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edge_inspector.core.verdict import LineState


@dataclass(frozen=True, slots=True)
class LineFigures:
    """State and heartbeat of the line, as the main process knows them."""

    state: LineState
    is_ready: bool
    head_seq: int
    """Highest seq given in this epoch."""
    is_clock_synced: bool
    heartbeat_age_s: float | None = None
    """None before the first heartbeat."""
    subscribers: int | None = None
    """Clients subscribed to the verdicts; None when not known."""
    bypass_left_s: float = 0.0
    """How long defects still pass; 0 while bypass is off."""
    drill_left_s: float = 0.0
    """How long the line is in drill mode; 0 while it is at work."""


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """The model that judges one camera's pictures."""

    camera: str
    """Its configured name."""
    model: str
    """name@version."""
    model_sha256: str
    signer: str
    """Name of the trusted key that signed the bundle; empty when none did."""


@dataclass(frozen=True, slots=True)
class ConfigFigures:
    """Which configuration is in force, and what became of those that were asked for."""

    config: str
    """Its name: 12 hexadecimal digits."""
    reloads: Mapping[str, int]
    """By result."""
    changed_utc_s: float | None = None
    """When it was last changed, seconds since 1970; None while it is what the line was started with."""


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """What the authenticators of encrypted endpoints count."""

    authorized: int
    is_alive: bool
    """Whether main's lets anybody in."""
    refused: Mapping[tuple[str, str], int]
    """Handshakes by endpoint and reason."""


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """What a camera did since the daemon began; it survives a respawn of the camera process."""

    is_connected: bool
    frames: int
    """Complete frames."""
    incomplete: int = 0
    lost: int = 0
    invalid: int = 0
    overrun: int = 0
    reconnects: int = 0
    last_frame_age_s: float | None = None
    """None before the first complete frame."""
    encoder: int = 0
    """Parts whose place on the line was not believed."""
    discarded: int = 0
    """Buffers that were no trigger of their own."""


@dataclass(frozen=True, slots=True)
class ImageFigures:
    """What the newest picture said of itself."""

    brightness: float
    """Mean grey value, 0 to 255."""
    sharpness: float
    """Mean difference between neighbours, in grey values."""
    dark_share: float
    bright_share: float
    troubles: Sequence[str] = ()
    """Checks that found something."""


@dataclass(frozen=True, slots=True)
class JournalFigures:
    """What the journal says of itself."""

    durable_seq: int
    rows_refused: int
    """Times that a row was not taken."""
    rows_late: int
    """Rows committed too late for their verdict to be sent."""
    n_bytes: int | None
    """Disk it takes; None when not known."""


class ServiceFigures(Protocol):
    """What the service endpoint counts; `signal.answers.ServiceCounts` is one."""

    hello: int
    status: int
    replay: int
    ack: int
    bad_requests: int
    busy: int
    replayed: int
    gaps: int
    postponed: int
    unsent: int
    handshakes_failed: int
    disconnected: int
    cut: int
    damaged_segments: int


class EvidenceFigures(Protocol):
    """What the evidence store counts; `record.evidence.EvidenceStatus` is one."""

    @property
    def written(self) -> int:
        """Parts kept."""
        ...

    @property
    def evicted(self) -> int:
        """Parts removed to make room."""
        ...

    @property
    def dropped(self) -> Mapping[str, int]:
        """Parts not kept, by a closed list of reasons."""
        ...

    @property
    def n_bytes(self) -> int:
        """Bytes in the folder."""
        ...

    @property
    def quota_bytes(self) -> int:
        """Bytes it may hold."""
        ...

    @property
    def free_bytes(self) -> int | None:
        """Free disk; None when not known."""
        ...


def zones_of(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each zone of a verdict body with its name; with its camera's before it where there are several."""
    for zone in body.get("zones") or ():
        yield zone["name"], zone
    for view in body.get("views") or ():
        for zone in view.get("zones") or ():
            yield f"{view['camera']}/{zone['name']}", zone
