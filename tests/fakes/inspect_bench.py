"""An inspect loop on a small memory, with fakes around it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from fakes.inspect_parts import FakeEngine, FakeSignals
from fakes.journal import FakeJournal
from fakes.line_memory import make_memory, make_wake_fd

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.ports import Engine
from edge_inspector.core.verdict import Judgement, Outcome, Reason, TileResults
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.handover import NoteReceiver, NoteSender, handover_pair
from edge_inspector.run.inspect import InspectLoop
from edge_inspector.run.judge import Eye, Judge
from edge_inspector.run.judging import InTurn, Judging
from edge_inspector.run.memory import CameraStatus, CameraWord, Word
from edge_inspector.run.publish import Watches
from edge_inspector.run.ring import RingWriter
from edge_inspector.run.seams import Guard, Identity, Seeing

LEASE_MS = 1000


def decide(results: TileResults) -> Judgement:
    score = float(results.scores[0, 1])
    outcome = Outcome.REJECT if score >= 0.5 else Outcome.PASS
    reason = Reason.DEFECT if outcome is Outcome.REJECT else Reason.OK
    return Judgement(outcome, reason, score, "DEFECT", n_tiles=1)


def judge_of(engine: Engine | EngineError, deadline_ns: int | None = None) -> Judge:
    """Return the judge of a line of one camera."""
    return Judge(engine if isinstance(engine, EngineError) else [Eye(engine, decide)], deadline_ns)


class Bench:
    """An inspect loop on a small memory with fakes around it."""

    def __init__(
        self, engine: FakeEngine | EngineError | None = None, deadline_ns: int | None = None, keep: str = "REJECT"
    ) -> None:
        self.memory = make_memory()
        self.wake_fd = make_wake_fd()
        self.writer = RingWriter(self.memory.cameras[0], self.wake_fd)
        self.signals, self.journal = FakeSignals(), FakeJournal()
        self.ends = handover_pair()
        main_end, child_end = self.ends
        self.notes, self.sender = NoteReceiver(main_end), NoteSender(child_end)
        self.judge = judge_of(engine or FakeEngine(), deadline_ns)
        self.identity = Identity(
            "line", 5, (Seeing("cam0", "m@1", "0" * 64),), "default", LEASE_MS, deadline_ns, frozenset({Outcome(keep)})
        )
        self.memory.cameras[0].write(CameraWord.STATUS, CameraStatus.ARMED)
        self.memory.cameras[0].write(CameraWord.PROGRESS_NS, monotonic_ns())
        self.loop = self.new_loop()

    def new_loop(self) -> InspectLoop:
        return self.loop_of(InTurn(self.judge, lambda: self.memory.read(Word.HALT_NS)))

    def loop_of(self, judging: Judging, watches: Sequence[Watches] = (), guard: Guard | None = None) -> InspectLoop:
        """Return a loop that takes over what is in the memory."""
        assembler = Assembler(self.memory, self.wake_fd)
        return InspectLoop(
            self.identity,
            self.memory,
            assembler,
            judging,
            self.signals,
            self.journal,
            self.sender,
            self.wake_fd,
            watches,
            guard,
        )

    def close(self) -> None:
        for end in self.ends:
            end.close()
        os.close(self.wake_fd)

    def halt(self) -> None:
        self.memory.write(Word.CAMERA_GONE, 1)
        self.memory.write(Word.HALT_NS, 2**62)

    def outcomes(self) -> list[tuple[Outcome, Reason]]:
        return [(v.judgement.outcome, v.judgement.reason) for v in self.signals.verdicts]


MakeBench = Callable[..., Bench]


@contextmanager
def benches() -> Iterator[MakeBench]:
    """Give a maker of benches; what they opened is closed after the block."""
    with ExitStack() as stack:

        def make(*arguments: object, **named: object) -> Bench:
            bench = Bench(*arguments, **named)  # type: ignore[arg-type]
            stack.callback(bench.close)
            return bench

        yield make
