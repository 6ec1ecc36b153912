"""The mailbox is bounded, never waits when it takes in, and loses nothing that it accepted."""

import threading

import pytest

from edge_inspector.record.item import EvidenceItem
from edge_inspector.record.mailbox import EvidenceMailbox


def make_item(name: str) -> EvidenceItem:
    return EvidenceItem(name, {}, 0)


def test_items_come_out_in_the_order_they_went_in() -> None:
    mailbox = EvidenceMailbox(max_items=2)
    mailbox.offer(make_item("a"))
    mailbox.offer(make_item("b"))

    taken = [mailbox.take(timeout_s=0), mailbox.take(timeout_s=0)]

    assert [item.evidence_id for item in taken if item] == ["a", "b"]


def test_a_full_mailbox_drops_the_new_item_and_counts_it() -> None:
    mailbox = EvidenceMailbox(max_items=1)

    accepted = [mailbox.offer(make_item(name)) for name in "abc"]

    assert accepted == [True, False, False]
    assert (mailbox.depth, mailbox.dropped) == (1, 2)


def test_nothing_came_is_none() -> None:
    assert EvidenceMailbox(max_items=1).take(timeout_s=0.01) is None


def test_closing_refuses_the_new_and_gives_out_the_accepted() -> None:
    mailbox = EvidenceMailbox(max_items=3)
    mailbox.offer(make_item("a"))

    mailbox.close()

    assert not mailbox.offer(make_item("b"))
    assert not mailbox.is_drained
    assert mailbox.take(timeout_s=60) is not None
    assert mailbox.is_drained
    assert mailbox.take(timeout_s=60) is None  # at once: the test's own time limit is shorter


@pytest.mark.parametrize("wake", ["offer", "close"])
def test_who_waits_is_woken(wake: str) -> None:
    mailbox = EvidenceMailbox(max_items=1)
    taken: list[EvidenceItem | None] = []
    waiter = threading.Thread(target=lambda: taken.append(mailbox.take(timeout_s=50)))
    waiter.start()

    if wake == "offer":
        mailbox.offer(make_item("a"))
    else:
        mailbox.close()
    waiter.join(timeout=20)

    assert [item and item.evidence_id for item in taken] == (["a"] if wake == "offer" else [None])


def test_a_mailbox_without_room_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        EvidenceMailbox(max_items=0)
