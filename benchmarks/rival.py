"""The bench's end of a contender process."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.contender import Task
from benchmarks.figures import Window
from benchmarks.processes import reap

ROOT = Path(__file__).resolve().parent.parent
START_S = 120.0
"""Some frameworks import for half a minute on a busy machine."""


class RivalFailed(Exception):  # noqa: N818 - becomes a row of the table that says why
    """Raised with the last line that a contender wrote before it ended."""


class Rival:
    """A contender that was started and waits for orders. Use it as a context manager."""

    def __init__(
        self, module: str, task: Task, python: str = sys.executable, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start `python -m module` and wait until it has judged its first frames; None for this environment.

        Raises:
            RivalFailed: It ended instead.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        path = Path(self._folder.name) / "task.json"
        path.write_text(json.dumps(asdict(task)))
        self._errors = (Path(self._folder.name) / "stderr.txt").open("w+b")
        self._process = subprocess.Popen(
            [python, "-m", module, str(path)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )
        self._answer(START_S)

    def run(self, seconds: float) -> Window:
        """Judge as many frames as possible for so long."""
        answer = self._ask({"seconds": seconds}, seconds + START_S)
        return Window(answer["per_s"], answer["cpu_ms"])

    def pace(self, rate_hz: float, frames: int) -> list[float]:
        """Judge frames at a steady rate; returns the ms from due to judged of each."""
        answer = self._ask({"rate_hz": rate_hz, "frames": frames}, 4 * frames / rate_hz + START_S)
        latencies: list[float] = answer["latencies_ms"]
        return latencies

    def _ask(self, order: dict[str, float], timeout_s: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return self._answer(timeout_s)

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        while True:
            ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
            line = self._process.stdout.readline() if ready else b""
            if not line:
                self.close()
                raise RivalFailed(self._last_words() if ready else f"no answer within {timeout_s:.0f} s")
            if line.startswith(b"{"):  # some frameworks print what they like
                answer: dict[str, Any] = json.loads(line)
                return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it ended without a word"

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        reap(self._process, 10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._errors.close()
        self._folder.cleanup()
