"""Runs of the project's own camera, set up by each preset: each in a process of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sim_consumer import controls, stamp_of

from edge_inspector.acquire.genicam import GenicamCamera
from edge_inspector.acquire.nodes import read
from edge_inspector.acquire.write import select, selection_kept
from edge_inspector.app.planning import genicam_plan
from edge_inspector.settings.camera import GenicamSettings

HEIGHT, WIDTH = 16, 32
TRIGGERS = ("FrameStart", "LineStart", "FrameBurstStart")


class Seen(NamedTuple):
    """What matters of a whole picture."""

    part: int
    frame_id: int
    stamp_ns: int
    """By the camera's clock, which shows the computer's monotonic time here."""


class Line:
    """An armed camera, and the conveyor that passes before it."""

    def __init__(self, camera: GenicamCamera) -> None:
        self.controls, self._camera = controls(), camera
        self._nodes: Any = camera._acquirer.remote_device.node_map  # type: ignore[union-attr]

    def value(self, name: str, selector: str = "", entry: str = "") -> Any:
        """What the camera has set, below a selector."""
        with selection_kept(self._nodes, [selector] if selector else []):
            assert not selector or select(self._nodes, ((selector, entry),))
            return read(self._nodes.get_node(name))

    def values(self, selector: str, entry: str, *names: str) -> list[Any]:
        return [self.value(name, selector, entry) for name in names]

    def triggers_on(self) -> list[str]:
        return [entry for entry in TRIGGERS if self.value("TriggerMode", "TriggerSelector", entry) == "On"]

    def after(self, move: Callable[[], object]) -> list[Seen]:
        """Every picture that comes of what the conveyor does."""
        move()
        self.controls.camera.settle()
        found = []
        while (seen := self._next(0.05)) is not None:
            found.append(seen)
        return found

    def next(self, n: int) -> list[Seen]:
        """The next pictures of a camera that waits for nothing of the conveyor."""
        found: list[Seen] = []
        while len(found) < n:
            if (seen := self._next(5.0)) is not None:
                found.append(seen)
        return found

    def _next(self, timeout_s: float) -> Seen | None:
        arrival = self._camera.fetch(timeout_s)
        if arrival is None:
            return None
        assert arrival.pixels is not None, arrival.kind
        stamp_ns = self._camera._grabber._former[1]
        assert stamp_ns is not None
        return Seen(stamp_of(arrival.pixels.tobytes())[0], arrival.frame_id, stamp_ns)


@contextmanager
def armed(cti: str, preset: str, **trigger: object) -> Iterator[Line]:
    """A camera that is set up as a configuration with this preset says."""
    frame = {"height": HEIGHT, "width": WIDTH, "channels": 1}
    values = {"kind": "genicam", "cti": cti, "serial": "SIM0001", "frame": frame, "preset": preset, "trigger": trigger}
    with GenicamCamera(genicam_plan(GenicamSettings.model_validate(values))) as camera:
        yield Line(camera)


def free_run(cti: str) -> dict[str, Any]:
    """Pictures at the camera's rate; parts change nothing."""
    with armed(cti, "free_run", frame_rate_hz=50.0) as line:
        line.controls.conveyor.fire(3)
        return {
            "on": line.triggers_on(),
            "set": [line.value("AcquisitionFrameRateEnable"), line.value("AcquisitionFrameRate")],
            "gaps_ms": _gaps_ms(line.next(6)),
        }


def photo_eye(cti: str) -> dict[str, Any]:
    """One picture for each part, none without; 1050 us after its edge."""
    with armed(cti, "photo_eye", delay_us=1000.0, debounce_us=50.0, edge="FallingEdge") as line:
        names = ("TriggerSource", "TriggerActivation", "TriggerDelay")
        answer: dict[str, Any] = {
            "on": line.triggers_on(),
            "set": [*line.values("TriggerSelector", "FrameStart", *names), line.value("ExposureMode")],
            "debounce_us": line.value("LineDebouncerTime", "LineSelector", "Line0"),
            "without": line.after(lambda: line.controls.conveyor.move(500.0)),
            "parts": [seen.part for _ in range(3) for seen in line.after(line.controls.conveyor.fire)],
        }
        [seen] = line.after(line.controls.conveyor.fire)
        fired_ns = line.controls.conveyor._state.stepped_ns
        return answer | {"later_us": (seen.stamp_ns - fired_ns) / 1e3}


