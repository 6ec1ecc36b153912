"""The wire protocol `insp/1`: topics and the 48-byte header. Standard library only."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

MAGIC = b"IN"
VERSION = 1
_HEADER = struct.Struct(">2sBBIqQQqq")
HEADER_BYTES = _HEADER.size
"""48."""


class WireError(ValueError):
    """Raised when bytes are not a message of this protocol; says which rule they break."""


class Flag(IntFlag):
    """Bits of the header's flags byte."""

    REPLAYED = 1
    """Sent again for the record; never to be acted on."""
    SIMULATED = 2
    """The source is not a real camera."""
    DRILL = 4
    LATE = 8
    """The deadline had passed when the seq was allotted."""
    REJECT = 16
    """Clear only for PASS."""
    READY = 32
    """The line was ready when this was sent."""
    BYPASS = 64


@dataclass(frozen=True, slots=True)
class Header:
    """What a client needs to obey the laws without reading JSON."""

    flags: Flag
    epoch: int
    seq: int
    """Verdict: its number, gapless from 1 in an epoch. Heartbeat and others: the newest number."""
    t_utc_us: int
    """UTC of the send, microseconds: a label."""
    part_id: int
    """Verdict: the part. Heartbeat: the lease in ms. Others: 0."""
    fire_enc: int = -1
    """Encoder count at the gate (verdict) or now (heartbeat); -1 for none."""
    budget_us: int = -1
    """Microseconds from the send to the deadline; -1 for none."""

    def pack(self) -> bytes:
        """Return the 48 bytes."""
        return _HEADER.pack(
            MAGIC,
            VERSION,
            int(self.flags),
            self.epoch,
            self.seq,
            self.t_utc_us,
            self.part_id,
            self.fire_enc,
            self.budget_us,
        )

    @classmethod
    def parse(cls, data: bytes) -> Header:
        """Read 48 bytes.

        Raises:
            WireError: Wrong length, magic or version.
        """
        if len(data) != HEADER_BYTES:
            raise WireError(f"header has {len(data)} bytes, not {HEADER_BYTES}")
        magic, version, flags, epoch, seq, t_utc_us, part_id, fire_enc, budget_us = _HEADER.unpack(data)
        if magic != MAGIC:
            raise WireError(f"header begins with {magic!r}, not {MAGIC!r}")
        if version != VERSION:
            raise WireError(f"header has version {version}, this reader knows {VERSION}")
        return cls(Flag(flags), epoch, seq, t_utc_us, part_id, fire_enc, budget_us)


def topic(line: str, kind: str = "") -> bytes:
    """Return the topic of one kind of message; without a kind, the prefix of all of them."""
    return f"insp.v1.{line}.{kind}".encode("ascii")


def kind_of(topic_bytes: bytes) -> str:
    """Return the kind at the end of a topic, such as `verdict`."""
    return topic_bytes.rsplit(b".", 1)[-1].decode("ascii", "replace")
