"""Terms through the shared memory: as a whole, once, and acknowledged with the first part."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fakes.line_memory import make_memory, make_wake_fd

from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.seams import Identity
from edge_inspector.run.terms import MOST_BYTES, Terms, TermsPost, TermsReader, Unchanging


class Bench:
    """Both ends on one memory."""

    def __init__(self, wake_fd: int) -> None:
        self.memory: LineMemory = make_memory()
        self.wake_fd = wake_fd
        self.post = TermsPost(self.memory, wake_fd)
        self.refused: list[str] = []

    def reader(self) -> TermsReader:
        return TermsReader(self.memory, self.wake_fd, understand, self.refused.append)


def understand(data: bytes) -> Terms:
    if data == b"nonsense":
        raise ValueError("no rule can be made of it")
    who = Identity("line", 5, (), data.decode(), 1000, None, frozenset())
    return Terms(who, ())


@pytest.fixture
def bench() -> Iterator[Bench]:
    wake_fd = make_wake_fd()
    yield Bench(wake_fd)
    os.close(wake_fd)


def said(terms: Terms | None) -> str | None:
    return None if terms is None else terms.who.recipe


def test_nothing_was_changed_at_first(bench: Bench) -> None:
    assert bench.reader().newest() is None
    assert Unchanging().newest() is None


def test_new_terms_are_seen_at_once_wake_the_loop_and_are_acknowledged_once(bench: Bench) -> None:
    reader = bench.reader()

    number = bench.post.publish(b"first")
    woken = os.eventfd_read(bench.wake_fd)
    before = bench.post.first_part(number)
    seen = said(reader.newest())
    reader.taken(1042)
    reader.taken(1043)

    assert (woken, before, seen) == (1, None, "first")
    assert bench.post.first_part(number) == 1042


def test_a_successor_begins_with_what_is_in_force_and_acknowledges_only_what_was_not(bench: Bench) -> None:
    first = bench.reader()
    number = bench.post.publish(b"one")
    first.newest()
    first.taken(10)

    second = bench.reader()
    seen = said(second.newest())
    second.taken(20)
    kept = bench.post.first_part(number)
    unseen = bench.post.publish(b"two")  # while nobody is there
    third = bench.reader()

    assert (seen, kept) == ("one", 10)
    assert bench.post.first_part(unseen) is None
    assert said(third.newest()) == "two"
    third.taken(30)
    assert bench.post.first_part(unseen) == 30


def test_a_kill_between_the_two_words_of_an_acknowledgement_has_the_successor_give_it_again(bench: Bench) -> None:
    reader = bench.reader()
    number = bench.post.publish(b"one")
    reader.newest()
    bench.memory.write(Word.TERMS_FIRST, 10)  # killed here

    successor = bench.reader()
    successor.newest()
    successor.taken(12)

    assert bench.post.first_part(number) == 12


def test_terms_that_make_no_sense_leave_the_former_in_force_and_main_learns_it(bench: Bench) -> None:
    reader = bench.reader()
    bench.post.publish(b"good")
    reader.newest()
    reader.taken(1)

    number = bench.post.publish(b"nonsense")

    assert said(reader.newest()) == "good"
    reader.taken(2)
    assert bench.post.first_part(number) == 0
    assert bench.refused == ["no rule can be made of it"]


def test_half_written_terms_are_not_taken(bench: Bench) -> None:
    reader = bench.reader()
    bench.post.publish(b"good")
    reader.newest()
    number = bench.post.publish(b"next")
    bench.memory.terms[number % 2, 9] ^= 1

    assert said(reader.newest()) == "good"
    bench.memory.terms[number % 2, 9] ^= 1
    assert said(reader.newest()) == "next"


def test_what_does_not_fit_is_refused_and_nothing_changes(bench: Bench) -> None:
    with pytest.raises(ValueError, match="over"):
        bench.post.publish(b"x" * (MOST_BYTES + 1))

    assert bench.memory.read(Word.TERMS) == 0
    number = bench.post.publish(b"x" * MOST_BYTES)
    assert len(said(bench.reader().newest()) or "") == MOST_BYTES
    assert number == 1


@pytest.mark.timeout(30)
def test_a_reader_never_sees_a_mixture_however_fast_main_writes(bench: Bench) -> None:
    reader, stop = bench.reader(), threading.Event()
    seen: list[str] = []

    def write() -> None:
        for n in range(3000):
            bench.post.publish(bytes([65 + n % 26]) * (1 + n % 500))
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.is_set():
        seen.append(said(reader.newest()) or "")
        with suppress(BlockingIOError):
            os.eventfd_read(bench.wake_fd)
    writer.join()

    assert all(len(set(one)) <= 1 for one in seen)
    assert said(reader.newest()) == chr(65 + 2999 % 26) * (1 + 2999 % 500)
