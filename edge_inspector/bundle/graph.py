"""Whether the bytes of a graph are what a bundle may hold, read without ONNX: the line has only the runtime.

An ONNX file is a protobuf message (onnx.proto of the ONNX project gives the field numbers). Only the fields that say
what the graph would do are looked at; weights are stepped over. What the runtime could read otherwise than this
file is refused, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from edge_inspector.bundle.document import shown
from edge_inspector.bundle.operators import ALLOWED_OPERATORS, IR_VERSIONS, OPSETS
from edge_inspector.core.errors import BundleError

MAX_FIELDS = 500_000
"""Fields looked at before a graph is refused: 200 layers have 20,000, and half a million take half a second."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types; 3 and 4 are groups, which ONNX never had."""
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MAIN_DOMAINS = (b"", b"ai.onnx")
_STRING_TENSOR = 8


class _Field(NamedTuple):
    number: int
    kind: int
    """Wire type."""
    value: int
    """The number itself; of anything else the place where it begins."""
    end: int


def check_graph_bytes(file: str, content: bytes) -> None:
    """Return when a graph is of the allowed operators alone and stands alone: nothing of it lies in other files.

    Says nothing about shapes and types: the runtime checks these when it makes its session.

    Args:
        file: Path for messages.
        content: The ONNX file.

    Raises:
        BundleError: Not an ONNX file or a damaged one, another opset, an operator or a domain that is not allowed,
            functions, graphs inside nodes, weights in other files. The message names what was met.
    """
    if (
        content[4:8] == b"ORTM"
    ):  # the runtime would take it for a file of its own format and never read what stands here
        _refuse(file, "is in ONNX Runtime's own format")
    _Walk(file, content).model()


