"""What is decided about a part."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from edge_inspector.core.frame import F32, NO_TRAVEL, ArrivalKind, Index, Travel


class Outcome(StrEnum):
    """The three verdicts. UNKNOWN rejects like REJECT does, but is counted apart."""

    PASS = "PASS"
    REJECT = "REJECT"
    UNKNOWN = "UNKNOWN"


class Reason(StrEnum):
    """Why; the closed list of the wire protocol."""

    OK = "ok"
    BELOW_AREA = "below_area"
    BYPASS = "bypass"
    DEFECT = "defect"
    DEADLINE = "deadline"
    FRAME_LOST = "frame_lost"
    FRAME_INCOMPLETE = "frame_incomplete"
    FRAME_INVALID = "frame_invalid"
    PARTIAL_SET = "partial_set"
    OVERRUN = "overrun"
    CAMERA_LOST = "camera_lost"
    MODEL_ERROR = "model_error"
    MODEL_NAN = "model_nan"
    ENCODER = "encoder"
    IMAGE_HEALTH = "image_health"
    PROCESS_LOST = "process_lost"
    SHUTDOWN = "shutdown"


REASON_OF_ARRIVAL: dict[ArrivalKind, Reason] = {
    ArrivalKind.LOST: Reason.FRAME_LOST,
    ArrivalKind.INCOMPLETE: Reason.FRAME_INCOMPLETE,
    ArrivalKind.INVALID: Reason.FRAME_INVALID,
    ArrivalKind.OVERRUN: Reason.OVERRUN,
    ArrivalKind.CAMERA_LOST: Reason.CAMERA_LOST,
    ArrivalKind.ENCODER: Reason.ENCODER,
}
"""Reason of the UNKNOWN verdict of a trigger that brought no picture."""


class LineState(IntEnum):
    """State of the line, with the names of OPC 40100-1."""

    PREOPERATIONAL = 0  # not yet able: camera or model missing
    INITIALIZED = 1  # able, camera armed, not yet trusted (after a re-arm)
    READY = 2  # inspecting and trustworthy, no part seen yet
    CONTINUOUS_EXECUTION = 3  # inspecting, parts come
    HALTED = 4  # shut down on request
    ERROR = 5  # cannot go on without a person

    @property
    def wire_name(self) -> str:
        """The name as the protocol writes it, such as `ContinuousExecution`."""
        return "".join(word.capitalize() for word in self.name.split("_"))


@dataclass(frozen=True, slots=True)
class TileResults:
    """What the model says about all tiles of a frame, in grid order."""

    scores: F32
    """Shape (n_tiles, n_labels): calibrated probabilities, in the order of the bundle's labels."""
    heat: F32
    """Shape (n_tiles, h', w'): class activation of the margin, unbounded; one cell is tile size / h' pixels."""
    tiles: Index | None = None
    """Shape (n_tiles,), places in the grid of the tiles that were scored, ascending; None for all of them."""


@dataclass(frozen=True, slots=True)
class Defect:
    """Where a defect is, in frame pixels, in whole heat cells (32 px): the place to look, not an outline."""

    x: int
    y: int
    w: int
    h: int
    score: float
    label: str


@dataclass(frozen=True, slots=True)
class ZoneJudgement:
    """What one zone says of a part, by its own limits and counts."""

    name: str
    n_defect_tiles: int
    """Tiles at or over their limit in this zone; a tile may count in several."""
    outcome: Outcome
    """PASS or REJECT."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The decision about one part, before it is numbered and sent."""

    outcome: Outcome
    reason: Reason
    score: float | None = None
    """Highest defect score, 1 - p(OK); None when not judged."""
    label: str | None = None
    """Label of the worst tile; None when not judged."""
    defects: tuple[Defect, ...] = ()
    """At most 32, worst first."""
    n_tiles: int = 0
    n_defect_tiles: int = 0
    """Tiles at or over their limit."""
    zones: tuple[ZoneJudgement, ...] = ()
    """Of each zone, in the order of the configuration; empty without zones and when not judged."""
    hits: tuple[tuple[int, float], ...] = field(default=(), compare=False)
    """Place in the grid and score of the tiles at or over their limit, worst first: for pictures, no part of it."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of an epoch; they survive a respawn of the inspect process."""

    triggers: int = 0
    passes: int = 0
    rejects: int = 0
    unknowns: int = 0
    lates: int = 0

    @property
    def verdicts(self) -> int:
        """Parts with a verdict."""
        return self.passes + self.rejects + self.unknowns

    @property
    def in_flight(self) -> int:
        """Triggers without a verdict yet: law 1 holds by definition, so it must end at 0."""
        return self.triggers - self.verdicts


