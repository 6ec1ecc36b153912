"""The producer, built once for all tests here, and control files to steer it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sim_child import MakeControls

from edge_inspector.simulator.build import build_producer
from edge_inspector.simulator.config import SimulationConfig
from edge_inspector.simulator.controls import Controls


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that stands for the user's cache."""
    return tmp_path_factory.mktemp("producer")


@pytest.fixture(scope="session")
def cti(builds: Path) -> str:
    """Path of the producer."""
    return str(build_producer(builds))


@pytest.fixture
def make_controls(tmp_path: Path) -> MakeControls:
    """Makes the control file of one test."""

    def make(config: SimulationConfig | None = None) -> Controls:
        return Controls.create(tmp_path / "control", config)

    return make
