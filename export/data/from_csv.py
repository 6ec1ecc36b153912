"""A CSV that names the pictures: file, mask, label, group, and if it likes split and cls."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edge_inspector.core.errors import UsageError
from export.data.found import Found, Source
from export.data.picture import Label, Split

SPLITS: dict[str, Split | None] = {"": None, "train": "train", "test": "test", "val": "test", "validation": "test"}


def rows_of(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV with a header, each with its line number; cells are stripped.

    Raises:
        UsageError: It cannot be read, is not UTF-8, is empty, or a row has more cells than the header.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:  # spreadsheets write a byte order mark
            reader = csv.DictReader(lines)
            if not reader.fieldnames:
                raise UsageError(f"{file} is empty; its first line must name the columns")
            for row in reader:
                if None in row:
                    raise UsageError(f"{file}, line {reader.line_num}: more cells than columns; quote the commas")
                yield reader.line_num, {name.strip(): (cell or "").strip() for name, cell in row.items()}
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}); check its path and permissions") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is not a CSV in UTF-8 ({error}); save it again as such") from error


def columns_of(file: Path) -> list[str]:
    """Return the names of a CSV's columns; none when it cannot be read as one."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return [name.strip() for name in next(csv.reader(lines), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


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
        mask = index.parent / row["mask"] if row.get("mask") else None
        key = PurePosixPath(row["file"].replace("\\", "/")).with_suffix("").as_posix()
        file = index.parent / row["file"].replace("\\", "/")
        cls = row.get("cls", "")
        source.found.append(
            Found(
                f"{where} ({row['file']})",
                file,
                label,
                row.get("group", ""),
                key,
                mask,
                split=SPLITS.get(split),
                cls=cls,
                facts=tuple(row.items()),
            )
        )
    return source


def _label(where: str, row: dict[str, str], problems: list[str]) -> Label | None:
    said = row.get("label", "")
    if said in ("OK", "DEFECT"):
        return "OK" if said == "OK" else "DEFECT"
    if said:
        problems.append(f"{where}: label must be OK or DEFECT, but is {said!r}")
    elif not row.get("mask"):
        problems.append(f"{where}: neither a label nor a mask; say OK or DEFECT")
    return None
