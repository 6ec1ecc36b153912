"""The settings as a JSON Schema, and what a value may be in plain words. Used for mistakes and documentation only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath

Schema = Mapping[str, Any]


class Shape:
    """The whole configuration's schema, walked by the paths of a file."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = LineSettings.model_json_schema()
        self._defs: dict[str, dict[str, Any]] = self._root["$defs"]

    def at(self, path: KeyPath, data: Any) -> Schema | None:
        """Return the schema of the value at a path; None where no value belongs.

        Args:
            path: From the top of the file.
            data: Values of the file: a camera's `kind` decides which keys its block has.
        """
        schema: Schema = self._root
        for part in path:
            block = self._resolve(schema, data)
            by_pattern = next(iter(block.get("patternProperties", {}).values()), None)
            named = block.get("properties", {}).get(part)
            found: Schema | None = block.get("items") or named or block.get("additionalProperties") or by_pattern
            if not found:
                return None
            schema = found
            data = step(data, part)
        return self._resolve(schema, data)

    def keys(self, path: KeyPath, data: Any) -> list[str]:
        """Return the keys that the block at a path may hold, in order; empty when it is no block of settings."""
        return list((self.at(path, data) or {}).get("properties", {}))

    def homes(self, key: str) -> list[str]:
        """Return the sections, such as `camera`, that know a key."""
        homes: dict[str, None] = {}
        for name, schema in self._root["properties"].items():
            for branch in self._branches(schema):
                if key in branch.get("properties", {}):
                    homes[name] = None
        return list(homes)

    def kinds_with(self, key: str) -> list[str]:
        """Return the camera kinds that know a key."""
        kinds = self._root["properties"]["camera"]["discriminator"]["mapping"]
        return [kind for kind, ref in kinds.items() if key in self._deref(ref)["properties"]]

    def _branches(self, schema: Schema) -> Iterable[Schema]:
        for branch in schema.get("oneOf") or schema.get("anyOf") or [schema]:
            yield self._deref(branch["$ref"]) if "$ref" in branch else branch

    def _resolve(self, schema: Schema, data: Any) -> Schema:
        if "$ref" in schema:
            return self._deref(schema["$ref"])
        if "discriminator" in schema:
            kind = data.get("kind") if isinstance(data, dict) else None
            mapping = schema["discriminator"]["mapping"]
            if isinstance(kind, str) and kind in mapping:
                return self._deref(mapping[kind])
            return {"type": "object"}
        blocks = [branch for branch in schema.get("anyOf", []) if "$ref" in branch]
        return self._deref(blocks[0]["$ref"]) if blocks else schema

    def _deref(self, ref: str) -> Schema:
        return self._defs[ref.rsplit("/", 1)[1]]


def step(data: Any, part: str | int) -> Any:
    """Return what stands under one key or number of some values; None when nothing does."""
    if isinstance(data, dict):
        return data.get(part)
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def wanted(schema: Schema) -> str:
    """Return what a value must be, such as `a whole number from 16 to 65536`."""
    if "anyOf" in schema:
        choices = list(dict.fromkeys(wanted(branch) for branch in schema["anyOf"]))
        # A range holds a comma of its own.
        return f"{', '.join(choices[:-1])}, or {choices[-1]}"
    if "enum" in schema:
        return listed([str(choice) for choice in schema["enum"]], "or")
    if "const" in schema:
        return str(schema["const"])
    each = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), None)
    if each:
        return f"a block of keys, each {wanted(each)}"
    if schema.get("type") == "array":
        return f"a list of {wanted(schema['items'])}"
    if schema.get("type") in ("integer", "number"):
        noun = "a whole number" if schema["type"] == "integer" else "a number"
        return f"{noun} {span(schema)}".strip()
    if "format" in schema:
        return "a path"
    if "maxLength" in schema:
        return f"text of at most {schema['maxLength']} characters"
    nouns = {"boolean": "true or false", "string": "text", "object": "a block of keys", "null": "null"}
    return nouns.get(str(schema.get("type")), "a block of keys")


def span(schema: Schema) -> str:
    """Return the range of a number, such as `over 0, up to 1`; empty for any number."""
    low = _number(schema.get("minimum", schema.get("exclusiveMinimum")))
    high = _number(schema.get("maximum", schema.get("exclusiveMaximum")))
    is_open = "exclusiveMinimum" in schema
    if low and high:
        return f"over {low}, up to {high}" if is_open else f"from {low} to {high}"
    if low:
        return f"over {low}" if is_open else f"from {low}"
    return f"up to {high}" if high else ""


def listed(words: list[str], conjunction: str) -> str:
    """Return `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if abs(value) < 1e6 else str(int(value))
