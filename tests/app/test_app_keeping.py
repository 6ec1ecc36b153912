from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes.line_memory import enter_next, make_wake_fd

from edge_inspector.app import keeping
from edge_inspector.app.keeping import MAILBOX_ITEMS, EvidenceKeeper, Looking
from edge_inspector.app.regions import Scene
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape
from edge_inspector.core.verdict import Outcome
from edge_inspector.record.evidence import EvidenceStore
from edge_inspector.record.item import EvidencePicture
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import Layout, LineMemory
from edge_inspector.run.ring import EvidenceBorrower, RingReader, RingWriter
from edge_inspector.settings.output import EvidenceSettings

FRAME = FrameShape(64, 128, 1)
SCENE = Scene(np.array([(0, 0), (0, 64)], np.intp), (64, 64))
NOON_US = 1_795_348_800_000_000
WAIT_S = 20.0


class Bench:
    """A keeper, and the hop whose pictures it borrows."""

    def __init__(self, folder: Path, scene: Scene, stack: ExitStack, **settings: Any) -> None:
        self.memory = LineMemory(Layout(FRAME, slots=4, evidence_slots=4, records=64))
        stack.callback(os.close, self.memory.fd)
        wake_fd = make_wake_fd()
        stack.callback(os.close, wake_fd)
        camera = self.memory.cameras[0]
        self.writer, self.reader = RingWriter(camera, wake_fd), RingReader(camera, wake_fd, consumed=0)
        self.folder = folder
        section = EvidenceSettings(folder=folder, **({"min_free_mb": 0} | settings))
        self.keeper = EvidenceKeeper(section, [Looking("cam0", EvidenceBorrower(camera), scene)])

    def judged(self, grey: int, number: int = 1) -> dict[str, Any]:
        """Do what camera and inspect process do with a rejected part; return the note."""
        self.writer.accept(
            Arrival(ArrivalKind.FRAME, number, monotonic_ns(), "host", np.full(FRAME.hwc, grey, np.uint8))
        )
        part = self.reader.view(Ledger(self.memory).seq)
        assert part is not None
        enter_next(self.memory, Outcome.REJECT, False, b"message")
        self.reader.release(part, lend=True)
        return {
            "kind": "verdict",
            "slot": part.slot,
            "generation": part.generation,
            "hits": [[0, 0.9]],
            "body": body(number),
        }

    def is_lent(self, note: dict[str, Any]) -> bool:
        """Return whether a slot still waits for its borrower."""
        claim, _, lent, returned = self.memory.cameras[0].claims[note["slot"]].tolist()
        return lent == claim and returned < lent

    def written(self) -> list[str]:
        """Write everything that was accepted; return the names below the folder."""
        self.keeper.worker.start()
        self.keeper.close(WAIT_S)
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())


def body(number: int) -> dict[str, Any]:
    return {
        "evidence_id": f"press-3-{number}",
        "part_id": number,
        "t_trigger_utc_us": NOON_US,
        "verdict": "REJECT",
        "reason": "defect",
        "score": 0.9,
        "label": "DEFECT",
        "defects": [],
        "model": "tiny@1",
    }


def only_picture(bench: Bench) -> EvidencePicture:
    """Return the picture of the part that waits to be written."""
    item = bench.keeper.mailbox.take(0)
    assert item is not None
    [picture] = item.pictures
    return picture


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[MakeBench]:
    with ExitStack() as stack:
        yield lambda scene=SCENE, **settings: Bench(tmp_path / "evidence", scene, stack, **settings)


