"""How long a fault was there before the first sign of it, told by the test that injects it.

    python -m pytest -m fault --keep-faults tests/faults/noticed.json

keeps the times of this run, each under its test, beside those that are there already. Without it nothing is kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_OPTION = "--keep-faults"
_NS = 1_000_000_000


class Noticed:
    """A stop watch: `injected` begins, the first `seen` after it ends. Never a limit: a test has its own."""

    def __init__(self) -> None:
        self._began_ns: int | None = None
        self.seconds: float | None = None
        """Between the two; None before the second."""

    def injected(self) -> None:
        """The fault is there from now on."""
        self._began_ns = time.monotonic_ns()
        self.seconds = None

    def seen(self) -> None:
        """The first sign is there: an event, not ready, an exit, a verdict UNKNOWN. Later ones change nothing."""
        assert self._began_ns is not None, "nothing was injected"
        if self.seconds is None:
            self.seconds = (time.monotonic_ns() - self._began_ns) / _NS


class FaultTimes:
    """Plugin: the slowest time of each test of this run, over all its parameters."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._seconds: dict[str, float] = {}

    def take(self, node: str, seconds: float) -> None:
        """Keep a time of a test that is named `file::function`."""
        self._seconds[node] = max(round(seconds, 3), self._seconds.get(node, 0.0))

    def pytest_sessionfinish(self) -> None:
        if self._file is None or not self._seconds:
            return
        former = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        self._file.write_text(json.dumps(former | self._seconds, indent=1, sort_keys=True) + "\n", "utf-8")


_TIMES = pytest.StashKey[FaultTimes]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(_OPTION, type=Path, default=None, help="keep how long each fault took to notice, in this file")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TIMES] = FaultTimes(config.getoption(_OPTION))
    config.pluginmanager.register(config.stash[_TIMES])


@pytest.fixture
def noticed(request: pytest.FixtureRequest) -> Iterator[Noticed]:
    """Give a stop watch for the fault of this test."""
    watch = Noticed()
    yield watch
    if watch.seconds is not None:
        request.config.stash[_TIMES].take(request.node.nodeid.partition("[")[0], watch.seconds)
