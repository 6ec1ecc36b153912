from __future__ import annotations

import pytest
from fakes.line_memory import enter_next, make_memory
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.core.verdict import Outcome, Totals
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import OUTBOX_BYTES, OUTBOX_MESSAGES, CameraWord, Word


@given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.booleans()), max_size=50))
def test_totals_are_the_sums_of_what_was_entered(entries: list[tuple[Outcome, bool]]) -> None:
    memory = make_memory()
    ledger = Ledger(memory)
    memory.cameras[0].write(CameraWord.TRIGGERS, len(entries) + 3)

    for outcome, is_late in entries:
        enter_next(memory, outcome, is_late, b"message")

    outcomes = [outcome for outcome, _ in entries]
    counts = [outcomes.count(outcome) for outcome in (Outcome.PASS, Outcome.REJECT, Outcome.UNKNOWN)]
    assert ledger.totals() == Totals(len(entries) + 3, *counts, sum(is_late for _, is_late in entries))
    assert ledger.totals().in_flight == 3
    assert ledger.seq == len(entries)


def test_the_newest_messages_are_found_again_byte_for_byte_and_in_order() -> None:
    memory = make_memory()
    ledger = Ledger(memory)
    messages = [b"message " + bytes([n]) * (100 - n) for n in range(OUTBOX_MESSAGES + 10)]

    assert ledger.newest() == []
    for n, message in enumerate(messages, start=1):
        enter_next(memory, Outcome.PASS, False, message)
        assert Ledger(memory).newest() == messages[max(0, n - OUTBOX_MESSAGES + 1) : n]


def test_a_kill_while_the_next_message_is_written_spoils_none_that_counts() -> None:
    memory = make_memory()
    ledger = Ledger(memory)
    for n in range(OUTBOX_MESSAGES):
        enter_next(memory, Outcome.PASS, False, bytes([n]))
    newest = ledger.newest()

    memory.outbox[(ledger.seq + 1) % OUTBOX_MESSAGES] = 77  # half written when the kill came

    assert ledger.newest() == newest


def test_a_kill_before_the_flip_leaves_the_former_ledger_whole() -> None:
    memory = make_memory()
    ledger = Ledger(memory)
    enter_next(memory)
    before = ledger.totals()

    spare = memory.ledger[1 - memory.read(Word.ACTIVE)]
    spare[:] = 77  # half written when the kill came

    assert ledger.totals() == before
    enter_next(memory, Outcome.REJECT, False, b"next")
    assert (ledger.seq, ledger.totals().passes, ledger.totals().rejects) == (2, 1, 1)


def test_a_message_that_does_not_fit_is_refused_before_anything_counts() -> None:
    memory = make_memory()
    ledger = Ledger(memory)

    with pytest.raises(ValueError, match="65536 bytes"):
        enter_next(memory, Outcome.PASS, False, bytes(OUTBOX_BYTES))

    assert ledger.seq == 0