def test_a_rejected_part_is_kept_as_picture_marked_picture_and_verdict(make_bench: MakeBench) -> None:
    bench = make_bench()
    note = bench.judged(grey=77)

    bench.keeper.keep(note, np.ones((2, 8, 8), np.float32))

    assert not bench.is_lent(note)
    assert bench.written() == ["press-3-1.annotated.jpg", "press-3-1.jpg", "press-3-1.json"]
    picture = cv2.imread(str(next(bench.folder.rglob("press-3-1.jpg"))), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape[:2] == (64, 128)
    assert abs(float(picture.mean()) - 77) < 2


def test_the_settings_decide_format_and_marked_picture(make_bench: MakeBench) -> None:
    bench = make_bench(format="png", annotated=False)

    bench.keeper.keep(bench.judged(grey=77), None)

    assert bench.written() == ["press-3-1.json", "press-3-1.png"]


def test_the_picture_is_a_copy_which_the_camera_may_overwrite_at_once(make_bench: MakeBench) -> None:
    bench = make_bench(format="png", annotated=False)
    bench.keeper.keep(bench.judged(grey=77), None)
    for number in range(2, 12):
        bench.judged(grey=200, number=number)

    bench.written()

    picture = cv2.imread(str(next(bench.folder.rglob("press-3-1.png"))), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert np.unique(picture).tolist() == [77]


def test_a_part_that_is_not_kept_gives_its_slot_back(make_bench: MakeBench) -> None:
    bench = make_bench()
    note = bench.judged(grey=77)
    note["body"]["evidence_id"] = None

    bench.keeper.keep(note, None)

    assert not bench.is_lent(note)
    assert bench.written() == []


def test_a_picture_that_the_camera_took_back_is_counted_and_nothing_wrong_is_kept(make_bench: MakeBench) -> None:
    bench = make_bench()
    first = bench.judged(grey=77)
    for number in range(2, 7):  # four slots: the first is used again
        bench.judged(grey=200, number=number)

    bench.keeper.keep(first, None)

    assert bench.keeper.taken_back == 1
    assert bench.written() == []


def test_a_part_without_a_picture_is_kept_as_its_verdict_alone(make_bench: MakeBench) -> None:
    bench = make_bench()

    bench.keeper.keep({"kind": "verdict", "slot": -1, "generation": 0, "body": body(9)}, None)

    assert bench.written() == ["press-3-9.json"]
    assert bench.keeper.taken_back == 0


def test_the_tiles_that_reached_their_limit_are_marked_with_their_score(make_bench: MakeBench) -> None:
    bench = make_bench()
    note = bench.judged(grey=77)
    note["hits"] = [[1, 0.5]]

    bench.keeper.keep(note, None)

    picture = only_picture(bench)
    assert picture.tile_over is not None
    assert picture.tile_over.tolist() == [False, True]
    assert picture.tile_scores is not None
    assert picture.tile_scores.tolist() == [0.0, 0.5]
    assert picture.corners_yx.tolist() == [[0, 0], [0, 64]]


def test_tiles_that_were_skipped_are_told_apart_from_those_that_were_judged(make_bench: MakeBench) -> None:
    bench = make_bench()
    note = bench.judged(grey=77) | {"tiles": [1], "hits": [[1, 0.75]]}

    bench.keeper.keep(note, np.ones((1, 8, 8), np.float32))

    picture = only_picture(bench)
    assert picture.corners_yx.tolist() == [[0, 64]]
    assert picture.skipped_yx is not None
    assert picture.skipped_yx.tolist() == [[0, 0]]
    assert picture.tile_scores is not None
    assert picture.tile_scores.tolist() == [0.75]


def test_no_heat_is_shown_where_nothing_is_inspected(make_bench: MakeBench) -> None:
    inspected = np.ones((2, 8, 8), bool)
    inspected[0, :4] = False
    bench = make_bench(Scene(SCENE.corners_yx, SCENE.tile_hw, inspected))

    bench.keeper.keep(bench.judged(grey=77), np.full((2, 8, 8), 3, np.float32))

    picture = only_picture(bench)
    assert picture.heat is not None
    assert picture.heat[~inspected].max() == 0
    assert picture.heat[inspected].min() == 3


@pytest.mark.fault(
    32,
    injected="the disk of the evidence stands still",
    seen="pictures are dropped and counted; the line goes on",
    noticed="with the part",
)
def test_a_disk_that_stands_still_costs_pictures_and_neither_time_nor_slots(make_bench: MakeBench) -> None:
    bench = make_bench()
    n = MAILBOX_ITEMS + 10
    for number in range(1, n + 1):
        note = bench.judged(grey=77, number=number)
        bench.keeper.keep(note, None)  # nobody writes
        assert not bench.is_lent(note)

    assert (bench.keeper.mailbox.depth, bench.keeper.mailbox.dropped) == (MAILBOX_ITEMS, 10)
    assert len([name for name in bench.written() if name.endswith(".json")]) == MAILBOX_ITEMS


def test_an_item_that_cannot_be_written_does_not_end_the_writing(make_bench: MakeBench) -> None:
    bench = make_bench()
    bad = bench.judged(grey=1, number=1)
    bad["body"]["evidence_id"] = "../../escape"
    worse = bench.judged(grey=2, number=2)
    worse["body"]["score"] = float("nan")
    good = bench.judged(grey=3, number=3)
    for note in (bad, worse, good):
        bench.keeper.keep(note, None)

    names = bench.written()

    assert bench.keeper.worker.error is None
    assert {name.split(".")[0] for name in names} == {"press-3-3"}
    assert not list(bench.folder.parent.glob("*escape*"))


def test_a_folder_is_read_by_the_thread_that_writes_and_not_at_the_start(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_in = []

    def noted(*arguments: Any) -> EvidenceStore:
        opened_in.append(threading.current_thread().name)
        return EvidenceStore(*arguments)

    monkeypatch.setattr(keeping, "EvidenceStore", noted)
    bench = make_bench()
    before = bench.keeper.status()

    bench.written()

    assert before is None
    assert opened_in == ["evidence"]
    assert bench.keeper.status() is not None
