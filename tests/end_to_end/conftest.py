"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

# tests/ holds the fakes; pytest puts only the folder of a test file on the path.
sys.path.insert(0, str(Path(__file__).parents[1]))

from daemon import Line

StartLine = Callable[..., Line]


@pytest.fixture
def make_line(tmp_path: Path) -> Iterator[StartLine]:
    """Give a maker of lines; whatever they started is gone after the test."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Line:
            return stack.enter_context(Line(tmp_path, **settings))

        yield make
