"""A real daemon whose parts are seen by several simulated cameras of different size, tiling and model."""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import yaml
from daemon import Line, Listener, wait_until
from fakes.tiny_bundle import write_tiny_bundle
from simulated_line import COUNTS_PER_MM, MODULUS, STEP_MM, TRIGGERED
from witness import Heard

from edge_inspector.simulator.build import build_producer
from edge_inspector.simulator.camera import SimulatedCamera
from edge_inspector.simulator.config import CameraConfig, ConveyorConfig, SimulationConfig
from edge_inspector.simulator.controls import Controls

NAMES = ("top", "side", "left", "right")
SIZES = ((64, 112), (128, 64), (64, 64), (96, 96))
"""Height and width of each camera's frames."""


class SeveralLine:
    """A line of 2 to 4 cameras over one conveyor that stands still until parts are fired. Ready when entered."""

    def __init__(
        self, folder: Path, n: int = 2, parts_per_s: float = 0.0, sources: str = "counter", **sections: Any
    ) -> None:
        """Write what is needed.

        Args:
            folder: Empty.
            n: Cameras.
            parts_per_s: Parts that pass by themselves from the start; 0 for parts that are fired one by one.
            sources: Where each camera's triggers are counted.
            sections: Further blocks of the configuration.
        """
        cameras = tuple(
            CameraConfig(
                serial=f"SIM000{place + 1}", width=w, height=h, stamped=True, encoder_modulus=MODULUS, exposure_us=100.0
            )
            for place, (h, w) in enumerate(SIZES[:n])
        )
        conveyor = ConveyorConfig(parts_per_s * STEP_MM, STEP_MM, COUNTS_PER_MM)
        self.cti = build_producer()
        self.controls = Controls.create(folder / "control", SimulationConfig(cameras, (conveyor,)))
        self.line = Line(folder, **sections)
        # The second camera has a model of its own, and each its own tiling.
        write_tiny_bundle(folder / "small", tile=(32, 32), channels=1, name="small-spots")
        views = [self._view(name, camera, sources) for name, camera in zip(NAMES, cameras, strict=False)]
        config = yaml.safe_load(self.line.config.read_text()) | views[0]
        config["more_views"] = views[1:]
        config["more_views"][0] |= {
            "model": {"bundle": "small", "unsigned": "allow", "threads": 1},
            "tiling": {"overlap": 0},
        }
        config["camera"]["encoder"] = {"counts_per_mm": COUNTS_PER_MM, "max_speed_mm_s": 1e4, "modulus": MODULUS}
        # The pattern of the simulator is no steel: what its pictures look like is not what is tried here.
        config["image_health"] = dict.fromkeys(("black", "saturated", "stuck"), "metric")
        self.line.config.write_text(yaml.safe_dump(config))
        self.witness: Listener = self.line.listen()

    def _view(self, name: str, camera: CameraConfig, source: str) -> dict[str, Any]:
        return {
            "camera": {
                "name": name,
                "kind": "genicam",
                "cti": str(self.cti),
                "serial": camera.serial,
                "frame": {"height": camera.height, "width": camera.width, "channels": 1},
                "features": dict(TRIGGERED),
                "triggered": True,
                "trigger_count": {"source": source},
            }
        }

    def __enter__(self) -> Self:
        self.line.__enter__()
        self.line.start(self.controls.environment())
        self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.line.__exit__(kind, error, trace)

    @property
    def cameras(self) -> tuple[SimulatedCamera, ...]:
        """The simulated cameras."""
        return self.controls.cameras

    def beats(self) -> list[Heard]:
        """Return the heartbeats so far."""
        return self.witness.messages("hb")

    def wait_beat(self, is_wanted: Any, timeout_s: float, what: str) -> dict[str, Any]:
        """Return the body of the first heartbeat from now on that is wanted."""
        n = len(self.beats())
        found = wait_until(lambda: next((m for m in self.beats()[n:] if is_wanted(m.body)), None), timeout_s, what)
        body: dict[str, Any] = found.body
        return body

    def wait_ready(self) -> None:
        """Return when heartbeats say ready."""
        self.wait_beat(lambda body: body["ready"], 40.0, "the line to be ready")

    def fire(self, n: int = 1) -> None:
        """Let parts pass one by one; returns when all cameras have dealt with them."""
        for _ in range(n):
            self.controls.conveyor.fire()
            self.settle()

    def settle(self) -> None:
        """Return when every camera has dealt with all that came."""
        for camera in self.cameras:
            camera.settle()

    def verdicts(self, n: int, timeout_s: float = 10.0) -> list[dict[str, Any]]:
        """Return the bodies of all verdicts once there are at least `n`."""
        return [heard.body for heard in self.witness.wait_for_verdicts(n, timeout_s)]

    def camera_pid(self, place: int) -> int:
        """Return the pid of a camera process: they are started in the order of the cameras."""
        return int(wait_until(lambda: self._camera_pids(place), 20.0, "the camera processes"))

    def _camera_pids(self, place: int) -> int | None:
        pids = self.line.children_named("camera")
        return pids[place] if len(pids) == len(self.cameras) else None

    def stamps(self) -> dict[int, dict[str, int]]:
        """Return which part of the conveyor each kept picture shows, by part_id and camera."""
        found: dict[int, dict[str, int]] = {}
        # A camera draws what its counter says, and that begins when the line arms it: parts may have passed by then.
        before = {
            name: int(camera._state.edges_at_reset) for name, camera in zip(NAMES, self.cameras, strict=False)
        }  # fmt: skip
        for path in Path(self.line.folder).glob("evidence/**/*.png"):
            evidence_id, camera = path.name.removesuffix(".png").split(".")
            pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert pixels is not None
            (part,) = struct.unpack(">I", pixels.reshape(-1)[:4].tobytes())
            found.setdefault(int(evidence_id.rsplit("-", 1)[1]), {})[camera] = before[camera] + part
        return found
