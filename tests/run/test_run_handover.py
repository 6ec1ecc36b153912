from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_inspector.core.frame import F32
from edge_inspector.run.handover import HELD_BYTES, HELD_NOTES, Note, NoteReceiver, NoteSender, handover_pair


class Pair:
    """Both ends."""

    def __init__(self) -> None:
        self.ends = handover_pair()
        self.receiver, self.sender = NoteReceiver(self.ends[0]), NoteSender(self.ends[1])

    def take(self) -> tuple[Note, F32 | None]:
        taken = self.receiver.take()
        assert taken is not None
        return taken

    def fill(self) -> int:
        """Send until main is behind; return how many notes fit."""
        n = 0
        while self.sender.offer({"kind": "event", "n": n}):
            n += 1
            assert n < 1_000_000
        return n

    def close(self) -> None:
        for end in self.ends:
            end.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def test_notes_arrive_whole_and_in_order(pair: Pair) -> None:
    texts = ["", "a" * 5000, '"\n\0\u00e4\u4e16', "end"]
    for text in texts:
        assert pair.sender.offer({"kind": "event", "detail": text})

    assert [pair.take() for _ in texts] == [({"kind": "event", "detail": text}, None) for text in texts]
    assert pair.receiver.take() is None


@given(
    arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=8),
        elements=st.floats(-60000, 60000, width=32),
    )
)
def test_heat_arrives_in_its_shape_to_half_precision(heat: F32) -> None:
    pair = Pair()
    try:
        assert pair.sender.offer({"kind": "verdict"}, heat)
        note, got = pair.take()
    finally:
        pair.close()

    assert note == {"kind": "verdict"}
    assert got is not None
    assert got.dtype == np.float32
    assert got.shape == heat.shape
    # 11 bits of mantissa; below 2^-14 half precision counts in steps of 2^-24.
    assert np.allclose(got, heat, rtol=2**-11, atol=2**-24)


def test_heat_beyond_half_precision_is_cut_off_and_stays_finite(pair: Pair) -> None:
    heat = np.array([[[np.inf, -np.inf, 1e30, -1e30, 65504.0, 1.0]]], np.float32)

    pair.sender.offer({"kind": "verdict"}, heat)

    _, got = pair.take()
    assert got is not None
    assert got.ravel().tolist() == [65504.0, -65504.0, 65504.0, -65504.0, 65504.0, 1.0]


def test_the_heat_is_a_copy(pair: Pair) -> None:
    heat = np.ones((1, 2, 2), np.float32)
    pair.sender.offer({"kind": "verdict"}, heat)

    heat[:] = 7

    _, got = pair.take()
    assert got is not None
    assert got.tolist() == np.ones((1, 2, 2)).tolist()


def test_a_main_that_is_behind_costs_a_note_and_no_time(pair: Pair) -> None:
    n = pair.fill()

    assert not pair.sender.offer({"kind": "event", "n": -1})

    assert [pair.take()[0]["n"] for _ in range(n)] == list(range(n))
    assert pair.receiver.take() is None
    assert pair.sender.offer({"kind": "event", "n": n})
    assert pair.take()[0]["n"] == n


def test_a_heat_that_is_too_large_for_one_message_is_left_out(pair: Pair) -> None:
    heat = np.zeros((64, 512, 512), np.float32)  # 32 MB packed; sockets hold far less

    assert pair.sender.offer({"kind": "verdict", "seq": 7}, heat)

    assert pair.take() == ({"kind": "verdict", "seq": 7}, None)


def test_what_a_dead_child_sent_stays_readable_and_its_successor_goes_on() -> None:
    pair = Pair()
    child_end = socket.socket(fileno=os.dup(pair.ends[1].fileno()))
    NoteSender(child_end).offer({"kind": "fatal", "detail": "last words"})
    child_end.close()

    assert pair.take()[0]["detail"] == "last words"
    assert pair.receiver.take() is None
    assert pair.sender.offer({"kind": "hb"})
    assert pair.take() == ({"kind": "hb"}, None)
    pair.close()


def test_notes_to_a_main_that_has_gone_are_dropped() -> None:
    pair = Pair()
    pair.ends[0].close()

    assert not pair.sender.offer({"kind": "hb"}, np.zeros((1, 2, 2), np.float32))
    pair.close()


def test_a_receiver_without_any_sender_left_finds_nothing() -> None:
    pair = Pair()
    pair.sender.offer({"kind": "hb"})
    pair.ends[1].close()

    assert pair.take() == ({"kind": "hb"}, None)
    assert pair.receiver.take() is None
    pair.close()


def test_the_wait_for_notes_is_on_the_descriptor_of_main_s_end(pair: Pair) -> None:
    assert pair.receiver.fileno() == pair.ends[0].fileno()


def test_a_child_that_sends_faster_than_main_takes_holds_main_for_so_many_notes_only(pair: Pair) -> None:
    pair.sender.offer({"kind": "event", "n": 0})
    seen = []

    for note, _ in pair.receiver.take_up_to(5):
        seen.append(note["n"])
        pair.sender.offer({"kind": "event", "n": note["n"] + 1})  # never dry
        assert len(seen) < 100

    assert seen == [0, 1, 2, 3, 4]
    assert [note["n"] for note, _ in pair.receiver.take_up_to(5)] == [5]


def test_a_held_note_waits_for_the_next_one_that_cannot_and_comes_before_it(pair: Pair) -> None:
    pair.sender.hold({"kind": "verdict", "n": 1})
    pair.sender.hold({"kind": "verdict", "n": 2})
    assert pair.receiver.take() is None

    assert pair.sender.offer({"kind": "verdict", "n": 3}, np.ones((1, 2, 2), np.float32))

    taken = list(pair.receiver.take_up_to(99))
    assert [note["n"] for note, _ in taken] == [1, 2, 3]
    assert [heat is None for _, heat in taken] == [True, True, False]


def test_no_more_notes_are_held_than_fit_one_small_message(pair: Pair) -> None:
    for n in range(HELD_NOTES + 1):
        pair.sender.hold({"kind": "verdict", "n": n})
    assert [note["n"] for note, _ in pair.receiver.take_up_to(999)] == list(range(HELD_NOTES))

    pair.sender.hold({"kind": "verdict", "text": "x" * HELD_BYTES})

    assert pair.take()[0]["n"] == HELD_NOTES


def test_held_notes_that_main_never_sees_are_counted(pair: Pair) -> None:
    pair.fill()
    before = pair.sender.dropped

    for n in range(3):
        pair.sender.hold({"kind": "verdict", "n": n})
    assert not pair.sender.offer({"kind": "hb"})

    assert pair.sender.dropped == before + 4


def test_of_a_message_that_was_begun_nothing_is_left_behind_for_which_nobody_would_wake_main(pair: Pair) -> None:
    for n in range(5):
        pair.sender.hold({"kind": "verdict", "n": n})
    pair.sender.offer({"kind": "hb", "n": 5})

    assert [note["n"] for note, _ in pair.receiver.take_up_to(2)] == [0, 1, 2, 3, 4]
    assert [note["n"] for note, _ in pair.receiver.take_up_to(2)] == [5]
