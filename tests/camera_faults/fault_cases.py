"""What goes wrong with a camera, what the line then says, and within what time: for the tests and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_inspector.simulator.camera import SimulatedCamera
from edge_inspector.simulator.faults import Fault

JUDGED = "judged"
"""Stands for PASS or REJECT by the model: `ok`, `below_area` or `defect`."""


@dataclass(frozen=True, slots=True)
class PartCase:
    """A fault of one part. One part passes before it; then the fault is switched on, and `parts` more pass."""

    what: str
    begin: Callable[[SimulatedCamera], None]
    said: tuple[str, ...]
    """Reasons of the verdicts from the faulty part on."""
    sees: str
    """In words, for the page."""
    parts: int = 2
    triggers: int | None = None
    """Verdicts for `parts` edges, where it is another number."""

    @property
    def name(self) -> str:
        """For the test's id."""
        return self.what.replace(" ", "-")


def once(fault: Fault, value: int = 0) -> Callable[[SimulatedCamera], None]:
    """Return what lets the next frame have a fault."""
    return lambda camera: camera.fail(fault, once=1, value=value)


PARTS = (
    PartCase(
        "a frame is lost on the way", once(Fault.DROP), ("frame_lost", JUDGED), "UNKNOWN `frame_lost` for that part"
    ),
    PartCase(
        "packets of a frame are missing",
        once(Fault.INCOMPLETE),
        ("frame_incomplete", JUDGED),
        "UNKNOWN `frame_incomplete` for that part",
    ),
    PartCase(
        "a frame is cut off and nothing says so",
        once(Fault.TRUNCATED),
        ("frame_invalid", JUDGED),
        "UNKNOWN `frame_invalid` for that part, by the bytes that arrived",
    ),
    PartCase("rows are padded", once(Fault.PADDED), (JUDGED, JUDGED), "the picture without the padding: judged"),
    PartCase(
        "a frame has another size",
        once(Fault.WRONG_SIZE),
        ("frame_invalid", JUDGED),
        "UNKNOWN `frame_invalid` for that part",
    ),
    PartCase(
        "a frame is larger than its buffer",
        once(Fault.LARGER),
        ("frame_invalid", JUDGED),
        "UNKNOWN `frame_invalid` for that part",
    ),
    PartCase(
        "a frame has a maker's own pixel format",
        once(Fault.UNKNOWN_FORMAT),
        ("frame_invalid", JUDGED),
        "UNKNOWN `frame_invalid` for that part; the buffer goes back to the camera",
    ),
    PartCase(
        "a frame has the number of the one before",
        once(Fault.DUPLICATE_ID),
        ("frame_invalid", JUDGED),
        "UNKNOWN `frame_invalid` for that part, and the number it should have had is not missed",
    ),
    PartCase(
        "a frame is delivered twice",
        once(Fault.REPEATED),
        (JUDGED, JUDGED),
        "one verdict; the second buffer is counted in `buffers_discarded_total`",
    ),
    PartCase(
        "a frame comes after its successor",
        once(Fault.OUT_OF_ORDER),
        ("frame_lost", JUDGED),
        "UNKNOWN `frame_lost` for that part when its successor comes; the late buffer is counted as discarded",
    ),
    PartCase(
        "the camera misses a trigger, no frame number is missing",
        once(Fault.MISSED_TRIGGER),
        ("frame_lost", JUDGED),
        "UNKNOWN `frame_lost` for that part, by the trigger counter; by frame numbers alone nobody sees it",
    ),
    PartCase(
        "a part comes while the camera is busy",
        once(Fault.OVER_TRIGGER),
        ("frame_lost", JUDGED),
        "UNKNOWN `frame_lost` for that part, by the trigger counter or by the camera's over-trigger event",
    ),
    PartCase(
        "a frame that no part triggered follows",
        once(Fault.EXTRA_FRAME),
        (JUDGED, "frame_invalid", JUDGED),
        "a verdict UNKNOWN `frame_invalid` of its own, by the trigger counter",
        triggers=3,
    ),
    PartCase(
        "a frame brings no chunk data",
        once(Fault.MISSING_CHUNK),
        ("frame_invalid", JUDGED),
        "UNKNOWN `frame_invalid` for that part: neither its trigger nor its place is known",
    ),
    PartCase(
        "the encoder jumps",
        lambda camera: camera.jump_encoder(10_000_000),
        ("encoder", "encoder", "encoder", JUDGED),
        "UNKNOWN `encoder` until the third believable count in a row; `enc_gen` rises by one",
        parts=4,
    ),
    PartCase(
        "the encoder begins at 0 again",
        lambda camera: camera.reset_encoder(),
        ("encoder", "encoder", "encoder", JUDGED),
        "the same",
        parts=4,
    ),
    PartCase(
        "the encoder counts the other way",
        lambda camera: camera.reverse_encoder(),
        ("encoder", "encoder", "encoder", "encoder"),
        "UNKNOWN `encoder` for as long as it does",
        parts=4,
    ),
    PartCase(
        "the encoder is right again",
        lambda camera: camera.reverse_encoder(),
        ("encoder", "encoder", JUDGED, JUDGED),
        "judged again with the third believable count",
        parts=4,
    ),
    PartCase(
        "the camera's clock jumps by an hour",
        lambda camera: camera.jump_clock(3_600_000_000_000),
        (JUDGED, JUDGED),
        "judged; trigger times are the host's until the clock was asked again",
    ),
)


@dataclass(frozen=True, slots=True)
class LineCase:
    """A fault of the whole camera. It holds until the line says so; then it is mended."""

    what: str
    begin: Callable[[SimulatedCamera], None]
    mend: Callable[[SimulatedCamera], None]
    noticed_s: float
    """Within this time heartbeats say that the line is not ready."""
    back_s: float
    """Within this time after the repair the camera is armed again: the next part puts the line in step."""
    sees: str

    @property
    def name(self) -> str:
        """For the test's id."""
        return self.what.replace(" ", "-")


def state(fault: Fault, value: int = 0) -> Callable[[SimulatedCamera], None]:
    """Return what switches a fault on for all accesses."""
    return lambda camera: camera.fail(fault, every=1, value=value)


def mended(camera: SimulatedCamera) -> None:
    """Switch everything off."""
    camera.mend()


LINES = (
    LineCase(
        "the camera loses its power",
        lambda camera: camera.lose(),
        lambda camera: camera.come_back(),
        1.0,
        3.0,
        "access status, asked twice a second; the process is replaced and looks for the camera four times a second",
    ),
    LineCase(
        "register accesses do not return",
        state(Fault.HUNG_CONTROL),
        mended,
        4.0,
        3.0,
        "a process without progress for 1 s is a fault, for 5 s it is killed and replaced",
    ),
    LineCase(
        "register accesses fail",
        state(Fault.PORT_ERROR),
        mended,
        12.0,
        3.0,
        "the next question for the camera's time fails; the process is replaced",
    ),
)
