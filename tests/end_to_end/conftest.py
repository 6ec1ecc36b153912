"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from daemon import Line, StartLine


@pytest.fixture
def make_line(tmp_path: Path) -> Iterator[StartLine]:
    """Give a maker of lines; whatever they started is gone after the test."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Line:
            return stack.enter_context(Line(tmp_path, **settings))

        yield make
