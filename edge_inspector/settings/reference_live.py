"""Which keys of each section may change live, for the configuration reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import LIVE


def all_keys() -> Iterator[tuple[str, str, str]]:
    """Yield every key of a configuration: the section it stands in, its name there, and its path as `LIVE` has it.

    A section that several places share is met at each of them; `.*` stands for any name of a table.
    """
    schema = LineSettings.model_json_schema()
    yield from _keys(LineSettings.__name__, schema, "", schema["$defs"])


def live_keys() -> dict[str, frozenset[str]]:
    """Return the names of the live keys of each section: those that are live wherever it stands."""
    paths: dict[tuple[str, str], list[str]] = {}
    for section, key, path in all_keys():
        paths.setdefault((section, key), []).append(path)
    live: dict[str, frozenset[str]] = {}
    for (section, key), met in paths.items():
        if all(path in LIVE for path in met):
            live[section] = live.get(section, frozenset()) | {key}
    return live


def _keys(section: str, schema: dict[str, Any], at: str, defs: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key, field in schema.get("properties", {}).items():
        path = f"{at}.{key}" if at else key
        yield section, key, path
        yield from _below(field, path, defs)


def _below(field: dict[str, Any], path: str, defs: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        if not (name == "FeatureTree" or "properties" not in defs[name]):
            yield from _keys(name, defs[name], path, defs)
    for branch in (*field.get("anyOf", ()), *field.get("oneOf", ())):
        yield from _below(branch, path, defs)
    if isinstance(field.get("items"), dict):
        yield from _below(field["items"], f"{path}[]", defs)
