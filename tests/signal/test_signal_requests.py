"""Whatever bytes come, they become a request or words; nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_inspector.signal.requests import Ack, BadRequest, GateOutcome, Hello, Replay, Status, parse_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
REQUESTS: list[dict[str, Any]] = [
    {"op": "hello", "id": 1, "consumer": "gate-1"},
    {"op": "status", "id": "a"},
    {"op": "replay", "id": 2, "epoch": 7, "from": 1, "to": 500},
    {"op": "ack", "id": 3, "consumer": "gate-1", "epoch": 7, "upto": 9, "outcomes": [{"seq": 9, "outcome": "fired"}]},
]


def parsed(request: object) -> Any:
    return parse_request([json.dumps(request).encode()])


def test_each_request_of_the_protocol_is_understood() -> None:
    assert [parsed(request) for request in REQUESTS] == [
        Hello(1, "gate-1"),
        Status("a"),
        Replay(2, 7, 1, 500),
        Ack(3, "gate-1", 7, 9, (GateOutcome("seq", 9, "fired"),)),
    ]


@pytest.mark.parametrize("outcome", [{"part_id": 5}, {"enc": -5}, {"enc": 0, "more": 1}])
def test_a_gate_names_a_part_by_what_it_knows(outcome: dict[str, Any]) -> None:
    (found,) = parsed(REQUESTS[3] | {"outcomes": [outcome | {"outcome": "late"}]}).outcomes

    assert (found.named_by, found.value) == next(iter(outcome.items()))


@given(st.binary(max_size=200))
@example(b"[" * 60_000)
@example(b'{"a":' * 9_000)
@example(b"\xff\xfe{\x00}\x00")
@example(b"\xef\xbb\xbf{}")
@example(b'{"op":"hello","id":' + b"9" * 5_000 + b"}")
@example(b"GET / HTTP/1.1")
def test_any_bytes_are_a_request_or_refused(frame: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_request([frame])


@given(
    st.sampled_from(REQUESTS),
    st.sampled_from(["op", "id", "consumer", "epoch", "from", "to", "upto", "outcomes"]),
    JSON,
)
def test_any_value_in_any_place_is_taken_or_refused_in_words(request: dict[str, Any], key: str, value: object) -> None:
    found = None
    with contextlib.suppress(BadRequest):
        found = parsed(request | {key: value})

    assert isinstance(found, Hello | Status | Replay | Ack | None)
    for name in ("epoch", "first", "last", "upto"):
        assert 0 <= getattr(found, name, 0) < 2**53


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"epoch": True}, "epoch must be a whole number"),
        ({"epoch": 2**32}, "epoch must be from 0 to 4294967295"),
        ({"from": 0}, "from must be from 1"),
        ({"from": 1.0}, "from must be a whole number"),
        ({"to": 2**53}, "to must be from 0"),
        ({"from": 9, "to": 7}, "from 9 is over to 7"),
        ({"to": None}, "to must be a whole number"),
    ],
)
def test_a_replay_that_makes_no_sense_is_told_why(change: dict[str, Any], detail: str) -> None:
    with pytest.raises(BadRequest, match=detail):
        parsed(REQUESTS[2] | change)


def test_a_client_that_has_everything_may_ask_for_nothing() -> None:
    assert parsed(REQUESTS[2] | {"from": 10, "to": 9}) == Replay(2, 7, 10, 9)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"consumer": "a b"}, "consumer must be"),
        ({"consumer": "x" * 65}, "consumer must be"),
        ({"outcomes": {"seq": 1}}, "must be a list"),
        ({"outcomes": [1]}, "must be an object"),
        ({"outcomes": [{"seq": 1, "outcome": "eaten"}]}, "'eaten' is none of"),
        ({"outcomes": [{"outcome": "fired"}]}, "names its part by"),
        ({"outcomes": [{"seq": 0, "outcome": "fired"}]}, "seq must be from 1"),
        ({"outcomes": [{"enc": 2**53, "outcome": "fired"}]}, "enc must be from"),
    ],
)
def test_an_acknowledgement_that_makes_no_sense_is_told_why(change: dict[str, Any], detail: str) -> None:
    with pytest.raises(BadRequest, match=detail):
        parsed(REQUESTS[3] | change)
