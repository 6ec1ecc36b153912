"""A whole line that gets a fault, a witness of it, and the account of both when it has ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon import PROGRAM, START_S, Line
from invariants import announced_by, broken_rules, taken_by
from source_count import SourceCount
from witness import Heard

from benchmarks.account import Taken, Triggers

INSIDE = Path(__file__).with_name("inside")
"""On the path of a process, the folder that gives it a fault of its own."""
JOURNAL_MB = 16
"""Of a segment: nothing is dropped for want of room during a test, so that every part can be accounted for."""


def inside(process: str, fault: str, switch: Path) -> dict[str, str]:
    """Return the environment in which a process of the line has a fault for as long as a file is there.

    Args:
        process: `main`, `camera` or `inspect`.
        fault: A function of `inside/inside_faults.py`.
        switch: The file.
    """
    return {"FAULT_INSIDE": f"{process}:{fault}", "FAULT_SWITCH": str(switch)}


def _patient() -> dict[str, str]:
    """Have a journal whose commits may take long: a busy machine is no fault of these tests, and has one of its own."""
    return {"PYTHONPATH": os.pathsep.join([str(INSIDE), os.environ.get("PYTHONPATH", "")]), "FAULT_PATIENT": "1"}


class FaultyLine:
    """Use it as a context manager: whatever was started is gone afterwards."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        """Write what is needed; sections as for `Line`."""
        self.line = Line(folder, **{"journal_mb": JOURNAL_MB, **sections})
        self.witness = self.line.listen()
        self._runs: list[tuple[int, int]] = []
        self._source: SourceCount | None = None
        self._forgotten: set[tuple[int, int]] = set()

    def start(
        self, env: dict[str, str] | None = None, program: Sequence[str] = PROGRAM, prefix: Sequence[str] = ()
    ) -> int:
        """Start the daemon, and return how many heartbeats were heard before."""
        n_before = len(self.witness.messages("hb"))
        self.line.start(_patient() | (env or {}), program, prefix)
        self._source = SourceCount(self.line)
        self.line.child("camera")
        self.line.child("inspect")
        return n_before

    def start_working(
        self, env: dict[str, str] | None = None, program: Sequence[str] = PROGRAM, prefix: Sequence[str] = ()
    ) -> None:
        """Start the daemon, and return when it is ready and has judged some parts."""
        self.wait_working(self.start(env, program, prefix))

    def wait_beat(self, is_wanted: Callable[[dict[str, Any]], bool], after: int, timeout_s: float = START_S) -> Heard:
        """Return the first heartbeat after so many that is wanted."""
        return self.witness.wait_for("hb", lambda m: is_wanted(m.body), after=after, timeout_s=timeout_s)

    def wait_working(self, after: int) -> None:
        """Return when a heartbeat after so many says ready, and five more parts have their verdict."""
        ready = self.wait_beat(lambda body: body["ready"], after)
        self.wait_beat(lambda body: body["ready"] and body["head_seq"] >= ready.body["head_seq"] + 5, after)

    def event(self, name: str, timeout_s: float = START_S) -> dict[str, Any]:
        """Return the first event of a name."""
        return self.witness.wait_for("event", lambda m: m.body["name"] == name, timeout_s=timeout_s).body

    def faults_since(self, n_beats: int) -> set[str]:
        """Return the faults of all heartbeats after so many, but for what a busy machine may bring by itself."""
        told = (fault for message in self.witness.messages("hb")[n_beats:] for fault in message.body["faults"])
        return set(told) - {"camera_stalled"}

    def reasons(self) -> list[str]:
        """Return the reasons of all verdicts so far, in order."""
        return [message.body["reason"] for message in self.witness.messages("verdict")]

    def stop(self, timeout_s: float = 15.0) -> int:
        """End the daemon in good order, and the witness with it; returns the exit code."""
        code = self.line.stop(timeout_s)
        self._count()
        return code

    def rest(self, timeout_s: float = 15.0) -> int:
        """End the daemon in good order, to be started again; the witness listens on."""
        assert self.line.process is not None
        self.line.children()
        self.line.process.terminate()
        code = self.line.wait_exit(timeout_s)
        self._count()
        return code

    def forget(self) -> None:
        """Leave out of the account all that was so far: what the journal holds of it is damaged now."""
        self._runs, self._forgotten = [], {taken.key for taken in taken_by(self.witness)}

    def came_before(self, first: int, count: int) -> None:
        """Count in what an earlier program's source counted: its first part, and how many."""
        self._runs.append((first, count))

    def broken(
        self, deadline_ms: float | None = None, replayed: Sequence[Taken] = (), joined_late: bool = False
    ) -> list[str]:
        """Return every rule that the line broke: of the account, and of the protocol.

        Args:
            deadline_ms: Of its configuration.
            replayed: What the consumer asked for besides, of verdicts that it had not heard.
            joined_late: Verdicts had passed when the witness came.
        """
        triggers = Triggers(tuple(self._runs), announced_by(self.witness))
        log = [*replayed, *(taken for taken in taken_by(self.witness) if taken.key not in self._forgotten)]
        account = broken_rules(self.line.journal_folder, log, triggers, deadline_ms=deadline_ms)
        return [*account, *self.witness.violations(drained=True, joined_late=joined_late)]

    def _count(self) -> None:
        assert self._source is not None
        self._runs.append(self._source.run)
        self._source.close()

    def __enter__(self) -> Self:
        self.line.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.line.__exit__(kind, error, trace)


MakeFaulty = Callable[..., FaultyLine]
"""What the fixture `make_faulty` gives."""
