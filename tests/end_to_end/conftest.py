"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from daemon import Line, StartLine
from invariants import broken_at_the_end


@pytest.fixture
def make_line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartLine]:
    """Give a maker of lines; whatever they started is gone after the test.

    After a test that injects a fault and ended its lines, what they wrote down and what was heard of them is compared.
    """
    lines: list[Line] = []
    with ExitStack() as stack:

        def make(**settings: Any) -> Line:
            lines.append(stack.enter_context(Line(tmp_path, **settings)))
            return lines[-1]

        yield make
        if request.node.get_closest_marker("fault") is not None:
            for line in lines:
                if line.process is not None and line.process.poll() == 0:
                    assert broken_at_the_end(line) == []