@dataclass(frozen=True, slots=True)
class Stages:
    """How long each stage of one part took, in nanoseconds."""

    grab_ns: int = 0
    """Trigger to the moment the inspect process took the part."""
    tile_ns: int = 0
    infer_ns: int = 0
    decide_ns: int = 0
    publish_ns: int = 0


@dataclass(frozen=True, slots=True)
class Scale:
    """What pixels and encoder counts are in mm; 0 where it is not calibrated."""

    x_mm_per_px: float = 0.0
    """Across the web, or across the picture."""
    y_mm_per_px: float = 0.0
    """Along the web: mm per line of a line-scan camera."""
    counts_per_mm: float = 0.0
    modulus: int = 0
    """Of the encoder's count; 0 where it does not wrap."""
    y_first_px: int = 0
    """Row of a frame that is 0 mm: lines above it were seen with the strip before."""


NO_SCALE = Scale()
"""Of a line where nothing was calibrated."""


@dataclass(frozen=True, slots=True)
class Firing:
    """Where the gate acts on one part."""

    count: int = -1
    """Count at which the command must be given; -1 where it is not known."""
    window: int = 0
    """How many counts around it still hit the part; 0 for none."""


NO_FIRING = Firing()
"""Of a part whose place is not known, or on a line that says nothing of its gate."""


@dataclass(frozen=True, slots=True)
class ViewVerdict:
    """What one of several cameras contributed to a part's verdict."""

    camera: str
    frame_id: int
    """-1 where it brought nothing."""
    is_missing: bool
    judgement: Judgement
    """Its defects are in pixels of this camera's frame."""
    model: str
    model_sha256: str
    scale: Scale


@dataclass(frozen=True, slots=True)
class Verdict:
    """A part's verdict as it leaves the inspect process."""

    line: str
    epoch: int
    seq: int
    part_id: int
    camera: str
    frame_id: int
    judgement: Judgement
    model: str
    """name@version of the bundle."""
    model_sha256: str
    recipe: str
    trigger_utc_us: int
    trigger_source: str
    latency_us: int
    """Trigger to send."""
    budget_us: int
    """From the send to the deadline; -1 for none."""
    is_late: bool
    is_bypass: bool
    evidence_id: str | None
    context: dict[str, str] = field(default_factory=dict)
    travel: Travel = NO_TRAVEL
    """Where the line stood at the trigger."""
    scale: Scale = NO_SCALE
    """Of the first camera."""
    firing: Firing = NO_FIRING
    views: tuple[ViewVerdict, ...] = ()
    """One for each camera, in the order of the configuration; empty on a line of one."""
    is_drill: bool = False
    """The line is in drill mode: no gate releases on it."""
    config: str = ""
    """Name of the settings that it was judged by; empty to say nothing of them."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What the inspect process says of itself ten times a second, while each of its stages turns."""

    line: str
    epoch: int
    head_seq: int
    durable_seq: int
    """Verdicts safe against power loss up to here; 0 until the journal exists."""
    state: LineState
    is_ready: bool
    faults: tuple[str, ...]
    lease_ms: int
    clock_synced: bool
    last_frame_age_us: int
    """-1 when no frame has come yet."""
    totals: Totals
    is_bypass: bool = False
    """A person lets defects pass for a while."""
    is_drill: bool = False
    """A person rehearses failures for a while."""
    travel: Travel = NO_TRAVEL
    """Where the line stood at the newest frame."""
    travel_age_us: int = -1
    """How old that is; -1 for none."""
    config: str = ""
    """Name of the settings that the next part is judged by; empty to say nothing of them."""
