"""A configuration means what it says, or every mistake in it is told with its line; nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from bad_configurations import (
    ALL_KEYS,
    CLASHES,
    FILES,
    KINDS,
    BadFile,
    Path_,
    changed_sections,
    holder,
    right,
    text_of,
    with_value,
    without,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from edge_inspector.core.errors import SettingsError
from edge_inspector.settings.describe import describe
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import dotted
from edge_inspector.settings.load import load_line

WRONG: tuple[Any, ...] = (
    *[None, True, "", " ", "x y!", "no such thing", "\u200b", "~/a", "a" * 5000, "../" * 40],
    *[0, -1, 3, 7.5, -0.0, 10**17, -(10**17), 1e300, float("nan"), float("inf"), "0123", "1,5", "12:30:00"],
    *[[], {}, [[[1]]], ["x", 1], {"a": {"b": [1]}}, [None], [{}], {"": 1}, {"a b": "c d"}],
)
"""Values that are wrong for most keys. What a key may hold is kept as it is, everything else is told."""

JARGON = re.compile(r"Input should|pydantic|\bdict|NoneType|<class|\bliteral|\bunion|Traceback")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return holder(tmp_path)


def mistakes(file: Path, raw: bytes) -> list[str]:
    """Load; return what is told, none when the settings are right. Each mistake has the file and a sentence."""
    file.write_bytes(raw)
    report = None
    try:
        loaded = load_line(file)
    except SettingsError as error:
        report = error
    if report is None:
        assert all(describe(loaded))
        return []
    assert report.exit_code == 78
    assert report.mistakes
    assert all(one.file == str(file) and one.what and (one.line or 1) > 0 for one in report.mistakes)
    told = [str(one) for one in report.mistakes]
    assert not [one for one in told if JARGON.search(one.replace(str(file.parent), ""))]
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_configuration_is_right(file: Path, kind: str) -> None:
    assert mistakes(file, text_of(right(kind))) == []


def test_a_mark_that_editors_on_windows_put_in_front_does_no_harm(file: Path) -> None:
    assert mistakes(file, b"\xef\xbb\xbf" + text_of(right()).replace(b"\n", b"\r\n")) == []


@pytest.mark.parametrize("bad", FILES, ids=lambda bad: bad.what)
def test_a_file_that_is_no_configuration_is_refused_in_words(file: Path, bad: BadFile) -> None:
    told = mistakes(file, bad.raw)

    assert told
    assert len(told) <= 101


@pytest.mark.parametrize(("what", "changes"), CLASHES, ids=[what for what, _ in CLASHES])
def test_what_contradicts_itself_is_told(file: Path, what: str, changes: dict[str, Any]) -> None:
    assert len(mistakes(file, text_of(changed_sections(changes)))) == 1


@pytest.mark.parametrize(("kind", "path"), ALL_KEYS, ids=lambda part: part if isinstance(part, str) else dotted(part))
def test_every_key_is_kept_or_told_whatever_stands_in_it(file: Path, kind: str, path: Path_) -> None:
    for value in WRONG:
        raw = text_of(with_value(kind, path, value))
        if not mistakes(file, raw):
            _assert_kept(load_line(file), path, value)


def _assert_kept(loaded: LineSettings, path: Path_, value: Any) -> None:
    """The settings hold the very value of the file: nothing was cut, rounded or made of another type."""
    found: Any = loaded
    for part in path:
        found = getattr(found, part)
    if isinstance(found, (Path, BaseModel)) or path[-1] == "cti":
        return  # a path counts from the folder of the file; a block of keys has been looked at key by key
    if isinstance(value, (list, dict)) and not value:
        assert not found
    elif isinstance(found, tuple):
        assert list(found) == list(value)
    else:
        assert found == value
        assert isinstance(found, bool) is isinstance(value, bool)


@pytest.mark.fault(
    43,
    injected="each key misspelt",
    seen="told with line, column and the key that is meant",
    noticed="at the start",
)
@pytest.mark.parametrize(("kind", "path"), ALL_KEYS, ids=lambda part: part if isinstance(part, str) else dotted(part))
def test_every_key_is_told_when_it_is_misspelt(file: Path, kind: str, path: Path_) -> None:
    misspelt = (*path[:-1], path[-1] + "x")

    told = mistakes(file, text_of(with_value(kind, misspelt, 1)))

    assert any(dotted(misspelt) in one and "unknown key" in one for one in told), told


@pytest.mark.parametrize(("kind", "path"), ALL_KEYS, ids=lambda part: part if isinstance(part, str) else dotted(part))
def test_every_key_is_told_when_it_stands_twice(file: Path, kind: str, path: Path_) -> None:
    lines = yaml.safe_dump(with_value(kind, path, "HERE"), sort_keys=False).splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith(f"{path[-1]}: HERE"))
    lines.insert(at, lines[at])

    told = mistakes(file, "\n".join(lines).encode())

    assert any(dotted(path) in one and "stands twice" in one for one in told), told


@pytest.mark.parametrize(("kind", "path"), ALL_KEYS, ids=lambda part: part if isinstance(part, str) else dotted(part))
def test_every_key_has_a_default_or_is_told_when_it_is_missing(file: Path, kind: str, path: Path_) -> None:
    told = mistakes(file, text_of(without(kind, path)))

    assert len(told) <= 1
    assert not told or dotted(path[:-1]) in told[0]
    assert not told or path[-1] in told[0]


def test_a_path_that_no_disk_takes_is_told_before_the_line_starts(file: Path) -> None:
    told = mistakes(file, text_of(with_value("synthetic", ("evidence", "folder"), "b" * 256)))

    assert told == [f"{file}:13: evidence.folder: holds a name of more than 255 bytes, which no disk here takes"]


WORDS = sorted({part for _, path in ALL_KEYS for part in path})
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
TREES = st.recursive(
    PLAIN,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), below, max_size=4)
    ),
    max_leaves=12,
)


@given(kind=st.sampled_from(sorted(KINDS)), changes=st.dictionaries(st.sampled_from(WORDS), TREES, max_size=4))
@settings(deadline=None)
def test_any_values_of_yaml_under_any_keys_are_settings_or_told(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: dict[str, Any]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "trees"
    folder.mkdir(exist_ok=True)
    raw = yaml.safe_dump(right(kind) | changes, allow_unicode=True).encode("utf-8", "surrogatepass")

    told = mistakes(holder(folder), raw)

    assert all(one.startswith(str(folder)) for one in told)
