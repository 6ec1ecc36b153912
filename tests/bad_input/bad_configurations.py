"""Configurations that are no text, no YAML, no configuration; and every key of a right one made wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from edge_inspector.settings.camera import GenicamSettings, ReplaySettings, SyntheticSettings
from edge_inspector.settings.line import LineSettings

KINDS: dict[str, type[BaseModel]] = {
    "genicam": GenicamSettings,
    "replay": ReplaySettings,
    "synthetic": SyntheticSettings,
}
_FRAME = {"width": 512, "height": 256, "channels": 3}
CAMERAS: dict[str, dict[str, Any]] = {
    "genicam": {"kind": "genicam", "cti": "viky", "pixel_format": "RGB8", "frame": _FRAME},
    "replay": {"kind": "replay", "folder": "pictures", "frame": _FRAME},
    "synthetic": {"kind": "synthetic", "frame": _FRAME},
}
Path_ = tuple[str, ...]


def right(kind: str = "synthetic") -> dict[str, Any]:
    """Return the values of a configuration without a mistake."""
    return {
        "line": "press-3",
        "camera": copy.deepcopy(CAMERAS[kind]),
        "model": {"bundle": "bundle", "unsigned": "allow"},
        "state_dir": "state",
    }


def text_of(values: Any) -> bytes:
    return yaml.safe_dump(values, sort_keys=False).encode()


@dataclass(frozen=True)
class BadFile:
    """A file that is no configuration as a whole."""

    what: str
    """In words, for the table."""
    raw: bytes


_GOOD = text_of(right())
_LAUGHS = "".join(f"l{n + 1}: &l{n + 1} [{', '.join([f'*l{n}'] * 9)}]\n" for n in range(9))

FILES: tuple[BadFile, ...] = (
    BadFile("an empty configuration", b""),
    BadFile("comments alone", b"# nothing\n"),
    BadFile("UTF-16 text", _GOOD.decode().encode("utf-16")),
    BadFile("a byte that is not UTF-8", b"line: press-\xff3\n"),
    BadFile("a NUL byte", b"line: press-3\0\n"),
    BadFile("random bytes", bytes((n * 89 + 7) % 256 for n in range(500))),
    BadFile("a picture", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    BadFile("larger than any configuration", b"# " + b"x" * 70_000),
    BadFile("a list", b"- line\n- press-3\n"),
    BadFile("one word", b"press-3\n"),
    BadFile("a tab where spaces belong", b"line: press-3\ncamera:\n\tkind: replay\n"),
    BadFile("a quotation mark that is not closed", b'line: "press-3\ncamera:\n'),
    BadFile("a bracket that is not closed", b"line: press-3\ndecide: {limits: {A: 0.5}\n"),
    BadFile("a line indented unlike its neighbours", b"line: press-3\n camera:\n  kind: replay\n"),
    BadFile("nested 30,000 deep", b"line: " + b"[" * 30_000),
    BadFile("anchors that repeat each other (a billion laughs)", b"l0: &l0 ha\n" + _LAUGHS.encode()),
    BadFile("a block copied by `<<`", _GOOD + b"ring: {<<: {slots: 12}}\n"),
    BadFile("a tag that makes objects", _GOOD + b"log: !!python/object/apply:os.system [true]\n"),
    BadFile("two documents", _GOOD + b"---\n" + _GOOD),
    BadFile("a thousand unknown keys", _GOOD + b"".join(b"key%d: 1\n" % n for n in range(1000))),
    BadFile("a key as a list", b"[line]: press-3\n"),
    BadFile("a section twice", _GOOD + b"model: {bundle: other}\n"),
    BadFile("JSON of another program", b'{"version": 3, "services": {"db": {"image": "postgres"}}}\n'),
)

CLASHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("two endpoints at one address", {"endpoints": {"signals": "tcp://127.0.0.1:5561"}}),
    ("the metrics page at an endpoint's port", {"metrics": {"port": 5560}}),
    ("an endpoint that others could reach", {"endpoints": {"signals": "tcp://0.0.0.0:5560"}}),
    ("more slots lent to evidence than there are", {"ring": {"slots": 4, "evidence_slots": 4}}),
    ("fewer records than pictures in a second", {"ring": {"records": 64}, "camera": {"rate_hz": 500.0}}),
    ("a deadline shorter than the transport", {"decide": {"deadline_ms": 3.0}, "camera": {"transport_ms": 4.0}}),
    ("a smallest area larger than the frame", {"decide": {"min_area_px": 10_000_000}}),
    ("evidence in the folder of the bundle", {"evidence": {"folder": "bundle/evidence"}}),
    ("evidence that keeps no verdict", {"evidence": {"folder": "evidence", "keep": []}}),
    ("pictures in a folder that is not there", {"camera": {"kind": "replay", "folder": "gone"}}),
    ("a key of another kind of camera", {"camera": {"cti": "viky"}}),
)
"""What is right one by one and wrong together: changes to a right configuration, section by section."""


def changed_sections(changes: dict[str, Any]) -> dict[str, Any]:
    """Return a right configuration with some keys of some sections changed."""
    values = right()
    for section, keys in changes.items():
        values[section] = values.get(section, {}) | keys
    return values


def sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield every section that a field may hold, those in lists and mappings included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from sections_in(part)


def keys(section: type[BaseModel], kind: str, above: Path_ = ()) -> Iterator[Path_]:
    """Yield the path of every key below a section, blocks included, for one kind of camera."""
    for name, field in section.model_fields.items():
        path = (*above, name)
        yield path
        is_plain = "list" not in str(field.annotation) and "dict" not in str(field.annotation)
        below = [KINDS[kind]] if path == ("camera",) else list(sections_in(field.annotation)) if is_plain else []
        for block in below:
            yield from keys(block, kind, path)


ALL_KEYS: tuple[tuple[str, Path_], ...] = tuple(
    (kind, path)
    for kind in KINDS
    for path in keys(LineSettings, kind)
    if kind == "synthetic" or path[0] == "camera"  # the other sections are the same for each
)
"""Every key of every kind of camera, and with one of them of everything else."""


def with_value(kind: str, path: Path_, value: Any) -> dict[str, Any]:
    """Return right values with one of them replaced."""
    values = right(kind)
    if len(path) > 1 and path[0] == "evidence":
        values["evidence"] = {"folder": "evidence"}
    block = values
    for part in path[:-1]:
        block[part] = dict(block.get(part) or {})
        block = block[part]
    block[path[-1]] = value
    return values


def without(kind: str, path: Path_) -> dict[str, Any]:
    """Return right values without one of them."""
    values = right(kind)
    block: Any = values
    for part in path[:-1]:
        block = block.get(part, {})
    block.pop(path[-1], None)
    return values


def holder(tmp: Path) -> Path:
    """Make the folder that the configurations speak of; return where the file goes."""
    (tmp / "pictures").mkdir(exist_ok=True)
    (tmp / "pictures" / "a.png").touch()
    return tmp / "line.yaml"
