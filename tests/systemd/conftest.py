"""The booted computer, once for all tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from machine import Machine
from service import Service

# The witness of tests/end_to_end hears these lines too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

MakeService = Callable[..., Service]


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


@pytest.fixture
def make_service(machine: Machine) -> Iterator[MakeService]:
    """Give a maker of lines; whatever they started is gone after the test."""
    with ExitStack() as stack:

        def make(name: str = "press-3", **settings: Any) -> Service:
            return stack.enter_context(Service(machine, name, **settings))

        yield make
