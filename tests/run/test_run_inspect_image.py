"""What the inspect loop makes of unhealthy pictures: verdict, heartbeat, note to main."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.inspect_bench import Bench, MakeBench, benches, decide
from fakes.inspect_parts import FakeEngine
from fakes.line_memory import frame_arrival

from edge_inspector.core.frame import U8
from edge_inspector.core.look import Look
from edge_inspector.core.verdict import LineState, Outcome, Reason
from edge_inspector.decide.image_health import Policy
from edge_inspector.run.image_watch import ImageWatch
from edge_inspector.run.judge import Eye, Judge
from edge_inspector.run.judging import InTurn
from edge_inspector.run.memory import Word
from edge_inspector.run.publish import Watches
from edge_inspector.run.seam_watch import SeamWatch

BLACK = 1
"""Grey value of a picture that the look below takes for black."""


def look_at(pixels: U8) -> Look:
    grey = int(pixels.flat[0])
    is_black = grey == BLACK
    troubles = ("black",) if is_black else ()
    return Look(float(grey), 0.0, 0.25, 0.5, grey, troubles, refuses=is_black, is_fault=is_black)


class ImageBench:
    """A bench whose judge looks at pictures first."""

    def __init__(self, bench: Bench, stuck: Policy) -> None:
        self.bench, self.engine = bench, FakeEngine()
        judge = Judge([Eye(self.engine, decide, look_at)], None)
        judging = InTurn(judge, lambda: bench.memory.read(Word.HALT_NS))
        self.loop = bench.loop_of(judging, [Watches(ImageWatch(stuck), SeamWatch(None))])

    def judge(self, *greys: int) -> list[tuple[Outcome, Reason]]:
        for grey in greys:
            self.bench.writer.accept(frame_arrival(grey))
            self.loop.step()
        return self.bench.outcomes()


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    with benches() as make:
        yield make


def test_an_unhealthy_picture_is_unknown_and_the_model_never_sees_it(make_bench: MakeBench) -> None:
    images = ImageBench(make_bench(), "unknown")

    outcomes = images.judge(10, BLACK, 20)

    assert outcomes == [
        (Outcome.PASS, Reason.OK),
        (Outcome.UNKNOWN, Reason.IMAGE_HEALTH),
        (Outcome.PASS, Reason.OK),
    ]
    assert images.engine.runs == 2


@pytest.mark.parametrize(("stuck", "reason"), [("unknown", Reason.IMAGE_HEALTH), ("metric", Reason.OK)])
def test_a_repeated_picture_becomes_what_the_policy_says(stuck: Policy, reason: Reason, make_bench: MakeBench) -> None:
    images = ImageBench(make_bench(), stuck)

    assert [why for _, why in images.judge(10, 10, 20)] == [Reason.OK, reason, Reason.OK]


def test_a_fault_of_the_image_is_in_the_heartbeat_until_a_healthy_picture(make_bench: MakeBench) -> None:
    bench = make_bench()
    images = ImageBench(bench, "unknown")

    images.judge(BLACK)
    images.loop._heart.beat()
    images.judge(10)
    images.loop._heart.beat()

    faulty, healthy = bench.signals.beats
    assert (faulty.is_ready, faulty.faults, faulty.state) == (False, ("image_health",), LineState.PREOPERATIONAL)
    assert (healthy.is_ready, healthy.faults) == (True, ())


def test_main_is_told_the_figures_of_every_picture(make_bench: MakeBench) -> None:
    bench = make_bench()
    images = ImageBench(bench, "metric")

    images.judge(10, 10, BLACK)
    images.loop._heart.beat()  # figures wait for it

    told = [note["images"] for note, _ in bench.notes.take_up_to(9) if note["kind"] == "verdict"]
    assert told == [
        [[0, [10.0, 0.5, 0.0, 0.25, []]]],
        [[0, [10.0, 0.5, 0.0, 0.25, ["stuck"]]]],
        [[0, [1.0, 0.5, 0.0, 0.25, ["black"]]]],
    ]
