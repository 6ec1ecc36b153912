"""What is wrong with a value, in the words of the person who wrote it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from edge_inspector.settings.lines import KeyPath, LineMap
from edge_inspector.settings.shape import Schema, Shape, listed, step, wanted

_SHOWN = 60  # characters of a value that a message repeats: enough to recognise it, one line on a terminal

_PATTERNS = {
    ("line",): "must be lower-case letters, digits and dashes, at most 32",
    ("camera", "name"): "must be lower-case letters, digits and dashes, at most 32, not beginning with a dash",
    ("camera", "trigger"): "is no name of an input: those are letters, digits and _",
    ("camera", "features"): "is no GenICam feature name: those are letters, digits and _",
    ("regions",): "must be lower-case letters, digits and dashes, at most 32, not beginning with a dash",
    ("endpoints",): "must begin with tcp:// or ipc://",
}
_YES = frozenset({"yes", "on", "y", "1", "true"})
_NO = frozenset({"no", "off", "n", "0", "false"})


def close_to(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a person most likely meant; None when none is near."""
    by_lower = {name.lower(): name for name in known}
    # 0.6 is difflib's own threshold: `foldr` and `frame_width` find something, `fps` does not find `rate_hz`.
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` or nothing, to end a message with."""
    meant = close_to(word, known)
    return f"; did you mean `{meant}`?" if meant else ""


_shape = cache(Shape)
"""The schema takes 30 ms: it is made when the first mistake is found, and once."""


class Explainer:
    """Turns what pydantic found into sentences. Made only when something was found."""

    def __init__(self, lines: LineMap) -> None:
        self._lines = lines
        self._shape = _shape()

    def explain(self, path: KeyPath, kind: str, told: str, data: Any) -> str:
        """Return what is wrong at a path.

        Args:
            path: Where, without pydantic's additions.
            kind: pydantic's name of the error.
            told: pydantic's message, used as it is for errors of our own (kind `words`).
            data: All values of the file.
        """
        if kind == "words":
            return told
        if kind == "missing":
            schema = self._shape.at(path, data)
            return f"is missing: it must be {wanted(schema)}" if schema else "is missing"
        if kind == "extra_forbidden":
            return self._unknown_key(path, data)
        if kind.startswith("union_tag"):
            return self._unknown_kind(path, data)
        if kind == "string_pattern_mismatch":
            return self._pattern(path)
        return self._value(path, data)

    def suggestion(self, path: KeyPath, data: Any) -> str | None:
        """Return the key that was meant by an unknown one at the same place; None when none is near."""
        block = _value_at(data, path[:-1])
        free = [key for key in self._shape.keys(path[:-1], data) if not isinstance(block, dict) or key not in block]
        return close_to(str(path[-1]), free)

    def _unknown_key(self, path: KeyPath, data: Any) -> str:
        key = str(path[-1])
        if meant := self.suggestion(path, data):
            return f"unknown key; did you mean `{meant}`?"
        if path[0] == "camera" and len(path) == 2 and (kinds := self._shape.kinds_with(key)):
            return f"belongs to a camera of kind {listed(kinds, 'or')}, not {_value_at(data, ('camera', 'kind'))}"
        if homes := [home for home in self._shape.homes(key) if (home,) != path[:-1]]:
            return f"unknown key here; `{key}` belongs under `{homes[0]}:`"
        return f"unknown key; known here: {', '.join(self._shape.keys(path[:-1], data))}"

    def _unknown_kind(self, path: KeyPath, data: Any) -> str:
        kinds = ["genicam", "replay", "synthetic"]
        kind = _value_at(data, (*path, "kind"))
        if not isinstance(_value_at(data, path), dict):
            return f"must be a block of keys, not {self._shown(path, data)}"
        if kind is None:
            return f"`kind` is missing: it must be {listed(kinds, 'or')}"
        meant = did_you_mean(str(kind), kinds)
        return f"must be {listed(kinds, 'or')}, not {self._shown((*path, 'kind'), data)}{meant}"

    def _pattern(self, path: KeyPath) -> str:
        rule = next((text for start, text in _PATTERNS.items() if path[: len(start)] == start), "is written wrongly")
        text = self._lines.text_of.get(path, "").strip("'\"")
        if path in (("line",), ("camera", "name")):
            plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32]
            return f"{rule}, not {_short(text)}" + (f"; write {plain}" if plain else "")
        return f"{rule}, not {_short(text)}" if path[0] == "endpoints" else rule

    def _value(self, path: KeyPath, data: Any) -> str:
        schema = self._shape.at(path, data) or {}
        value = _value_at(data, path)
        if value is None and not self._is_block(schema):
            return f"is empty: it must be {wanted(schema)}"
        if value is None:
            return f"is empty: put keys under `{path[-1]}:`, or leave it out" if path else "must be a block of keys"
        told = f"must be {wanted(schema)}, not {self._shown(path, data)}"
        return told + _hint(schema, value, self._lines.text_of.get(path, ""))

    def _is_block(self, schema: Schema) -> bool:
        return schema.get("type") == "object"

    def _shown(self, path: KeyPath, data: Any) -> str:
        value = _value_at(data, path)
        if isinstance(value, dict):
            return "a block of keys"
        if isinstance(value, list):
            return "a list"
        return _short(self._lines.text_of.get(path) or str(value))


def _hint(schema: Schema, value: Any, text: str) -> str:
    kinds = {branch.get("type") for branch in schema.get("anyOf", [schema])}
    if choices := schema.get("enum"):
        return did_you_mean(str(value), [str(choice) for choice in choices])
    if "boolean" in kinds and len(kinds) == 1:
        word = str(value).lower()
        return "; write true" if word in _YES else "; write false" if word in _NO else ""
    if kinds & {"integer", "number"} and isinstance(value, str):
        return _number_hint(value, text)
    if "integer" in kinds and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"; write {int(value)}"
    if "string" in kinds and isinstance(value, (bool, int, float)):
        return f'; write "{text}", in quotes'
    return ""


def _number_hint(value: str, text: str) -> str:
    if re.fullmatch(r"[-+]?\d+,\d+", value):
        return f"; write {value.replace(',', '.')}, with a point"
    if re.fullmatch(r"\d+(_\d+)+", value):
        return f"; write {value.replace('_', '')}"
    if re.fullmatch(r"0+\d+", value):
        return f"; write {int(value[:_SHOWN])}, without leading zeros"
    if unit := re.fullmatch(r"([-+]?[\d.]+)\s*([a-zA-Z%µ]+)", value):
        return f"; write {unit[1]}: the unit is in the key's name"
    if text[:1] in ("'", '"') and re.fullmatch(r"[-+]?[\d.]+", value):
        return f"; write {value}, without quotes"
    return ""


def _value_at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = step(data, part)
    return data


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