def line_scan_encoder(cti: str) -> dict[str, Any]:
    """A picture of 16 lines of 2 counts (3.2 mm) for each part; none where no part began it."""
    with armed(cti, "line_scan_encoder", encoder_divider=2) as line:
        conveyor, answer = line.controls.conveyor, {"on": line.triggers_on(), "encoder": _encoder(line)}
        moves = []
        for is_part, moved_mm in ((False, 6.4), (True, 3.1), (False, 0.1), (False, 6.4), (True, 3.2)):
            if is_part:
                line.after(lambda: conveyor.fire(moves=False))
            moves.append([seen.part for seen in line.after(lambda moved_mm=moved_mm: conveyor.move(moved_mm))])
        sources = [line.value("TriggerSource", "TriggerSelector", entry) for entry in ("FrameStart", "LineStart")]
        return answer | {"parts": moves, "sources": sources}


def endless_web(cti: str) -> dict[str, Any]:
    """Strips by the encoder, parts or not; a web that goes back gives none before it is where it was."""
    with armed(cti, "endless_web", encoder_divider=2, encoder_a="Line2", encoder_b="Line1") as line:
        conveyor, answer = line.controls.conveyor, {"on": line.triggers_on(), "encoder": _encoder(line)}
        moves = []
        for moved_mm in (6.4, -3.2, 3.2, 3.2):
            found = line.after(lambda moved_mm=moved_mm: conveyor.move(moved_mm))
            moves.append([seen.frame_id for seen in found])
        return answer | {"strips": moves}


def timed_web(cti: str) -> dict[str, Any]:
    """Strips of 16 lines by time."""
    with armed(cti, "endless_web", line_rate_hz=1600.0) as line:
        return {
            "on": line.triggers_on(),
            "rate_hz": line.value("AcquisitionLineRate"),
            "gaps_ms": _gaps_ms(line.next(6)),
        }


def software(cti: str) -> dict[str, Any]:
    """A picture for each command of this computer, ten a second; parts change nothing."""
    with armed(cti, "software", frame_rate_hz=10.0) as line:
        line.controls.conveyor.fire(3)
        found = line.next(4)
        truth = line.controls.camera.truth
        return {
            "on": line.triggers_on(),
            "source": line.value("TriggerSource", "TriggerSelector", "FrameStart"),
            "ids": [seen.frame_id for seen in found],
            "least_gap_ms": min(_gaps_ms(found)),
            "exposed_for_parts": truth.exposed - found[-1].frame_id - 1,
        }


def burst(cti: str) -> dict[str, Any]:
    """Three pictures for each part, at the camera's rate."""
    with armed(cti, "burst", burst_frames=3, frame_rate_hz=200.0) as line:
        found = [line.after(line.controls.conveyor.fire) for _ in range(2)]
        return {
            "on": line.triggers_on(),
            "set": [line.value("AcquisitionBurstFrameCount"), line.value("AcquisitionFrameRate")],
            "parts": [[seen.part for seen in one] for one in found],
            "gaps_ms": _gaps_ms(found[0]),
        }


def _encoder(line: Line) -> list[Any]:
    names = ("EncoderSourceA", "EncoderSourceB", "EncoderMode", "EncoderDivider", "EncoderOutputMode")
    return line.values("EncoderSelector", "Encoder0", *names)


def _gaps_ms(found: list[Seen]) -> list[float]:
    return [round((b.stamp_ns - a.stamp_ns) / 1e6, 3) for a, b in itertools.pairwise(found)]
