"""A CSV that names the pictures: file, mask, label, group, and if it likes split and cls."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from edge_inspector.core.errors import UsageError
from export.data.found import Found, Source
from export.data.picture import Label, Split

SPLITS: dict[str, Split | None] = {"": None, "train": "train", "test": "test", "val": "test", "validation": "test"}


def rows_of(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV with a header, each with its line number; cells are stripped.

    Raises:
        UsageError: It cannot be read, is not UTF-8, is empty, a quotation mark is not closed, or a row has more cells
            than the header.
    """
    reader = _reader(file)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not any(header):
            raise UsageError(f"{file} is empty; its first line must name the columns")
        for cells in filter(None, reader):
            if len(cells) > len(header):
                raise UsageError(f"{file}, line {reader.line_num}: more cells than columns; quote the commas")
            row = dict.fromkeys(header, "") | dict(zip(header, map(str.strip, cells), strict=False))
            yield reader.line_num, row
    except csv.Error as error:
        raise _no_csv(file, f"line {reader.line_num}: {error}") from error


def columns_of(file: Path) -> list[str]:
    """Return the names of a CSV's columns; none when there is no such file.

    Raises:
        UsageError: It cannot be read as a CSV.
    """
    if not file.is_file():
        return []
    try:
        return [name.strip() for name in next(_reader(file), [])]
    except csv.Error as error:
        raise _no_csv(file, f"line 1: {error}") from error


def _reader(file: Path) -> Any:
    """Return a reader of the lines of a CSV; cells are parted by what parts them in its first line."""
    try:
        text = file.read_bytes().decode("utf-8-sig")  # spreadsheets write a byte order mark
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}); check its path and permissions") from error
    except UnicodeDecodeError as error:
        raise _no_csv(file, str(error)) from error
    first = text.partition("\n")[0]
    # Spreadsheets write semicolons where a comma is the decimal sign.
    delimiter = "," if "," in first else next((sign for sign in (";", "\t") if sign in first), ",")
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _no_csv(file: Path, why: str) -> UsageError:
    return UsageError(
        f"{file} is not a CSV in UTF-8 ({why}); close its quotation marks, and save it again as CSV UTF-8"
    )


def from_csv(index: Path) -> Source:
    """Return the pictures that a CSV names, with paths relative to it; other columns are facts to group by.

    Without a column `label` the mask says it. Splits `val` and `validation` are `test` here.

    Raises:
        UsageError: It is not a CSV, or has no column `file`.
    """
    source = Source("csv")
    if "file" not in columns_of(index):
        raise UsageError(f"{index} has no column `file`; its first line must be such as file,mask,label,group")
    for number, row in rows_of(index):
        where = f"{index}, line {number}"
        if not row["file"]:
            source.problems.append(f"{where}: no file; name a picture, or remove the line")
            continue
        if (split := row.get("split", "")) not in SPLITS:
            source.problems.append(f"{where}: split must be train, test or empty, but is {split!r}")
        label = _label(where, row, source.problems)
        name, mask_name = (row.get(column, "").replace("\\", "/") for column in ("file", "mask"))
        if fault := _fault_of(name) or _fault_of(mask_name):
            source.problems.append(f"{where}: {fault}")
            continue
        mask = index.parent / mask_name if mask_name else None
        # As in folders: the label is no part, and must not become a group.
        key = "/".join(part for part in PurePosixPath(name).with_suffix("").parts if part not in ("OK", "DEFECT"))
        source.found.append(
            Found(
                f"{where} ({row['file']})",
                index.parent / name,
                label,
                row.get("group", ""),
                key,
                mask,
                split=SPLITS.get(split),
                cls=row.get("cls", ""),
                facts=tuple(row.items()),
            )
        )
    return source


def _fault_of(name: str) -> str:
    """Return why no file can have that name; empty when one can."""
    if any(ord(letter) < 32 for letter in name):
        return f"{name[:40]!r} holds a line break or a control character; correct it, or close its quotation mark"
    if any(len(os.fsencode(part)) > 255 for part in name.split("/")):
        return f"{name[:40]!r}… is longer than a name of a file can be; correct it, or close its quotation mark"
    return ""


def _label(where: str, row: dict[str, str], problems: list[str]) -> Label | None:
    said = row.get("label", "")
    if said in ("OK", "DEFECT"):
        return "OK" if said == "OK" else "DEFECT"
    if said:
        problems.append(f"{where}: label must be OK or DEFECT, but is {said!r}")
    elif not row.get("mask"):
        problems.append(f"{where}: neither a label nor a mask; say OK or DEFECT")
    return None
