"""A real daemon on a simulated camera, and what is needed to break the one and to hear the other."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from daemon import FRAME_HW, Line, Listener, wait_until
from fault_cases import JUDGED
from invariants import broken_at_the_end
from witness import Heard

from edge_inspector.simulator.build import build_producer
from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
from edge_inspector.simulator.controls import Controls

COUNTS_PER_MM = 10.0
STEP_MM = 100.0
"""From part to part."""
MODULUS = 2**32
MODEL_REASONS = {"ok", "defect", "below_area"}
TRIGGERED = {
    "TriggerSelector": "FrameStart",
    "TriggerMode": "On",
    "TriggerSource": "Line0",
    "CounterEventSource": "Line0",
}


class SimulatedLine:
    """A line whose camera stands still until parts are fired. Use it as a context manager: ready when entered."""

    def __init__(self, folder: Path, parts_per_s: float = 0.0, **sections: Any) -> None:
        """Write what is needed.

        Args:
            folder: Empty.
            parts_per_s: Parts that pass by themselves; 0 for parts that are fired one by one.
            sections: Further blocks of the configuration; `camera` is merged.
        """
        height, width = FRAME_HW
        camera = CameraConfig(
            width=width, height=height, stamped=True, padding_bytes=4, encoder_modulus=MODULUS, exposure_us=100.0
        )
        conveyor = ConveyorConfig(parts_per_s * STEP_MM, STEP_MM, COUNTS_PER_MM)
        self.cti = build_producer()
        self.controls = Controls.create(folder / "control", SimulationConfig((camera,), (conveyor,)))
        self.line = Line(folder, **{name: value for name, value in sections.items() if name != "camera"})
        config = yaml.safe_load(self.line.config.read_text())
        config["camera"] = {
            "kind": "genicam",
            "cti": str(self.cti),
            "serial": camera.serial,
            "frame": {"height": height, "width": width, "channels": 1},
            "features": dict(TRIGGERED),
            "triggered": True,
            "trigger_count": {"source": "counter"},
            "encoder": {"counts_per_mm": COUNTS_PER_MM, "max_speed_mm_s": 10_000.0, "modulus": MODULUS},
        } | sections.get("camera", {})
        # The pattern of the simulator is no steel: what its pictures look like is not what is tried here.
        config["image_health"] = dict.fromkeys(("black", "saturated", "stuck"), "metric")
        self.line.config.write_text(yaml.safe_dump(config))
        self.witness: Listener = self.line.listen()

    @property
    def camera(self) -> Any:
        """The simulated camera."""
        return self.controls.camera

    def __enter__(self) -> Self:
        self.line.__enter__()
        try:
            self.line.start(self.controls.environment())
            self.wait_ready()
        except BaseException as error:
            self.line.__exit__(type(error), error, None)  # nobody else would end what was started
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.line.process is not None and self.line.process.poll() is None:
            self.line.stop()
        broken = [] if kind is not None else broken_at_the_end(self.line)
        self.line.__exit__(kind, error, trace)
        assert broken == [], broken

    def beats(self) -> list[Heard]:
        """Return the heartbeats so far."""
        return self.witness.messages("hb")

    def wait_beat(self, is_wanted: Any, timeout_s: float, what: str) -> Heard:
        """Return the first heartbeat from now on that is wanted."""
        n = len(self.beats())
        found = wait_until(lambda: next((m for m in self.beats()[n:] if is_wanted(m.body)), None), timeout_s, what)
        assert isinstance(found, Heard)
        return found

    def wait_ready(self) -> None:
        """Return when heartbeats say ready."""
        self.wait_beat(lambda body: body["ready"], 40.0, "the line to be ready")

    def fire(self, n: int = 1) -> None:
        """Let parts pass one by one; returns when the camera has dealt with them."""
        for _ in range(n):
            self.controls.conveyor.fire()
            self.camera.settle()

    def verdicts(self, n: int, timeout_s: float = 10.0) -> list[dict[str, Any]]:
        """Return the bodies of all verdicts once there are at least `n`."""
        return [heard.body for heard in self.witness.wait_for_verdicts(n, timeout_s)]


def reason_of(body: dict[str, Any]) -> str:
    """Return the reason, or JUDGED where the model gave the verdict."""
    return JUDGED if body["reason"] in MODEL_REASONS else str(body["reason"])
