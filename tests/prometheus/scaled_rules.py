"""The rules with all their durations divided, so that a test sees in seconds what takes minutes at a line."""

from __future__ import annotations

import re

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+)(ms|[smhd])")
_PLACES = re.compile(r"\[[^\[\]]+\]|\boffset \w+|\bfor: \w+")
"""Where durations stand: windows with their steps, offsets, and how long an alert waits. Names such as
`increase1m` are left alone, and so are numbers: a share, a count and a number of seconds stay what they are."""


def faster(rules: str, factor: int) -> str:
    """Return rules (YAML text) in which every duration is `factor` times shorter, in whole milliseconds."""

    def shorter(duration: re.Match[str]) -> str:
        return f"{int(duration[1]) * UNITS_MS[duration[2]] // factor}ms"

    return _PLACES.sub(lambda place: _DURATION.sub(shorter, place[0]), rules)
