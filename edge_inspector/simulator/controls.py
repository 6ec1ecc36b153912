"""The control file from the outside: made, steered and read by tests and rehearsals."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_inspector.simulator.camera import SimulatedCamera, write_camera
from edge_inspector.simulator.config import TL_TYPES, SimulationConfig
from edge_inspector.simulator.conveyor import Conveyor
from edge_inspector.simulator.layout import MAGIC, MAX_CAMERAS, VERSION, ControlState

ENVIRONMENT = "EDGE_INSPECTOR_SIMULATOR"
"""Names the control file to every process that loads the producer."""


class Controls:
    """A mapped control file. Processes that load the producer find it through `environment()`.

    Args:
        path: An existing control file; `Controls.create` makes one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), ctypes.sizeof(ControlState))
        self._state = ControlState.from_buffer(self._memory)
        if (self._state.magic, self._state.version) != (MAGIC, VERSION):
            raise ValueError(f"{path} is no control file of version {VERSION}")
        self.conveyors = tuple(Conveyor(state) for state in self._state.conveyors)
        """Every conveyor; those that were not configured stand still."""
        self.cameras = tuple(
            SimulatedCamera(state, self.conveyors[state.conveyor], self._state.conveyors[state.conveyor])
            for state in self._state.cameras[: self._state.n_cameras]
        )
        """Every configured camera, in the order in which the producer lists them."""

    @classmethod
    def create(cls, path: Path, config: SimulationConfig | None = None) -> Self:
        """Make a control file and return it, mapped. Parts pass from now on.

        Raises:
            ValueError: The configuration cannot be simulated.
        """
        config = config or SimulationConfig()
        if not 1 <= len(config.cameras) <= MAX_CAMERAS or not 1 <= len(config.conveyors) <= MAX_CAMERAS:
            raise ValueError(f"1 to {MAX_CAMERAS} cameras and conveyors can be simulated")
        state = ControlState(magic=MAGIC, version=VERSION, bytes=ctypes.sizeof(ControlState))
        state.n_cameras, state.old_names = len(config.cameras), config.old_names
        state.tl_type = TL_TYPES.index(config.tl_type)
        for i, camera in enumerate(config.cameras):
            write_camera(state.cameras[i], camera, len(config.conveyors))
        for i, conveyor in enumerate(config.conveyors):
            state.conveyors[i].spacing_mm = conveyor.spacing_mm
            state.conveyors[i].counts_per_mm = conveyor.counts_per_mm
            Conveyor(state.conveyors[i]).run(conveyor.speed_mm_s)
        path.write_bytes(bytes(state))
        return cls(path)

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the file. Processes that mapped it keep their view; new ones find no camera."""
        self.path.unlink(missing_ok=True)

    @property
    def conveyor(self) -> Conveyor:
        """The first conveyor."""
        return self.conveyors[0]

    @property
    def camera(self) -> SimulatedCamera:
        """The first camera."""
        return self.cameras[0]

    def environment(self) -> dict[str, str]:
        """Return the environment of a child process that shall see these cameras: this process's and one more."""
        return {**os.environ, ENVIRONMENT: str(self.path.absolute())}
