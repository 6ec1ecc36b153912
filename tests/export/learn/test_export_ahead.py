"""What is made ahead comes in order, once, and its errors come in their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from export.learn.ahead import made_ahead, share_threads


def test_the_next_is_made_while_the_last_is_used() -> None:
    begun = [threading.Event() for _ in range(4)]

    def make() -> Iterator[int]:
        for number in range(4):
            begun[number].set()
            yield number

    seen = []
    for number in made_ahead(make()):
        assert number == 3 or begun[number + 1].wait(20)
        seen.append(number)

    assert seen == [0, 1, 2, 3]


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    made = made_ahead(make())

    assert next(made) == 1
    with pytest.raises(ValueError, match="the second"):
        next(made)


@pytest.mark.parametrize(("threads", "shared"), [(1, (1, 1)), (2, (1, 1)), (3, (2, 1)), (16, (8, 8))])
def test_no_more_threads_work_than_were_given_but_that_one_takes_turns(threads: int, shared: tuple[int, int]) -> None:
    assert share_threads(threads) == shared
