"""The features of a camera as GenApi shows them: finding, reading, comparing, and what may be written."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from genicam import genapi

from edge_inspector.acquire.old_names import OLD_ENTRIES, OLD_NAMES, OTHER_UNITS
from edge_inspector.core.features import FeatureValue

FLOAT_TOLERANCE = 0.01
"""Cameras keep times and rates in steps of their own clock (500.0 us becomes 499.8); a refused value is further off."""

READ_ERRORS = (genapi.GenericException, AttributeError)  # AttributeError: a command or category has no value
_NOT_IMPLEMENTED, _NOT_AVAILABLE, _READ_ONLY = 0, 1, 3  # genapi.EAccessMode


class Found(NamedTuple):
    """A feature of a camera."""

    name: str
    """As this camera calls it."""
    node: Any
    per_unit: float = 1.0
    """The camera's value for one unit of the configured name."""


def find(node_map: Any, name: str) -> Found | None:
    """Return a feature by today's name, or by its older one where the camera knows only that; None for neither."""
    if (node := _implemented(node_map, name)) is not None:
        return Found(name, node)
    old = OLD_NAMES.get(name)
    if old is not None and (node := _implemented(node_map, old.name)) is not None:
        return Found(old.name, node, old.per_unit)
    return None


def _implemented(node_map: Any, name: str) -> Any | None:
    if not node_map.has_node(name):
        return None
    node = node_map.get_node(name)
    return None if node.node.get_access_mode() == _NOT_IMPLEMENTED else node


def read(node: Any) -> FeatureValue | None:
    """Return the value of a feature, None when it cannot be read now or has none."""
    try:
        value = node.value
    except READ_ERRORS:
        return None
    return value if isinstance(value, bool | int | float | str) else None


def is_same(wanted: FeatureValue, got: FeatureValue | None) -> bool:
    """Return whether a camera kept a value: exactly, or within `FLOAT_TOLERANCE` where it is a float."""
    if isinstance(got, float) and not isinstance(wanted, bool | str):
        return math.isclose(wanted, got, rel_tol=FLOAT_TOLERANCE, abs_tol=1e-9)
    return type(wanted) is type(got) and wanted == got


def for_camera(found: Found, value: FeatureValue) -> FeatureValue:
    """Return a configured value as the camera wants it: its unit, its kind of number, its older words."""
    node = found.node
    if isinstance(value, int | float) and not isinstance(value, bool):
        if found.per_unit != 1.0:
            value = value * found.per_unit
            if isinstance(node, genapi.IInteger):
                return round(value)
        # YAML reads 50 as a whole number.
        return float(value) if isinstance(node, genapi.IFloat) else value
    if isinstance(node, genapi.IEnumeration) and isinstance(value, str) and value not in node.symbolics:
        older = OLD_ENTRIES.get(found.name, {}).get(value, ())
        return next((word for word in older if word in node.symbolics), value)
    if isinstance(node, genapi.IInteger) and isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)  # an entry of a selector that counts
    return value


def allowed(node: Any) -> str:
    """Return the range or the entries of a feature, such as `16 to 1600 in steps of 16`; empty when it has none."""
    try:
        if isinstance(node, genapi.IEnumeration):
            return ", ".join(node.symbolics)
        if isinstance(node, genapi.IInteger):
            return f"{node.min} to {node.max} in steps of {node.inc}"
        if isinstance(node, genapi.IFloat):
            unit = f" {node.unit}" if node.unit else ""
            return f"{node.min:g} to {node.max:g}{unit}"
    except READ_ERRORS:
        return ""
    return "true, false" if isinstance(node, genapi.IBoolean) else ""


def allowed_tail(node: Any) -> str:
    """Return what is allowed as the tail of a message; empty when nothing is known."""
    return f"; allowed: {told}" if (told := allowed(node)) else ""


def why_refused(node: Any, value: FeatureValue, error: Exception) -> str:
    """Return why a camera did not take a value, with the way out where there is one."""
    if fix := _other_kind(node, value):
        return fix
    mode = node.node.get_access_mode()
    if mode == _NOT_AVAILABLE:
        return "it is not available now, which other features decide: write those first"
    if mode == _READ_ONLY and {"pIsLocked", "pAccessMode"} & set(node.node.property_names):
        return "it is locked now, by acquisition or by another feature: write that one first"
    if mode == _READ_ONLY:
        return "it can only be read"
    if isinstance(error, TypeError):  # the wrapper's text is about C++ overloads
        return f"it does not take a {type(value).__name__}"
    # GenApi ends with ": AccessException thrown in node ... (file ..., line ...)".
    return re.split(r"[\s:]*\w+Exception thrown", str(error))[0].strip().rstrip(".") or type(error).__name__


def _other_kind(node: Any, value: FeatureValue) -> str:
    if isinstance(node, genapi.ICommand) and not isinstance(value, bool):
        return "it is a command; write true to have it executed"
    if isinstance(node, genapi.IBoolean) and isinstance(value, str):
        meant = {"on": "true", "off": "false", "1": "true", "0": "false"}.get(value.lower(), "true or false")
        return f"it is a switch; write {meant}"
    if isinstance(node, genapi.IEnumeration) and isinstance(value, bool):
        word = "On" if value else "Off"
        return f"it takes words; write {word}" if word in node.symbolics else "it takes words"
    if isinstance(node, genapi.IEnumeration | genapi.IString) and not isinstance(value, str):
        return f'it takes words; write "{value}", in quotes'
    return ""


def missing(node_map: Any, name: str) -> str:
    """Return what a camera has in place of a feature that it lacks, as the tail of a message."""
    raw = OTHER_UNITS.get(name)
    if raw is not None and _implemented(node_map, raw) is not None:
        return f", but {raw}, which counts in steps of its own (see its manual): configure that one"
    close = difflib.get_close_matches(name, list(names(node_map.nodes)), n=3, cutoff=0.6)
    return f", did you mean {' or '.join(close)}?" if close else ""


def names(nodes: Iterable[Any]) -> Iterable[str]:
    """Yield the names of those nodes that are features."""
    for node in nodes:
        try:
            if node.node.is_feature():
                yield node.node.name
        except READ_ERRORS:
            continue
