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
from edge_inspector.run.memory import (
    LEDGER_WORDS,
    OUTBOX_BYTES,
    OUTBOX_MESSAGES,
    RECORD_WORDS,
    SLOT_WORDS,
    Layout,
    LineMemory,
    Word,
)

PAGE = 4096

layouts = st.builds(
    Layout,
    frame=st.builds(FrameShape, st.integers(1, 200), st.integers(1, 200), st.sampled_from([1, 3])),
    slots=st.integers(1, 12),
    evidence_slots=st.integers(0, 4),
    records=st.integers(1, 700),
)


@contextmanager
def mapped(layout: Layout) -> Iterator[LineMemory]:
    memory = LineMemory(layout)
    try:
        yield memory
    finally:
        os.close(memory.fd)


def regions(memory: LineMemory) -> list[np.ndarray]:  # type: ignore[type-arg]
    slots = [memory.slot(i) for i in range(memory.layout.slots)]
    return [memory.control, memory.ledger, memory.outbox, memory.records, memory.claims, *slots]


def address(array: np.ndarray) -> int:  # type: ignore[type-arg]
    start: int = array.__array_interface__["data"][0]
    return start


@given(layouts)
@settings(max_examples=50)
def test_no_two_regions_overlap_and_all_lie_inside(layout: Layout) -> None:
    with mapped(layout) as memory:
        spans = sorted((address(array), address(array) + array.nbytes) for array in regions(memory))
        base = address(memory.control)

        assert all(end <= next_start for (_, end), (next_start, _) in pairwise(spans))
        assert spans[0][0] == base
        assert spans[-1][1] <= base + layout.n_bytes == base + os.fstat(memory.fd).st_size


@given(layouts)
@settings(max_examples=50)
def test_every_region_has_its_size_and_begins_as_zeros(layout: Layout) -> None:
    with mapped(layout) as memory:
        assert memory.control.shape[0] > max(Word)
        assert memory.ledger.shape == (2, LEDGER_WORDS)
        assert memory.outbox.shape == (OUTBOX_MESSAGES, OUTBOX_BYTES)
        assert memory.records.shape == (layout.records, RECORD_WORDS)
        assert memory.claims.shape == (layout.slots, SLOT_WORDS)
        assert memory.slot(layout.slots - 1).shape == layout.frame.hwc
        assert not any(array.any() for array in regions(memory))


@given(layouts)
@settings(max_examples=50)
def test_slots_begin_on_pages_and_words_on_words(layout: Layout) -> None:
    with mapped(layout) as memory:
        assert all(address(memory.slot(i)) % PAGE == 0 for i in range(layout.slots))
        assert all(address(array) % 8 == 0 for array in (memory.control, memory.ledger, memory.records, memory.claims))


@given(layouts)
@settings(max_examples=30)
def test_what_one_mapping_writes_the_other_reads(layout: Layout) -> None:
    with mapped(layout) as memory:
        other = LineMemory(layout, memory.fd)
        for number, region in enumerate(regions(memory), start=1):
            region[...] = number

        assert [np.unique(region).tolist() for region in regions(other)] == [
            [number] for number in range(1, len(regions(other)) + 1)
        ]
        other.write(Word.EPOCH, 2**40)
        assert memory.read(Word.EPOCH) == 2**40


def test_words_hold_moments_far_beyond_any_uptime() -> None:
    with mapped(Layout(FrameShape(8, 16, 1), 4, 2, 8)) as memory:
        memory.write(Word.HALT_NS, 2**62)

        assert memory.read(Word.HALT_NS) == 2**62


def test_a_mapping_larger_than_the_memory_is_refused() -> None:
    frame = FrameShape(8, 16, 1)
    with mapped(Layout(frame, 4, 2, 8)) as memory, pytest.raises(ValueError, match="greater than file size"):
        LineMemory(Layout(frame, 5, 2, 8), memory.fd)


def test_no_two_words_share_a_place() -> None:
    assert len({word.value for word in Word}) == len(Word.__members__)


def test_the_memory_goes_with_its_last_holder() -> None:
    with mapped(Layout(FrameShape(8, 16, 1), 4, 2, 8)) as memory:
        link = os.readlink(f"/proc/self/fd/{memory.fd}")

    assert link == "/memfd:edge-inspector (deleted)"  # it has no name that anything could be left under
