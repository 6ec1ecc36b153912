"""What a consumer has, what it lacks and what to ask for next. Pure: no socket, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_inspector.client.message import Message
from edge_inspector.client.notice import Notice, NoticeName
from edge_inspector.client.seen import Seen

MAX_REPLAY = 500
"""Rows of one replay, as the protocol says."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A range to ask for."""

    epoch: int
    first: int
    last: int


class Resume:
    """Follows the numbers of every epoch: takes verdicts, heartbeats and answers, and says what is missing.

    Args:
        positions: {epoch: seq} that are done, oldest first; empty for a consumer that begins now.
        from_tail: A consumer that begins now takes everything that the line still keeps, not only what comes.
    """

    def __init__(self, positions: Mapping[int, int], from_tail: bool = False) -> None:
        self._seen = {epoch: Seen(upto) for epoch, upto in positions.items()}
        self._heads: dict[int, int] = dict(positions)
        self._lost: dict[int, tuple[Seen, Seen]] = {}  # given up, and of these those that came all the same
        self._is_new = not positions
        self._from_tail = from_tail
        self._current: int | None = None
        self.must_greet = True
        """Whether hello is to be asked: at the beginning, and whenever the epochs are not known for sure."""
        self.notices: list[Notice] = []
        """What was noticed; the owner takes them out."""

    def heard(self, message: Message) -> bool:
        """Take a verdict or a heartbeat; False for a verdict that came before."""
        epoch, seq = message.header.epoch, message.header.seq
        if epoch not in self._seen:
            self._meet(epoch, seq - 1 if message.kind == "verdict" else seq)
        if message.is_live and epoch != self._current:
            self._turn_to(epoch)
        self._heads[epoch] = max(self._heads.get(epoch, 0), seq)
        return message.kind != "verdict" or self._seen[epoch].add(seq) or self._is_found(epoch, seq)

    def _is_found(self, epoch: int, seq: int) -> bool:
        """Return whether a number was given up and comes for the first time now: it was under way."""
        lost, found = self._lost.get(epoch, (None, None))
        return lost is not None and found is not None and seq in lost and found.add(seq)

    def _meet(self, epoch: int, before: int) -> None:
        # Whoever begins now begins with what comes; for everybody else a new epoch begins at 1.
        self._seen[epoch] = Seen(before if self._is_new and not self._from_tail else 0)
        self.must_greet = True

    def _turn_to(self, epoch: int) -> None:
        if self._current is not None:
            self._say(NoticeName.NEW_EPOCH, f"the line counts anew, in epoch {epoch}", epoch)
            self.must_greet = True
        self._current = epoch

    def greeted(self, answer: Mapping[str, Any]) -> None:
        """Take the answer to hello. What it does not understand is left alone."""
        listed = {row["epoch"]: row for row in answer.get("epochs", ()) if _is_row(row)}
        self.must_greet = False
        for epoch in [epoch for epoch in self._seen if epoch not in listed]:
            self._gone(epoch)
        for epoch, row in listed.items():
            self._compare(epoch, row["tail_seq"], row["head_seq"])
        # Oldest first, as the line lists them: positions are kept in this order.
        self._seen = {epoch: self._seen[epoch] for epoch in listed}
        self._is_new = False

    def _gone(self, epoch: int) -> None:
        if epoch == self._current:
            self.must_greet = True  # the answer is older than what was heard
            return
        upto, head = self._seen[epoch].upto, self._heads.get(epoch, 0)
        if head > upto:
            self._say(NoticeName.GAP, f"epoch {epoch} is no longer kept", epoch, upto + 1, head)
        else:
            self._say(NoticeName.EPOCH_GONE, f"epoch {epoch} is no longer kept", epoch, upto + 1)
        del self._seen[epoch]
        self._lost.pop(epoch, None)

    def _compare(self, epoch: int, tail: int, head: int) -> None:
        seen = self._seen.get(epoch)
        if seen is None:
            begins = tail - 1 if self._from_tail or not self._is_new else head
            seen = self._seen[epoch] = Seen(begins if self._is_new else 0)
        known = self._heads.get(epoch, 0)
        if self._is_new and self._from_tail:
            seen.add_range(1, tail - 1)
        self._give_up(NoticeName.GAP, epoch, 1, tail - 1, "the line no longer keeps them")
        if epoch != self._current and known > head:
            # Of a former epoch nothing is added any more: what is above its head now was lost there.
            self._say(NoticeName.TAIL_LOST, "verdicts that were sent are gone", epoch, head + 1, known)
            self._lose(epoch, head + 1, known)
        self._heads[epoch] = max(known, head)

    def wanted(self) -> Wanted | None:
        """Return what to ask for next, oldest epoch first; None when nothing is missing."""
        for epoch, seen in self._seen.items():
            found = seen.missing(self._heads.get(epoch, 0))
            if found is not None:
                return Wanted(epoch, found[0], min(found[1], found[0] + MAX_REPLAY - 1))
        return None

    def answered(self, wanted: Wanted, answer: Mapping[str, Any], rows: Iterable[Message]) -> list[Message] | None:
        """Take the answer to a replay.

        Returns:
            Those rows that are new; None when the line can say nothing now and is to be asked again later.
        """
        error = answer.get("error")
        if error == "gap":
            return self._refused_gap(wanted, answer.get("gap"))
        if error in ("epoch", "bad_request"):
            self._give_up(NoticeName.GAP, wanted.epoch, wanted.first, wanted.last, f"the line answered {error}")
            self.must_greet = True
            return []
        if error is not None:
            return None
        new = [row.replayed() for row in rows if self._is_wanted(wanted, row)]
        following = answer.get("next")
        end = min(wanted.last, following - 1) if isinstance(following, int) else wanted.last
        if end < wanted.first:
            return None  # nothing yet, and not a word of why
        self._give_up(NoticeName.GAP, wanted.epoch, wanted.first, end, "the line left them out")
        return new

    def _is_wanted(self, wanted: Wanted, row: Message) -> bool:
        header = row.header
        is_asked = row.kind == "verdict" and header.epoch == wanted.epoch and wanted.first <= header.seq <= wanted.last
        return is_asked and header.epoch in self._seen and self._seen[header.epoch].add(header.seq)

    def _refused_gap(self, wanted: Wanted, gap: object) -> list[Message] | None:
        if not isinstance(gap, list) or len(gap) != 2 or not all(_is_int(end) for end in gap):
            return None
        first, last = max(wanted.first, gap[0]), gap[1]
        if last < wanted.first:
            return None
        self._give_up(NoticeName.GAP, wanted.epoch, first, last, "the line no longer keeps them")
        return []

    def _give_up(self, name: NoticeName, epoch: int, first: int, last: int, why: str) -> None:
        """Say what is missing in a range, and no longer wait for it."""
        seen = self._seen.get(epoch)
        if seen is None:
            return
        for a, b in seen.holes(max(1, first), last):
            self._say(name, why, epoch, a, b)
            self._lose(epoch, a, b)

    def _lose(self, epoch: int, first: int, last: int) -> None:
        self._seen[epoch].add_range(first, last)
        self._lost.setdefault(epoch, (Seen(), Seen()))[0].add_range(first, last)

    def _say(
        self, name: NoticeName, detail: str, epoch: int, first: int | None = None, last: int | None = None
    ) -> None:
        self.notices.append(Notice(name, detail, epoch, first, last))

    def accounted(self, epoch: int) -> Seen | None:
        """Return what is accounted for in an epoch; None for an epoch that is not followed."""
        return self._seen.get(epoch)

    @property
    def epochs(self) -> list[int]:
        """The epochs followed, oldest first."""
        return list(self._seen)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and all(_is_int(row.get(key)) for key in ("epoch", "tail_seq", "head_seq"))
