"""How much later than usual a message came: a delayed verdict must not be taken for the next part's. Pure."""

from __future__ import annotations

_SPAN_US = 1_000_000
_MESSAGES = 5
_SETTLED_US = 300_000
"""Three heartbeats: before that nobody knows what is usual."""


class Lag:
    """Compares the moment of receipt with the label of the send, relative to the quickest message of the last 1 to 2 s.

    Only ever used to refuse. UTC is a label that may jump: then messages look later or quicker than they can be, and
    the gate rejects until it knows anew what is usual, for 0.3 s (a jump forwards) to 2 s (backwards).
    """

    def __init__(self, tolerance_us: int) -> None:
        """Begin knowing nothing; a message that is quicker than usual by more than this says that the label jumped."""
        self._tolerance_us = tolerance_us
        self._begin(0)

    def _begin(self, now_us: int) -> None:
        self._quickest: int | None = None
        self._before: int | None = None
        self._began_us = self._since_us = now_us
        self._n = 0

    def take(self, sent_utc_us: int, now_us: int) -> int | None:
        """Take a message that was read now; returns its lag in µs, None while it is not known what is usual."""
        delay = now_us - sent_utc_us
        usual = self._usual()
        is_silent = now_us - self._began_us > 2 * _SPAN_US  # what was usual then says nothing now
        if usual is None or is_silent or delay < usual - self._tolerance_us:
            self._begin(now_us)
        elif now_us - self._began_us > _SPAN_US:
            self._before, self._quickest, self._began_us = self._quickest, None, now_us
        self._n += 1
        self._quickest = delay if self._quickest is None else min(self._quickest, delay)
        usual = self._usual()
        is_settled = self._n >= _MESSAGES and now_us - self._since_us >= _SETTLED_US
        return delay - usual if is_settled and usual is not None else None

    def _usual(self) -> int | None:
        known = [each for each in (self._quickest, self._before) if each is not None]
        return min(known, default=None)
