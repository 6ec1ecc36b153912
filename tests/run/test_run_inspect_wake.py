"""The inspect loop must not sleep on a part that came while it was about to wait."""

from __future__ import annotations

import os

import pytest
from fakes.inspect_parts import FakeEngine, FakeSignals
from fakes.journal import FakeJournal
from fakes.line_memory import frame_arrival, make_memory, make_wake_fd
from fakes.pipes import is_readable

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.verdict import Judgement, Outcome, Reason, TileResults
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.handover import NoteSender, handover_pair
from edge_inspector.run.inspect import InspectLoop
from edge_inspector.run.judge import Eye, Judge
from edge_inspector.run.judging import InTurn
from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word
from edge_inspector.run.ring import RingWriter
from edge_inspector.run.seams import Identity, Seeing

N_PARTS = 3


def decide(results: TileResults) -> Judgement:
    return Judgement(Outcome.PASS, Reason.OK, 0.1, "OK", n_tiles=1)


class Wakeful(FakeSignals):
    """Signals whose wait sees whether a part is there that would be slept on."""

    def __init__(self, memory: LineMemory) -> None:
        super().__init__()
        self._memory = memory
        self.slept_on: list[int] = []

    def wait(self, wake_fd: int, timeout_s: float) -> None:
        waiting = self._memory.cameras[0].read(CameraWord.HEAD) - len(self.sent)
        is_woken = is_readable(wake_fd, 0.0)
        if waiting and not is_woken and timeout_s > 0:
            self.slept_on.append(self._memory.cameras[0].read(CameraWord.HEAD))


class JustMissed(InspectLoop):
    """A loop to which each part comes right after it has looked."""

    writer: RingWriter

    def step(self) -> bool:
        if super().step():
            return True
        if self._memory.cameras[0].read(CameraWord.TRIGGERS) < N_PARTS:
            self.writer.accept(frame_arrival(10))
        else:
            self._memory.write(Word.CAMERA_GONE, 1)
            self._memory.write(Word.HALT_NS, 2**62)
        return False


@pytest.fixture
def memory() -> LineMemory:
    return make_memory()


def test_a_part_that_comes_between_the_look_and_the_wait_still_wakes_the_loop(memory: LineMemory) -> None:
    memory.cameras[0].write(CameraWord.STATUS, CameraStatus.ARMED)
    memory.cameras[0].write(CameraWord.PROGRESS_NS, monotonic_ns())
    wake_fd, ends, signals = make_wake_fd(), handover_pair(), Wakeful(memory)
    who = Identity("line", 5, (Seeing("cam0", "m@1", "0" * 64),), "default", 1000, None, frozenset())
    judging = InTurn(Judge([Eye(FakeEngine(), decide)], None), lambda: memory.read(Word.HALT_NS))
    loop = JustMissed(
        who, memory, Assembler(memory, wake_fd), judging, signals, FakeJournal(), NoteSender(ends[1]), wake_fd
    )
    loop.writer = RingWriter(memory.cameras[0], wake_fd)

    loop.run()

    assert signals.sent == [1, 2, 3]
    assert signals.slept_on == []
    assert not is_readable(wake_fd, 0.0), "what woke it was not taken back: no wait would wait any more"
    for end in ends:
        end.close()
    os.close(wake_fd)
