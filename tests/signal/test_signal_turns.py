"""Who is answered next: by the time that answers took, in a time that the test gives."""

from __future__ import annotations

from edge_inspector.signal.requests import Ack, BadRequest, Hello, Replay, Request
from edge_inspector.signal.turns import (
    BURST_NS,
    CONSUMER_SHARE,
    MAX_PEERS,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    TOTAL_SHARE,
    Asked,
    Turns,
)

S = 1_000_000_000
REPLAY = Replay(1, 7, 1, 500)
HELLO = Hello(1, None)


def asked(peer: str, request: Request | BadRequest = HELLO, n_bytes: int = 50) -> Asked:
    return Asked(peer.encode(), [], request, n_bytes)


def served_ns(turns: Turns, peers: dict[str, Request], cost_ns: int, for_ns: int) -> dict[str, int]:
    """Let peers ask as fast as they are answered; returns the time that each one's answers took."""
    used = dict.fromkeys(peers, 0)
    now_ns = 0
    for peer, request in peers.items():
        turns.put(asked(peer, request))
    while now_ns < for_ns:
        taken = turns.take(now_ns)
        if taken is None:
            now_ns += max(1, turns.wait_ms(now_ns)) * 1_000_000
            continue
        now_ns += cost_ns
        turns.charge(taken, cost_ns, now_ns)
        used[taken.peer.decode()] += cost_ns
        turns.put(asked(taken.peer.decode(), taken.request))
    return used


def test_a_storm_of_one_consumer_gets_its_share_and_no_more() -> None:
    used = served_ns(Turns(), {"storm": REPLAY}, cost_ns=3_000_000, for_ns=10 * S)

    assert used["storm"] <= 10 * S * CONSUMER_SHARE + BURST_NS + 3_000_000
    assert used["storm"] >= 10 * S * CONSUMER_SHARE * 0.9


def test_many_that_storm_share_what_all_replays_may_take() -> None:
    used = served_ns(Turns(), {f"storm-{n}": REPLAY for n in range(50)}, cost_ns=3_000_000, for_ns=10 * S)

    assert sum(used.values()) <= 10 * S * TOTAL_SHARE + BURST_NS + 3_000_000
    assert max(used.values()) <= 2 * min(used.values())


def test_what_is_small_does_not_wait_behind_replays() -> None:
    turns = Turns()
    for n in range(50):
        turns.put(asked(f"storm-{n}", REPLAY))
    turns.put(asked("gate"))

    taken = turns.take(0)

    assert taken is not None
    assert taken.peer == b"gate"


def test_a_name_is_one_consumer_over_all_its_connections() -> None:
    turns = Turns()
    for peer in ("one", "two"):
        turns.put(asked(peer, Hello(1, "gate-1")))
        taken = turns.take(0)
        assert taken is not None
        turns.charge(taken, BURST_NS, 0)
        turns.put(asked(peer, REPLAY))

    assert turns.take(0) is None
    assert turns.wait_ms(0) > 0


def test_who_was_over_his_share_is_answered_later() -> None:
    turns = Turns()
    turns.put(asked("a"))
    taken = turns.take(0)
    assert taken is not None
    turns.charge(taken, BURST_NS + 15_000_000, 0)
    turns.put(asked("a"))

    wait_ms = turns.wait_ms(0)

    assert turns.take(0) is None
    assert wait_ms == 100
    assert turns.take(wait_ms * 1_000_000) is not None


def test_requests_of_one_connection_keep_their_order() -> None:
    turns = Turns()
    requests: list[Request] = [REPLAY, HELLO, Ack(3, "a", 7, 1, ()), REPLAY]
    for request in requests:
        turns.put(asked("a", request))

    taken = [turns.take(0) for _ in requests]

    assert [each.request for each in taken if each] == requests


def test_too_many_that_wait_are_refused_and_others_are_not() -> None:
    turns = Turns()

    accepted = [turns.put(asked("greedy", REPLAY)) for _ in range(MAX_WAITING + 3)]

    assert accepted == [True] * MAX_WAITING + [False] * 3
    assert turns.put(asked("modest"))


def test_what_waits_is_bounded_in_bytes() -> None:
    turns = Turns()
    n = MAX_WAITING_BYTES // 65_000

    accepted = [turns.put(asked(f"p{n}", REPLAY, 65_000)) for n in range(n + 5)]

    assert accepted == [True] * n + [False] * 5
    assert turns.take(0) is not None
    assert turns.put(asked("p0", REPLAY, 65_000))


def test_connections_that_come_and_go_are_forgotten_but_not_what_one_of_them_used() -> None:
    turns = Turns()
    turns.put(asked("storm", HELLO))
    taken = turns.take(0)
    assert taken is not None
    turns.charge(taken, 100 * BURST_NS, 0)
    for n in range(3 * MAX_PEERS):
        turns.put(asked(f"p{n}"))
        turns.take(0)

    turns.put(asked("storm"))

    assert len(turns._peers) <= MAX_PEERS + 1
    assert turns.take(0) is None


def test_nobody_waiting_is_no_turn() -> None:
    turns = Turns()

    assert turns.take(0) is None
    assert turns.wait_ms(0) == 100
    assert not turns.is_anybody_waiting


def test_connections_of_one_key_share_one_share_whatever_they_ask() -> None:
    turns, now_ns = Turns(), 0
    for peer in ("a", "b"):
        turns.put(Asked(peer.encode(), [], HELLO, 50, key_name="gate-1"))
    first = turns.take(now_ns)
    assert first is not None
    turns.charge(first, 2 * BURST_NS, now_ns)

    assert turns.take(now_ns) is None
    assert turns.take(now_ns + round(BURST_NS / CONSUMER_SHARE) + 1) is not None
