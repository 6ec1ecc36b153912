"""Whose request is answered next, and how much of the computer all of them may take.

What is counted is the time of the processor that answers took, not their number: a replay of 500 large verdicts costs
what it costs. So nobody's storm delays a verdict, nor anybody else's answer for long.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge_inspector.signal.requests import Ack, BadRequest, Hello, Replay, Request

CONSUMER_SHARE = 0.15
"""Of one core, for one consumer: some 40 replays of 500 verdicts a second, or 2,000 acknowledgements."""
TOTAL_SHARE = 0.3
"""Of one core, for all replays together; what is small is answered before them."""
BURST_NS = 50_000_000
"""What may be taken at once after a pause."""
MAX_WAITING = 16
"""Requests of one connection that wait; a client that waits for its answers never has so many."""
MAX_WAITING_BYTES = 8_000_000
"""Of all requests that wait."""
MAX_PEERS = 4096
"""Connections whose use is remembered."""
_LOOKS = 64
"""Connections that are looked at for one turn: looking costs time too."""


@dataclass(slots=True)
class Asked:
    """One request that waits for its turn."""

    peer: bytes
    """Routing id of the connection."""
    delimiter: list[bytes]
    """What goes before the answer."""
    request: Request | BadRequest
    n_bytes: int
    key_name: str | None = None
    """Of the connection's key, whose share it takes; None without keys, where a consumer says its name."""


@dataclass(slots=True)
class _Purse:
    """Time that was used and not forgiven yet."""

    used_ns: float = 0.0
    at_ns: int = 0

    def over_ns(self, now_ns: int, share: float) -> float:
        """Return by how much it is overdrawn; 0 or less: it is not."""
        self.used_ns = max(0.0, self.used_ns - max(0, now_ns - self.at_ns) * share)
        self.at_ns = now_ns
        return self.used_ns - BURST_NS


@dataclass(slots=True)
class _Peer:
    consumer: str | bytes
    """Its name; its routing id until it gave one."""
    waiting: deque[Asked] = field(default_factory=deque)


class Turns:
    """Used by one thread, which says what time it is."""

    def __init__(self) -> None:
        self._peers: dict[bytes, _Peer] = {}
        self._purses: dict[str | bytes, _Purse] = {}
        self._replays = _Purse()
        self._small: deque[bytes] = deque()
        self._large: deque[bytes] = deque()
        self._waiting_bytes = 0

    @property
    def is_anybody_waiting(self) -> bool:
        """Whether there is a request that was not taken."""
        return bool(self._small or self._large)

    def put(self, asked: Asked) -> bool:
        """Let a request wait for its turn; False if too many do already."""
        peer = self._peers.get(asked.peer)
        if peer is None:
            if len(self._peers) >= MAX_PEERS:
                self._forget()
            peer = self._peers[asked.peer] = _Peer(asked.peer)
        if len(peer.waiting) >= MAX_WAITING or self._waiting_bytes + asked.n_bytes > MAX_WAITING_BYTES:
            return False
        if asked.key_name is not None:
            peer.consumer = asked.key_name
        elif isinstance(asked.request, Hello | Ack) and asked.request.consumer is not None:
            peer.consumer = asked.request.consumer
        self._waiting_bytes += asked.n_bytes
        peer.waiting.append(asked)
        if len(peer.waiting) == 1:
            self._queue(asked)
        return True

    def take(self, now_ns: int) -> Asked | None:
        """Return the next request: in turn, what is small first, none of a consumer that is over its share."""
        peer = self._next(self._small, now_ns)
        if peer is None and self._replays.over_ns(now_ns, TOTAL_SHARE) <= 0:
            peer = self._next(self._large, now_ns)
        if peer is None:
            return None
        asked = peer.waiting.popleft()
        self._waiting_bytes -= asked.n_bytes
        if peer.waiting:
            self._queue(peer.waiting[0])
        return asked

    def charge(self, asked: Asked, used_ns: int, now_ns: int) -> None:
        """Note what an answer cost."""
        purse = self._purse(self._peers[asked.peer].consumer) if asked.peer in self._peers else _Purse()
        for each, share in ((purse, CONSUMER_SHARE), (self._replays, TOTAL_SHARE)):
            if each is purse or isinstance(asked.request, Replay):
                each.over_ns(now_ns, share)
                each.used_ns += used_ns

    def wait_ms(self, now_ns: int) -> int:
        """Return for how long nobody can have a turn, at most 100."""
        waits_ns = [100e6]
        if self._small:
            waits_ns += [self._peer_wait_ns(name, now_ns) for name in list(self._small)[:_LOOKS]]
        if self._large:
            all_ns = self._replays.over_ns(now_ns, TOTAL_SHARE) / TOTAL_SHARE
            waits_ns += [max(all_ns, self._peer_wait_ns(name, now_ns)) for name in list(self._large)[:_LOOKS]]
        return max(0, -(-int(min(waits_ns)) // 1_000_000))

    def _next(self, queue: deque[bytes], now_ns: int) -> _Peer | None:
        for _ in range(min(len(queue), _LOOKS)):
            name = queue.popleft()
            if self._peer_wait_ns(name, now_ns) <= 0:
                return self._peers[name]
            queue.append(name)
        return None

    def _queue(self, asked: Asked) -> None:
        (self._large if isinstance(asked.request, Replay) else self._small).append(asked.peer)

    def _peer_wait_ns(self, name: bytes, now_ns: int) -> float:
        over_ns = self._purse(self._peers[name].consumer).over_ns(now_ns, CONSUMER_SHARE)
        return over_ns / CONSUMER_SHARE

    def _purse(self, consumer: str | bytes) -> _Purse:
        if (purse := self._purses.get(consumer)) is None:
            purse = self._purses[consumer] = _Purse()
        return purse

    def _forget(self) -> None:
        """Forget connections that ask nothing now, and the use of those that have used little."""
        self._peers = {name: peer for name, peer in self._peers.items() if peer.waiting}
        kept = {peer.consumer for peer in self._peers.values()}
        self._purses = {name: purse for name, purse in self._purses.items() if name in kept or purse.used_ns > BURST_NS}
