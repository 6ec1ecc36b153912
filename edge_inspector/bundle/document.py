"""Reading JSON that a stranger may have written: strict, bounded, and every mistake with file, key and value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from edge_inspector.core.errors import BundleError

MAX_DOCUMENT_BYTES = 1 << 20
"""A manifest is some kilobytes; a megabyte leaves room for thousands of golden tiles and keeps reading quick."""

TEXT = r"[^\x00-\x1f\x7f]{1,4000}"
"""One line for people."""


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON object of a file, with typed reads that say where they stood when something is wrong."""

    file: str
    """Path as the person gave it, for messages."""
    where: str
    """Dotted key of this object inside the file; empty for the file's own object."""
    values: dict[str, Any]
    """The object as parsed."""

    def fail(self, key: str, what: str) -> NoReturn:
        """Raise BundleError for one key: `manifest.json: tile.height: …`, then the next step."""
        place = ".".join(part for part in (self.where, key) if part)
        raise BundleError(
            f"{self.file}: {place}: {what}; copy the bundle again from where it was made, or export it again"
        )

    def expect(self, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Raise BundleError unless exactly the known keys are there: a misspelt key must not be ignored."""
        required, optional = list(required), list(optional)
        for key in required:
            if key not in self.values:
                self.fail(key, "is missing")
        for key in self.values:
            if key not in required and key not in optional:
                self.fail(shown(key), f"is not a key of this format; known here: {', '.join(required + optional)}")

    def text(self, key: str, pattern: str = TEXT) -> str:
        """Return a string that matches the whole of `pattern`."""
        value = self.values.get(key)
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            self.fail(key, f"must be text of the form {pattern}, but is {shown(value)}")
        return value

    def whole(self, key: str, low: int, high: int) -> int:
        """Return an integer from `low` to `high`; true and 3.0 are none."""
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(key, f"must be a whole number from {low} to {high}, but is {shown(value)}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Return a finite number from `low` to `high`."""
        return self._number(key, self.values.get(key), low, high)

    def numbers(self, key: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """Return exactly `count` finite numbers, each from `low` to `high`."""
        return tuple(self._number(f"{key}[{i}]", v, low, high) for i, v in enumerate(self.items(key, count, count)))

    def items(self, key: str, low: int, high: int) -> list[Any]:
        """Return a list of `low` to `high` items, whatever they are."""
        value = self.values.get(key)
        if not isinstance(value, list) or not low <= len(value) <= high:
            size = f"a list of {len(value)}" if isinstance(value, list) else shown(value)
            self.fail(key, f"must be a list of {low if low == high else f'{low} to {high}'} items, but is {size}")
        return value

    def child(self, key: str) -> Document:
        """Return the object under `key`."""
        return self._object(key, self.values.get(key))

    def children(self, key: str, low: int, high: int) -> list[Document]:
        """Return the `low` to `high` objects of the list under `key`."""
        return [self._object(f"{key}[{i}]", value) for i, value in enumerate(self.items(key, low, high))]

    def _number(self, key: str, value: object, low: float, high: float) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # Compared as `not (low <= x <= high)`, so that NaN is refused too.
        if not is_number or not (low <= value <= high):  # type: ignore[operator]
            self.fail(key, f"must be a number from {low:g} to {high:g}, but is {shown(value)}")
        return float(value)  # type: ignore[arg-type]

    def _object(self, key: str, value: object) -> Document:
        if not isinstance(value, dict):
            self.fail(key, f"must be an object, but is {shown(value)}")
        return Document(self.file, ".".join(part for part in (self.where, key) if part), value)


def parse_document(file: str, content: bytes) -> Document:
    """Parse one JSON object.

    Args:
        file: Path for messages.
        content: The bytes of the file, UTF-8.

    Raises:
        BundleError: Too large, not UTF-8, not JSON, not an object, a key twice, NaN or Infinity, nested too deep.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        _refuse(file, f"has {len(content)} bytes, more than the {MAX_DOCUMENT_BYTES} a bundle's JSON may have")
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        _refuse(file, f"is not UTF-8 (byte {error.start})", error)
    except RecursionError as error:
        _refuse(file, "is nested too deep", error)
    except ValueError as error:  # JSONDecodeError is one
        _refuse(file, f"is not the JSON of a bundle: {error}", error)
    if not isinstance(value, dict):
        _refuse(file, f"must hold one JSON object, but holds {shown(value)}")
    return Document(file, "", value)


def shown(value: object) -> str:
    """Return a value for a message: short, printable, whatever a stranger wrote."""
    text = ascii(value) if not isinstance(value, (dict, list)) else f"a {type(value).__name__} of {len(value)}"
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse(file: str, what: str, cause: Exception | None = None) -> NoReturn:
    raise BundleError(f"{file}: {what}; copy the bundle again from where it was made, or export it again") from cause


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {shown(key)} stands there twice")
        values[key] = value
    return values


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):  # 1e999 reads as infinity
        raise ValueError(f"the number {digits[:20]} is too large")
    return value
