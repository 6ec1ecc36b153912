"""What of a configuration may change while its line runs, and what differs between two of them. Pure.

A key that is not named here needs a restart: whoever adds one decides that it may change live, not the other way round.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath, dotted

_DECIDE = ("limits", "limits.*", "min_defect_tiles", "min_area_px")
_IMAGE_HEALTH = (
    "black",
    "saturated",
    "stuck",
    "defocus",
    "brightness",
    "black_share",
    "saturated_share",
    "brightness_tolerance",
    "sharpness_tolerance",
)
_OF_VIEW = (
    *(f"decide.{key}" for key in _DECIDE),
    *(f"regions.zones[].{key}" for key in _DECIDE),
    *(f"image_health.{key}" for key in _IMAGE_HEALTH),
)
_GATE = ("distance_mm", "lead_ms", "window_mm", "speed_mm_s", "fastest_mm_s")
LIVE: frozenset[str] = frozenset(
    (
        "recipe",
        "log",
        "decide.deadline_ms",
        *(f"gate.{key}" for key in _GATE),
        *_OF_VIEW,
        *(f"more_views[].{key}" for key in _OF_VIEW),
        "bypass.allowed",
        "bypass.max_minutes",
        "evidence.keep",
        "evidence.quota_mb",
        "evidence.min_free_mb",
    )
)
"""Keys that may change live. `[]` stands for any item of a list that keeps its length, `.*` for any name."""

RESTART: Mapping[str, str] = {
    "line": "it is in every topic",
    "camera": "a camera is armed with it once",
    "model": "a model is loaded and proven with it once",
    "tiling": "the tiles are laid out once",
    "regions": "areas are laid over the tiles once",
    "more_views": "cameras, models and tiles are set up once",
    "sets": "parts that wait are being put together by it",
    "endpoints": "clients are connected to them",
    "metrics": "the page is bound once",
    "evidence": "the folder is opened once",
    "ring": "the memory is laid out once",
    "performance": "processes and threads are placed once",
    "drill": "the places at which a drill fails are fitted once",
    "journal": "it is opened once",
    "state_dir": "it is locked by this daemon",
}
"""Why what else stands below these keys needs a restart."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key in which two configurations differ."""

    path: KeyPath
    before: Any
    """As JSON; None where it is left out, or null."""
    after: Any

    @property
    def key(self) -> str:
        """The path as people write it, such as `decide.limits.PITTING`."""
        return dotted(self.path)

    @property
    def is_live(self) -> bool:
        """Whether it may change while the line runs."""
        return not LIVE.isdisjoint(patterns(self.path))

    def __str__(self) -> str:
        """Return `key: before -> after`."""
        return f"{self.key}: {json.dumps(self.before)} -> {json.dumps(self.after)}"


def differences(before: LineSettings, after: LineSettings) -> list[Change]:
    """Return every key in which two configurations differ, in the order of the file.

    A block that one of them leaves out is told key by key, a list of another length as a whole.
    """
    return list(_differences((), _plain(before), _plain(after)))


def not_live(changes: Iterable[Change]) -> list[Change]:
    """Return the changes that need a restart."""
    return [change for change in changes if not change.is_live]


def why_restart(path: KeyPath) -> str:
    """Return why a key needs a restart, in a few words."""
    return RESTART.get(str(path[0]), "nobody has said that it may change live") if path else ""


def config_name(settings: LineSettings) -> str:
    """Return what names a configuration in messages: the first 12 hexadecimal digits of the SHA-256 of all its values.

    Values, not text: comments, order and defaults that are written out change nothing.
    """
    text = json.dumps(_plain(settings), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def live_values(settings: LineSettings) -> dict[str, Any]:
    """Return every live key of a configuration with its value, as JSON: by these its parts are judged."""
    found = (Change(path, None, value) for path, value in _leaves((), _plain(settings)))
    return {one.key: one.after for one in found if one.is_live}


def patterns(path: KeyPath) -> Iterator[str]:
    """Yield a path as `LIVE` may name it: items of lists without their place, the last key also as `*`."""
    text = re.sub(r"\[\d+\]", "[]", dotted(path))
    yield text
    if len(path) > 1:
        yield re.sub(r"\[\d+\]", "[]", dotted((*path[:-1], "*")))


def _plain(settings: LineSettings) -> dict[str, Any]:
    plain: dict[str, Any] = settings.model_dump(mode="json")
    return plain


def _differences(path: KeyPath, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in (*before, *(key for key in after if key not in before)):
            yield from _differences((*path, key), before.get(key), after.get(key))
    elif _are_blocks(before) and _are_blocks(after) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences((*path, place), one, other)
    elif isinstance(before, Mapping) and after is None:
        yield from _whole(path, before, is_new=False)
    elif isinstance(after, Mapping) and before is None:
        yield from _whole(path, after, is_new=True)
    elif before != after or type(before) is not type(after):
        yield Change(path, before, after)


def _whole(path: KeyPath, block: Mapping[str, Any], *, is_new: bool) -> Iterator[Change]:
    """Yield a block that came or went, key by key. A null in it may mean a default, so it counts unless it is live."""
    for key, value in block.items():
        here = (*path, key)
        if isinstance(value, Mapping) and value:
            yield from _whole(here, value, is_new=is_new)
            continue
        change = Change(here, None, value) if is_new else Change(here, value, None)
        if value is not None or not change.is_live:
            yield change


def _leaves(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves((*path, key), below)
    elif _are_blocks(value):
        for place, below in enumerate(value):
            yield from _leaves((*path, place), below)
    else:
        yield path, value


def _are_blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
