"""A CSV that names the pictures: file, mask, label, group, and if it likes split and cls."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from edge_inspector.core.errors import UsageError
from export.data.found import Found, Source
from export.data.picture import Label, Split
from export.data.table import columns_of, rows_of

SPLITS: dict[str, Split | None] = {"": None, "train": "train", "test": "test", "val": "test", "validation": "test"}


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
    if name and not PurePosixPath(name).name:
        return f"{name!r} is no file; name a picture"
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
