"""The header: 48 bytes that other machines read without us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.client.wire import HEADER_BYTES, Flag, Header, WireError, kind_of, topic

HEADER = Header(Flag.READY | Flag.REJECT, 0x5EED0001, 1042, 1_790_000_000_123_456, 20017, -1, 18250)
GOLDEN = bytes.fromhex(
    "494e0130 5eed0001 0000000000000412 00065bfeda27c240 0000000000004e31 ffffffffffffffff 000000000000474a"
)
signed = st.integers(-(2**63), 2**63 - 1)
unsigned = st.integers(0, 2**64 - 1)


def test_a_header_is_these_bytes() -> None:
    assert HEADER.pack() == GOLDEN
    assert len(GOLDEN) == HEADER_BYTES == 48


def test_flags_have_these_values() -> None:
    values = {flag.name: int(flag) for flag in Flag}

    assert values == {
        "REPLAYED": 1, "SIMULATED": 2, "DRILL": 4, "LATE": 8, "REJECT": 16, "READY": 32, "BYPASS": 64,
    }  # fmt: skip


@given(
    st.builds(
        Header,
        st.integers(0, 127).map(Flag),
        st.integers(0, 2**32 - 1),
        signed,
        unsigned,
        unsigned,
        signed,
        signed,
    )
)
def test_what_is_packed_is_parsed_as_it_was(header: Header) -> None:
    assert Header.parse(header.pack()) == header


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (GOLDEN[:47], "47 bytes, not 48"),
        (GOLDEN + b"\0", "49 bytes, not 48"),
        (b"", "0 bytes"),
        (b"XX" + GOLDEN[2:], "begins with b'XX'"),
        (GOLDEN[:2] + b"\x02" + GOLDEN[3:], "version 2, this reader knows 1"),
    ],
)
def test_bytes_of_another_protocol_are_refused_with_the_rule(data: bytes, rule: str) -> None:
    with pytest.raises(WireError, match=rule):
        Header.parse(data)


def test_a_flag_of_a_later_version_does_not_hide_the_others() -> None:
    header = Header.parse(GOLDEN[:3] + b"\xb0" + GOLDEN[4:])

    assert Flag.REJECT in header.flags
    assert Flag.READY in header.flags


def test_topics_are_as_the_protocol_says() -> None:
    assert topic("line-1", "verdict") == b"insp.v1.line-1.verdict"
    assert topic("line-1") == b"insp.v1.line-1."
    assert kind_of(b"insp.v1.line-1.hb") == "hb"
    assert kind_of(b"\xff") == "\ufffd"
