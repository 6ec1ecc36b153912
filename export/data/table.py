"""Tables that people and spreadsheets write: rows of a CSV with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from edge_inspector.core.errors import UsageError


def rows_of(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV with a header, each with its line number; cells are stripped.

    Raises:
        UsageError: It cannot be read, is not UTF-8, is empty, a quotation mark is not closed, or a row has more cells
            than the header.
    """
    lines = lines_of(file)
    _, header = next(lines, (1, []))
    names = [name.strip() for name in header]
    if not any(names):
        raise UsageError(f"{file} is empty; its first line must name the columns")
    for number, cells in lines:
        if len(cells) > len(names):
            raise UsageError(f"{file}, line {number}: more cells than columns; quote the commas")
        yield number, dict.fromkeys(names, "") | dict(zip(names, map(str.strip, cells), strict=False))


def columns_of(file: Path) -> list[str]:
    """Return the names of a CSV's columns; none when there is no such file.

    Raises:
        UsageError: It cannot be read as a CSV.
    """
    if not file.is_file():
        return []
    return [name.strip() for name in next(lines_of(file), (1, []))[1]]


def lines_of(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that is not empty, as they are, with the number of the line on which it begins.

    What parts the cells in the first line does so in all: spreadsheets write semicolons where a comma is the decimal
    sign.

    Raises:
        UsageError: It cannot be read, is not UTF-8, or a quotation mark is not closed.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")  # spreadsheets write a byte order mark
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}); check its path and permissions") from error
    except UnicodeDecodeError as error:
        raise _no_csv(file, str(error)) from error
    first = text.partition("\n")[0]
    delimiter = "," if "," in first else next((sign for sign in (";", "\t") if sign in first), ",")
    reader, number = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1
    try:
        for cells in reader:
            if cells:
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise _no_csv(file, f"line {number}: {error}") from error


def _no_csv(file: Path, why: str) -> UsageError:
    return UsageError(
        f"{file} is not a CSV in UTF-8 ({why}); close its quotation marks, and save it again as CSV UTF-8"
    )
