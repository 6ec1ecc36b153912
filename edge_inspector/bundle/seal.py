"""The manifest's own checksum, inside itself: without it a changed limit could not be told from the one measured."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from edge_inspector.core.errors import BundleError

SEAL_KEY = "manifest_sha256"
"""Holds the sha256 of the whole file as it is with 64 zeros in this place."""

_BLANK = "0" * 64
_SEAL = re.compile(rb'"manifest_sha256": ?"([0-9a-f]{64})"')


def sealed_json(values: Mapping[str, object]) -> bytes:
    """Return a manifest's file: JSON, with its seal as the last key."""
    plain = {key: value for key, value in values.items() if key != SEAL_KEY}
    text = json.dumps(plain | {SEAL_KEY: _BLANK}, indent=1) + "\n"
    head, _, tail = text.rpartition(_BLANK)  # the last key: values before it may hold 64 zeros too
    return f"{head}{hashlib.sha256(text.encode()).hexdigest()}{tail}".encode()


def check_seal(file: str, content: bytes) -> None:
    """Raise BundleError unless the seal in a manifest is that of its bytes.

    Args:
        file: Path for messages.
        content: The bytes of manifest.json, already read as JSON.
    """
    found = list(_SEAL.finditer(content))
    if len(found) == 1:
        start, end = found[0].span(1)
        expected = hashlib.sha256(content[:start] + _BLANK.encode() + content[end:]).hexdigest().encode()
        if expected == found[0][1]:
            return
    raise BundleError(
        f"{file}: was changed after its bundle was made: its checksum ({SEAL_KEY}) is another; copy the bundle again "
        "from where it was made, and set limits in the configuration (decide.limits), not here"
    )