class _Walk:
    """One pass over one file. Depth is fixed by the format of what is looked at, so nothing here calls itself."""

    def __init__(self, file: str, content: bytes) -> None:
        self._file = file
        self._content = content
        self._n_fields = 0

    def model(self) -> None:
        opsets: list[int] = []
        ir_versions: list[int] = []
        has_graph = False
        for field in self._fields(0, len(self._content)):
            if field.number == 1:
                ir_versions.append(self._number(field))
            elif field.number == 7:
                has_graph = True
                self._graph(*self._span(field))
            elif field.number == 8:
                opsets += self._opset(*self._span(field))
            elif field.number == 20:
                _refuse(self._file, "holds training steps, which never run on a line")
            elif field.number == 25:
                _refuse(self._file, "holds functions of its own, which could hide any operator")
        if not has_graph:
            self._malformed("it holds no graph")
        # A field that stands twice could be read as the one or the other.
        if len(ir_versions) != 1 or ir_versions[0] not in IR_VERSIONS:
            _refuse(self._file, f"must be of one IR version {_span_text(IR_VERSIONS)}, but has {ir_versions or 'none'}")
        if len(opsets) != 1 or opsets[0] not in OPSETS:
            _refuse(self._file, f"must be of one opset {_span_text(OPSETS)}, but has {opsets or 'none'}")

    def _opset(self, start: int, end: int) -> list[int]:
        """Return the version asked for of the main operators; none for those of another domain, which no node uses."""
        domains, versions = [b""], []
        for field in self._fields(start, end):
            if field.number == 1:
                domains.append(self._text(field))
            elif field.number == 2:
                versions.append(self._number(field))
        if not set(domains) <= set(_MAIN_DOMAINS):
            return []
        return versions or [0]

    def _graph(self, start: int, end: int) -> None:
        for field in self._fields(start, end):
            if field.number == 1:
                self._node(*self._span(field))
            elif field.number == 5:
                self._tensor(*self._span(field))
            elif field.number == 15:
                _refuse(self._file, "holds sparse weights, which no bundle has")

    def _node(self, start: int, end: int) -> None:
        names: list[bytes] = []
        domains: list[bytes] = []
        attributes: list[tuple[int, int]] = []
        for field in self._fields(start, end):
            if field.number == 4:
                names.append(self._text(field))
            elif field.number == 5:
                attributes.append(self._span(field))
            elif field.number == 7:
                domains.append(self._text(field))
        for domain in domains:
            if domain not in _MAIN_DOMAINS:
                self._foreign(domain + b":" + b"".join(names))
        for name in names or [b""]:
            if name.decode("utf-8", "replace") not in ALLOWED_OPERATORS:
                self._foreign(name)
        for attribute in attributes:
            self._attribute(names[0], *attribute)

    def _attribute(self, operator: bytes, start: int, end: int) -> None:
        for field in self._fields(start, end):
            if field.number in (5, 10):
                self._tensor(*self._span(field))
            elif field.number in (6, 11):
                _refuse(self._file, f"holds a graph inside its operator {_word(operator)}, which no bundle has")
            elif field.number in (22, 23):
                _refuse(self._file, "holds sparse weights, which no bundle has")

    def _tensor(self, start: int, end: int) -> None:
        for field in self._fields(start, end):
            if field.number == 13 or (field.number == 14 and self._number(field) != 0):
                _refuse(self._file, "keeps weights in another file, but a bundle's graph stands alone")
            elif field.number == 6 or (field.number == 2 and self._number(field) == _STRING_TENSOR):
                _refuse(self._file, "holds a tensor of text, which no classifier of tiles needs")

    def _fields(self, start: int, end: int) -> Iterator[_Field]:
        at = start
        while at < end:
            self._n_fields += 1
            if self._n_fields > MAX_FIELDS:
                _refuse(self._file, f"has more than {MAX_FIELDS} parts, far more than any classifier of tiles")
            tag, at = self._varint(at, end)
            number, kind = tag >> 3, tag & 7
            # The runtime's reader cuts a longer tag to 32 bits, and would see another field than the one here.
            if number == 0 or tag >= 1 << 32:
                self._malformed(f"byte {at} is part of no field")
            if kind == _VARINT:
                value, at = self._varint(at, end)
                yield _Field(number, kind, value, at)
                continue
            size = _FIXED_SIZES.get(kind)
            if kind == _BYTES:
                size, at = self._varint(at, end)
            if size is None or size > end - at:
                self._malformed(f"it is cut off or overwritten near byte {at}")
            yield _Field(number, kind, at, at + size)
            at += size

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Return a number of 7 bits a byte, low bits first, and the place after it."""
        value = shift = 0
        while at < end and shift < 70:  # 64 bits fit into ten bytes
            byte = self._content[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (1 << 64) - 1, at
            shift += 7
        return self._malformed(f"it is cut off or overwritten near byte {at}")

    def _number(self, field: _Field) -> int:
        if field.kind != _VARINT:
            self._malformed(f"a number is missing before byte {field.end}")
        return field.value

    def _span(self, field: _Field) -> tuple[int, int]:
        if field.kind != _BYTES:
            self._malformed(f"a part is missing before byte {field.end}")
        return field.value, field.end

    def _text(self, field: _Field) -> bytes:
        start, end = self._span(field)
        return self._content[start : min(end, start + 200)]  # no name is as long; a gigabyte is not copied

    def _foreign(self, operator: bytes) -> NoReturn:
        _refuse(self._file, f"uses the operator {_word(operator)}, which is not on the list of allowed operators")

    def _malformed(self, why: str) -> NoReturn:
        _refuse(self._file, f"is not an ONNX graph, or a damaged one: {why}")


def _word(name: bytes) -> str:
    return shown(name.decode("utf-8", "replace"))


def _span_text(versions: range) -> str:
    return f"from {versions[0]} to {versions[-1]}"


def _refuse(file: str, what: str) -> NoReturn:
    raise BundleError(
        f"{file}: {what}; export the model again with the project's own export, "
        "or with plain operators (docs/explanation/model.md)"
    )
