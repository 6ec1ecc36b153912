from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.core.frame import FrameShape
from edge_inspector.run.camera_memory import RECORD_WORDS, SLOT_WORDS
from edge_inspector.run.memory import (
    LEDGER_WORDS,
    MOST_CAMERAS,
    OUTBOX_BYTES,
    OUTBOX_MESSAGES,
    CameraMemory,
    CameraWord,
    Layout,
    LineMemory,
    Word,
)

PAGE = 4096

layouts = st.lists(
    st.builds(
        Layout,
        frame=st.builds(FrameShape, st.integers(1, 200), st.integers(1, 200), st.sampled_from([1, 3])),
        slots=st.integers(1, 12),
        evidence_slots=st.integers(0, 4),
        records=st.integers(1, 700),
    ),
    min_size=1,
    max_size=MOST_CAMERAS,
)
"""One for each camera of a line."""


@contextmanager
def mapped(*layouts: Layout) -> Iterator[LineMemory]:
    memory = LineMemory(*layouts)
    try:
        yield memory
    finally:
        os.close(memory.fd)


def regions_of(camera: CameraMemory) -> list[np.ndarray]:  # type: ignore[type-arg]
    slots = [camera.slot(i) for i in range(camera.layout.slots)]
    return [camera.control, camera.records, camera.claims, *slots]


def regions(memory: LineMemory) -> list[np.ndarray]:  # type: ignore[type-arg]
    of_cameras = [region for camera in memory.cameras for region in regions_of(camera)]
    return [memory.control, memory.ledger, memory.outbox, *of_cameras]


def address(array: np.ndarray) -> int:  # type: ignore[type-arg]
    start: int = array.__array_interface__["data"][0]
    return start


@given(layouts)
@settings(max_examples=50, deadline=None)
def test_no_two_regions_overlap_and_all_lie_inside(layouts: list[Layout]) -> None:
    with mapped(*layouts) as memory:
        spans = sorted((address(array), address(array) + array.nbytes) for array in regions(memory))
        base = address(memory.control)

        assert all(end <= next_start for (_, end), (next_start, _) in pairwise(spans))
        assert spans[0][0] == base
        # Behind what is the line's own, each camera has exactly what its layout says, to the end of the memory.
        begins = [min(map(address, regions_of(camera))) for camera in memory.cameras]
        ends = [max(address(array) + array.nbytes for array in regions_of(camera)) for camera in memory.cameras]
        assert base + memory.outbox.nbytes < begins[0]
        assert [begin + layout.n_bytes for begin, layout in zip(begins, layouts, strict=True)] == [
            *begins[1:],
            base + os.fstat(memory.fd).st_size,
        ]
        assert all(end <= begin + layout.n_bytes for begin, end, layout in zip(begins, ends, layouts, strict=True))


@given(layouts)
@settings(max_examples=50, deadline=None)
def test_every_region_has_its_size_and_begins_as_zeros(layouts: list[Layout]) -> None:
    with mapped(*layouts) as memory:
        assert memory.control.shape[0] > max(Word)
        assert memory.ledger.shape == (2, LEDGER_WORDS)
        assert memory.outbox.shape == (OUTBOX_MESSAGES, OUTBOX_BYTES)
        for camera, layout in zip(memory.cameras, layouts, strict=True):
            assert camera.control.shape[0] > max(CameraWord)
            assert camera.records.shape == (layout.records, RECORD_WORDS)
            assert camera.claims.shape == (layout.slots, SLOT_WORDS)
            assert camera.slot(layout.slots - 1).shape == layout.frame.hwc
        assert not any(array.any() for array in regions(memory))


@given(layouts)
@settings(max_examples=50, deadline=None)
def test_slots_begin_on_pages_and_words_on_words(layouts: list[Layout]) -> None:
    with mapped(*layouts) as memory:
        words = [memory.control, memory.ledger]
        for camera in memory.cameras:
            assert all(address(camera.slot(i)) % PAGE == 0 for i in range(camera.layout.slots))
            words += [camera.control, camera.records, camera.claims]
        assert all(address(array) % 8 == 0 for array in words)


@given(layouts)
@settings(max_examples=30, deadline=None)
def test_what_one_mapping_writes_the_other_reads(layouts: list[Layout]) -> None:
    with mapped(*layouts) as memory:
        other = LineMemory(*layouts, fd=memory.fd)
        for number, region in enumerate(regions(memory), start=1):
            region[...] = number % 251

        assert [np.unique(region).tolist() for region in regions(other)] == [
            [number % 251] for number in range(1, len(regions(other)) + 1)
        ]
        other.write(Word.EPOCH, 2**40)
        other.cameras[-1].write(CameraWord.FRAMES, 2**41)
        assert memory.read(Word.EPOCH) == 2**40
        assert memory.cameras[-1].read(CameraWord.FRAMES) == 2**41


def test_words_hold_moments_far_beyond_any_uptime() -> None:
    with mapped(Layout(FrameShape(8, 16, 1), 4, 2, 8)) as memory:
        memory.write(Word.HALT_NS, 2**62)

        assert memory.read(Word.HALT_NS) == 2**62


def test_a_mapping_larger_than_the_memory_is_refused() -> None:
    frame = FrameShape(8, 16, 1)
    with mapped(Layout(frame, 4, 2, 8)) as memory, pytest.raises(ValueError, match="greater than file size"):
        LineMemory(Layout(frame, 5, 2, 8), fd=memory.fd)


@pytest.mark.parametrize("words", [Word, CameraWord])
def test_no_two_words_share_a_place(words: type[Word] | type[CameraWord]) -> None:
    assert len({word.value for word in words}) == len(words.__members__)


def test_the_memory_goes_with_its_last_holder() -> None:
    with mapped(Layout(FrameShape(8, 16, 1), 4, 2, 8)) as memory:
        link = os.readlink(f"/proc/self/fd/{memory.fd}")

    assert link == "/memfd:edge-inspector (deleted)"  # it has no name that anything could be left under
