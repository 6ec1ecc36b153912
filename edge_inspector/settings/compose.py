"""Plain values built from YAML events, one pass, with a bound on depth."""

from __future__ import annotations

from typing import Any

import yaml

from edge_inspector.core.errors import Mistake, SettingsError
from edge_inspector.settings.lines import KeyPath, LineMap
from edge_inspector.settings.scalars import Scalar, read_scalar

MAX_DEPTH = 8
"""Blocks within blocks. The deepest setting is at 3; deep nesting would only exhaust Python's stack."""


class Composer:
    """Builds the values of one text. `compose` is called once; `lines` and `mistakes` fill meanwhile."""

    def __init__(self, file: str, text: str) -> None:
        self.lines = LineMap(file)
        self.mistakes: list[tuple[KeyPath, Mistake]] = []
        self._file = file
        self._text = text
        # PyYAML does not read ahead further than 1024 characters: 100k brackets end at the 9th.
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)

    def compose(self) -> Any:
        """Return the one document of the text.

        Raises:
            SettingsError: The text is not YAML, is empty, holds several documents, or is nested too deep.
        """
        try:
            return self._document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = None if mark is None else mark.line + 1
            raise self._fatal(line, _plain_problem(error)) from error
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # PyYAML lets chr() of an escape such as "\U99999999" fail with its own error, without a line.
            raise self._fatal(None, f"is not YAML: {error}") from error

    def _document(self) -> Any:
        event = self._next()
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise self._fatal(None, "is empty; config/line.yaml is an example to start from")
        if isinstance(event, yaml.ScalarEvent) and event.value == "":
            raise self._fatal(None, "is empty; config/line.yaml is an example to start from")
        self.lines.line_of[()] = _line(event)
        data = self._value((), event)
        self._next()  # the end of the document
        following = self._next()
        if isinstance(following, yaml.DocumentStartEvent):
            raise self._fatal(_line(following), "a second document begins here (`---`); a line has one")
        return data

    def _value(self, path: KeyPath, event: yaml.Event) -> Any:
        if len(path) > MAX_DEPTH:
            raise self._fatal(_line(event), f"is nested deeper than {MAX_DEPTH} blocks; no setting is")
        if isinstance(event, yaml.AliasEvent):
            self._refuse(path, event, f"`*{event.anchor}` repeats another place; write the value itself")
            return None
        assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent))  # no other event begins a value
        self._refuse_extras(path, event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._block(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._scalar(path, event)

    def _refuse_extras(self, path: KeyPath, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor:
            self._refuse(path, event, f"`&{event.anchor}` marks a value for repetition; leave the mark out")
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(path, event, f"`{tag}` asks for a type; leave it out, the settings know their types")

    def _block(self, path: KeyPath) -> dict[str, Any]:
        block: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(path, event)
            below = self._next()
            place = (*path, key)
            if key == "<<":
                self._skip(below)
                self._refuse(path, event, "`<<` copies another block; write the keys themselves")
            elif key in block:
                first = self.lines.line_of[place]
                self._skip(below)
                self._refuse(place, event, f"stands twice, in line {first} and in line {_line(event)}; keep one")
            else:
                self.lines.line_of[place] = _line(event)
                block[key] = self._value(place, below)
        return block

    def _key(self, path: KeyPath, event: yaml.Event) -> str:
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_extras((*path, event.value), event)
            self._check_characters(event)
            return str(event.value)
        raise self._fatal(_line(event), "a key is a single word; here stands a list or a block (`?`, `[` or `{`)")

    def _list(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            place = (*path, len(items))
            self.lines.line_of[place] = _line(event)
            items.append(self._value(place, event))
        return items

    def _scalar(self, path: KeyPath, event: Any) -> Scalar:
        self._check_characters(event)
        self.lines.text_of[path] = self._text[event.start_mark.index : event.end_mark.index]
        return str(event.value) if event.style else read_scalar(event.value)

    def _check_characters(self, event: yaml.ScalarEvent) -> None:
        # Half a surrogate pair ("\ud800") can be written as an escape, but neither printed nor sent.
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            raise self._fatal(_line(event), "holds an escape that is no character (\\ud800 to \\udfff)")

    def _skip(self, event: yaml.Event) -> None:
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return
            event = self._next()

    def _refuse(self, path: KeyPath, event: yaml.Event, what: str) -> None:
        where = LineMap(self._file, {path: _line(event)})
        self.mistakes.append((path, where.mistake(path, what)))

    def _fatal(self, line: int | None, what: str) -> SettingsError:
        return SettingsError([mistake for _, mistake in self.mistakes] + [Mistake(self._file, line, "", what)])

    def _next(self) -> yaml.Event:
        return next(self._events)


def _line(event: Any) -> int:
    # Any: to the stubs, an event may lack its mark; those of the parser never do.
    return int(event.start_mark.line) + 1


_ESCAPE = "a backslash begins an escape in double quotes; put such text in single quotes"
_PROBLEMS = (
    (
        "mapping values are not allowed here",
        "a `:` too many, or a wrong indentation; text with `: ` in it needs quotes",
    ),
    ("could not find expected ':'", "there is no `:` after the key, or the line is indented wrongly"),
    ("'\\t' that cannot start", "a tab stands here; YAML wants spaces"),
    ("found a tab character", "a tab stands here; YAML wants spaces"),
    ("while scanning a quoted scalar", "a quotation mark is opened and not closed"),
    ("unknown escape character", _ESCAPE),
    ("expected escape sequence", _ESCAPE),
    ("while parsing a block mapping", "this line is indented unlike the lines around it"),
    ("while parsing a block collection", "this line is indented unlike the list around it"),
    ("while parsing a flow mapping", "a `{` is opened and not closed, or a `,` is missing"),
    ("while parsing a flow sequence", "a `[` is opened and not closed, or a `,` is missing"),
    ("while scanning an alias", "a `*` begins a repetition in YAML; put text that begins with `*` in quotes"),
    ("while scanning an anchor", "a `&` begins a mark in YAML; put text that begins with `&` in quotes"),
    ("that cannot start any token", "text that begins with @, ` or % needs quotes"),
)


def _plain_problem(error: yaml.MarkedYAMLError) -> str:
    told = f"{error.context or ''} {error.problem or ''}"
    for words, plain in _PROBLEMS:
        if words in told:
            return plain
    return f"is not YAML: {told.strip()}"
