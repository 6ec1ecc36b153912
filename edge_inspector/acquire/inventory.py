"""What a camera has set now, as a tree that can be written back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from genicam import genapi

from edge_inspector.acquire.nodes import READ_ERRORS, allowed, read
from edge_inspector.acquire.write import select, selection_kept
from edge_inspector.core.features import FeatureValue, Place

_READ_WRITE = 4  # genapi.EAccessMode
_KINDS = (genapi.IInteger, genapi.IFloat, genapi.IBoolean, genapi.IEnumeration, genapi.IString)
MOST_SELECTORS = 2
"""One within the other, as in the configuration."""

_FIRST = ("Binning", "Decimation", "PixelFormat", "Width", "Height", "Offset")
"""Each limits those after it."""


class Setting(NamedTuple):
    """One feature with its value."""

    name: str
    at: Place
    value: FeatureValue
    allowed: str


def take_inventory(node_map: Any) -> list[Setting]:
    """Return every setting that a camera would be given again, in an order in which it takes them.

    Selectors are switched meanwhile and left as they were. Left out: what can only be read or not be written now,
    commands, registers, and what the camera does not call a setting (`Streamable`), unless it calls nothing so.
    """
    walked = _walk(node_map.get_node("Root"))
    nodes = [node for node in walked if isinstance(node, _KINDS) and node.node.is_feature()]
    kept = [node for node in nodes if node.node.is_streamable()]
    if not kept:
        kept = [node for node in nodes if not node.node.selected_features and node.node.name != "TLParamsLocked"]
    groups: dict[tuple[str, ...], list[Any]] = {(): []}
    for node in kept:
        groups.setdefault(_selectors_of(node), []).append(node)
    return [setting for selectors, members in groups.items() for setting in _group(node_map, selectors, members)]


def _group(node_map: Any, selectors: tuple[str, ...], members: list[Any]) -> Iterator[Setting]:
    if len(selectors) > MOST_SELECTORS:
        return
    members = sorted(members, key=lambda node: _rank(node.node.name))
    with selection_kept(node_map, selectors):
        for at in itertools.product(*(_entries(node_map, selector) for selector in selectors)):
            if not select(node_map, at):
                continue
            for node in members:
                value = read(node)
                is_finite = not isinstance(value, float) or math.isfinite(value)
                if value is not None and is_finite and node.node.get_access_mode() == _READ_WRITE:
                    yield Setting(node.node.name, at, value, allowed(node))


def _entries(node_map: Any, selector: str) -> Sequence[tuple[str, str]]:
    node = node_map.get_node(selector)
    # A selector that counts is an index into a table (LUTIndex): thousands of entries that nobody writes by hand.
    return [(selector, entry) for entry in node.symbolics] if isinstance(node, genapi.IEnumeration) else []


def _selectors_of(node: Any) -> tuple[str, ...]:
    return tuple(one.node.name for one in node.node.selecting_features)


def _rank(name: str) -> int:
    """Return what is written first: switches that free others, what limits others; a trigger is armed last."""
    if name == "TriggerMode":
        return 99
    if name.endswith(("Auto", "Enable")):
        return 0
    return next((place for place, start in enumerate(_FIRST, 1) if name.startswith(start)), 50)


def _walk(category: Any) -> Iterator[Any]:
    for node in category.features:
        if isinstance(node, genapi.ICategory):
            try:
                yield from _walk(node)
            except READ_ERRORS:
                continue
        else:
            yield node


def as_tree(settings: Sequence[Setting]) -> dict[str, Any]:
    """Return settings as `camera.features` writes them: blocks below selectors."""
    tree: dict[str, Any] = {}
    for setting in settings:
        block = tree
        for selector, entry in setting.at:
            block = block.setdefault(selector, {}).setdefault(entry, {})
        block[setting.name] = setting.value
    return tree
