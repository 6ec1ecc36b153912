"""A simulated line, ready to be used: producer built, pictures written, control file made."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_inspector.simulator.build import build_producer
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.controls import Controls
from edge_inspector.simulator.pictures import write_pictures


class Simulation:
    """Cameras at a desk. `with Simulation(...) as line:`, then start anything with `line.environment()`.

    Args:
        config: The line.
        images: Folder of pictures that every camera shows, part by part, in its own pixel format; sets the cameras'
            width and height. None: the cameras draw their pattern, or what their own configuration says.

    Attributes:
        cti: The producer; what `camera.cti` of a configuration should name.
        controls: Faults, parts, ground truth.
        config: The line as it is, with the size of the pictures.
    """

    def __init__(self, config: SimulationConfig | None = None, images: Path | None = None) -> None:
        self.config = config or SimulationConfig()
        self._images = images

    def __enter__(self) -> Self:
        """Build and write what is needed.

        Raises:
            CameraNotFoundError: There is no C compiler, or the pictures cannot be used.
            ValueError: The configuration cannot be simulated.
        """
        self.cti = build_producer()
        with ExitStack() as kept:
            folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="edge-inspector-simulator-")))
            if self._images is not None:
                cameras = tuple(_show(camera, self._images, folder) for camera in self.config.cameras)
                self.config = replace(self.config, cameras=cameras)
            self.controls = Controls.create(folder / "control", self.config)
            self._kept = kept.pop_all()  # from here on it is __exit__ that removes them
        return self

    def environment(self) -> dict[str, str]:
        """Return the environment in which a process sees the simulated cameras."""
        return self.controls.environment()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove control file and pictures; the built producer stays in the cache."""
        self._kept.close()


def _show(camera: CameraConfig, images: Path, folder: Path) -> CameraConfig:
    path = folder / f"{camera.pixel_format}.raw"
    frames = write_pictures(images, path, camera.pixel_format)
    return replace(camera, pictures=frames.path, width=frames.width, height=frames.height)
