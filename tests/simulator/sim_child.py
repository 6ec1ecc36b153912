"""What every test of the simulated cameras needs: control files, and a compiler."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.controls import Controls

MakeControls = Callable[..., Controls]
"""Makes a control file from a `SimulationConfig`."""


def require_compiler() -> None:
    """Skip a test module where the producer cannot be built; each is named in tests/conftest.py."""
    if find_compiler() is None:
        pytest.skip("there is no C compiler", allow_module_level=True)
