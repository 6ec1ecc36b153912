"""What a file must be before anything in it is looked at."""

import os
from pathlib import Path

import pytest

from edge_inspector.core.errors import SettingsError
from edge_inspector.settings.load import load_line
from edge_inspector.settings.read import MAX_BYTES, read_yaml
from edge_inspector.settings.scalars import read_scalar


def complaint(path: Path) -> str:
    """Return the one message about a file, without its folder."""
    with pytest.raises(SettingsError) as caught:
        load_line(path)
    assert len(caught.value.mistakes) == 1
    return str(caught.value).replace(str(path), path.name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "f: is empty; config/line.yaml is an example to start from"),
        (b"# nothing\n", "f: is empty; config/line.yaml is an example to start from"),
        (b"hello", "f:1: must be a block of keys, not hello"),
        (b"\n\n- a\n", "f:3: must be a block of keys, not a list"),
        (b"a: b\n---\nc: d\n", "f:2: a second document begins here (`---`); a line has one"),
        (b"a:\n\tb: 1\n", "f:2: a tab stands here; YAML wants spaces"),
        (b"a: 1\nb: c: d\n", "f:2: a `:` too many, or a wrong indentation; text with `: ` in it needs quotes"),
        (b"a:\n  b: 1\n c: 2\n", "f:3: this line is indented unlike the lines around it"),
        (b"a: [1, 2\n", "f:2: a `[` is opened and not closed, or a `,` is missing"),
        (b'a: "b\n', "f:2: a quotation mark is opened and not closed"),
        (b"a: @b\n", "f:1: text that begins with @, ` or % needs quotes"),
        (b"a: *\n", "f:1: a `*` begins a repetition in YAML; put text that begins with `*` in quotes"),
        (b"? [a]\n: b\n", "f:1: a key is a single word; here stands a list or a block (`?`, `[` or `{`)"),
        (b'a: "\\ud800"\n', "f:1: holds an escape that is no character (\\ud800 to \\udfff)"),
        (b"a: 1\nb: \xe9\n", "f:2: byte 0xe9 is not UTF-8 text; save the file as UTF-8"),
        (b"\xff\xfea\x00", "f: is UTF-16 text; save it as UTF-8"),
        (b"a: 1\n\x00\x01", "f:2: holds the character U+0000, which no text has; is it a configuration file?"),
    ],
)
def test_what_is_not_a_configuration_is_said_in_plain_words(tmp_path: Path, text: bytes, expected: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(text)

    assert complaint(path) == expected


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert complaint(tmp_path / "f") == "f: there is no such file; check the path after --config"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert complaint(tmp_path).endswith("is a folder, not a configuration file")


def test_a_named_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")

    assert complaint(tmp_path / "f") == "f: is a pipe, socket or device, not a configuration file"


def test_a_gigabyte_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as stream:
        stream.truncate(1 << 30)

    assert (
        complaint(tmp_path / "f") == f"f: has {1 << 30} bytes, a configuration at most {MAX_BYTES}; is it another file?"
    )


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * MAX_BYTES, "{a: " * 16_000, "- " * 30_000, "? " * 30_000])
def test_deep_nesting_ends_in_a_message_and_not_in_a_recursion(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text)

    assert any(
        words in complaint(tmp_path / "f") for words in ("nested deeper", "at most 65536", "a key is a single word")
    )


def test_an_alias_bomb_is_never_expanded(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (tmp_path / "f").write_text("\n".join(levels))

    with pytest.raises(SettingsError) as caught:
        read_yaml(tmp_path / "f")

    assert caught.value.mistakes[0].what == "`&a0` marks a value for repetition; leave the mark out"
    assert caught.value.mistakes[2].what == "`*a0` repeats another place; write the value itself"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", "stands twice, in line 1 and in line 3; keep one"),
        ("a:\n  b: 1\n  b: 2\n", "a.b", "stands twice, in line 2 and in line 3; keep one"),
        ("a: &x 1\n", "a", "`&x` marks a value for repetition; leave the mark out"),
        ("a: {<<: {b: 1}}\n", "a", "`<<` copies another block; write the keys themselves"),
        ("a: !!str 1\n", "a", "`!!str` asks for a type; leave it out, the settings know their types"),
        ("a: !!python/object:os.system x\n", "a", "`!!python/object:os.system` asks for a type; leave it out, the "),
        ("!x a: 1\n", "a", "`!x` asks for a type; leave it out, the settings know their types"),
    ],
)
def test_what_yaml_can_do_beyond_plain_values_is_refused(tmp_path: Path, text: str, where: str, what: str) -> None:
    (tmp_path / "f").write_text(text)

    with pytest.raises(SettingsError) as caught:
        read_yaml(tmp_path / "f")

    assert caught.value.mistakes[0].where == where
    assert caught.value.mistakes[0].what.startswith(what)
    assert caught.value.mistakes[0].line == text.rstrip().count("\n") + 1


def test_every_key_and_item_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("\ufeff# head\na:\n  b: 1\n  c:\n    - x\n    - y\nd: {e: 2}\n")

    data, lines = read_yaml(tmp_path / "f")

    assert data == {"a": {"b": 1, "c": ["x", "y"]}, "d": {"e": 2}}
    assert [lines.line(path) for path in [(), ("a", "b"), ("a", "c", 1), ("d", "e")]] == [2, 3, 6, 7]
    assert lines.line(("a", "missing", "deeper")) == 2


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        *[("true", True), ("False", False), ("~", None), ("null", None), ("12", 12), ("-3", -3), ("0x1F", 31)],
        *[("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("-2.", -2.0), ("6.02E+2", 602.0)],
        *[(text, text) for text in ("yes", "no", "on", "Off", "y", "0123", "12:30:00", "1_000", "0o17", "2024-01-01")],
        *[(text, text) for text in ("1,5", "0b1", "１２", "9" * 19, "=", "<<", "e3", ".", "-")],
    ],
)
def test_words_mean_what_they_do_in_yaml_1_2(text: str, meaning: object) -> None:
    read = read_scalar(text)

    assert read == meaning
    assert type(read) is type(meaning)
