"""These tests drive the daemon of tests/end_to_end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

from faulty_line import FaultyLine, MakeFaulty


@pytest.fixture
def make_faulty(tmp_path: Path) -> Iterator[MakeFaulty]:
    """Give a maker of lines that get a fault; whatever they started is gone after the test."""
    with ExitStack() as stack:

        def make(**settings: Any) -> FaultyLine:
            return stack.enter_context(FaultyLine(tmp_path, **settings))

        yield make
