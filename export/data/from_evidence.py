"""Evidence that the line kept, sorted by a person: by a CSV, or by moving pictures into folders OK and DEFECT.

`<day>/<evidence_id>.jpg` or `.png`, with several cameras `<evidence_id>.<camera>.jpg`, and `<evidence_id>.json`.
"""

from __future__ import annotations

import json
from pathlib import Path

from edge_inspector.core.errors import UsageError
from export.data.found import Found, Source, files_below, list_pictures, masks_by_key
from export.data.from_folders import LABELS
from export.data.picture import Label
from export.data.table import columns_of, rows_of

MASKS = "masks"


def from_evidence(folder: Path, labels: Path | None) -> Source:
    """Return the pictures that a person has sorted; others are left out and counted.

    Args:
        folder: Of the evidence, or a copy. Masks may lie in `masks/`, named as the picture.
        labels: CSV with evidence_id and label, and if it likes view (a camera's name) and cls; None: a picture's
            label is the folder OK or DEFECT that it lies in.

    Raises:
        UsageError: No evidence there, or not such a CSV.
    """
    source, parts = Source("evidence"), _parts(folder)
    said = None if labels is None else _said(labels, source)
    masks, left_out, heard, seen = masks_by_key(folder / MASKS, source.problems), 0, set[str](), dict[str, Path]()
    for file in list_pictures(folder):
        name = file.relative_to(folder)
        if name.parts[0] == MASKS or file.stem.endswith(".annotated"):
            continue
        evidence_id, _, view = file.stem.partition(".")  # an id has no dot
        if (other := seen.setdefault(file.stem, file)) != file:
            source.problems.append(f"{file} is the same evidence as {other}; remove one")
            continue
        label, cls = _in_folder(name, file, source) if said is None else _in_table(said, evidence_id, view)
        heard |= {evidence_id, f"{evidence_id}.{view}"}
        if label is None:
            left_out += 1
            continue
        facts = _facts(file, parts.get(evidence_id), source)
        source.found.append(_part(file, label, cls, masks.get(file.stem), facts))
    if said is not None:
        lost = [key for key in said if f"{key[0]}.{key[1]}".rstrip(".") not in heard]
        source.problems += [f"{labels}: evidence {'.'.join(key).rstrip('.')} has no picture here" for key in lost]
    if left_out:
        source.notes.append(
            f"{left_out} pictures were sorted by nobody, and are left out; give --labels, or move them into OK/ and "
            "DEFECT/"
        )
    return source


def _part(file: Path, label: Label, cls: str, mask: Path | None, facts: dict[str, str]) -> Found:
    # All views of a part are one group, and go by its name.
    evidence_id, at_us = file.stem.partition(".")[0], facts.get("t_trigger_utc_us", "")
    time_s = int(at_us) / 1e6 if at_us.isdigit() else None
    return Found(
        str(file), file, label, evidence_id, evidence_id, mask, cls=cls, time_s=time_s, facts=tuple(facts.items())
    )


def _parts(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in files_below(folder) if path.suffix == ".json"}


def _said(table: Path, source: Source) -> dict[tuple[str, str], tuple[Label, str]]:
    """Return label and class by evidence id and view; the view is empty where the row speaks of all."""
    if not {"evidence_id", "label"} <= set(columns_of(table)):
        raise UsageError(f"{table} must have the columns evidence_id and label")
    said: dict[tuple[str, str], tuple[Label, str]] = {}
    for number, row in rows_of(table):
        where, key = f"{table}, line {number}", (row["evidence_id"], row.get("view", ""))
        if not row["label"]:
            continue  # not sorted yet
        if row["label"] not in LABELS:
            source.problems.append(f"{where}: label must be OK or DEFECT, but is {row['label']!r}")
            continue
        label: Label = "OK" if row["label"] == "OK" else "DEFECT"
        if said.setdefault(key, (label, row.get("cls", "")))[0] != label:
            source.problems.append(f"{where}: {row['evidence_id']} is OK in one line and DEFECT in another; keep one")
    return said


def _in_table(said: dict[tuple[str, str], tuple[Label, str]], evidence_id: str, view: str) -> tuple[Label | None, str]:
    return said.get((evidence_id, view)) or said.get((evidence_id, "")) or (None, "")


def _in_folder(name: Path, file: Path, source: Source) -> tuple[Label | None, str]:
    inside = [label for label in LABELS if label in name.parts[:-1]]
    if len(inside) > 1:
        source.problems.append(f"{file} lies in a folder OK and in a folder DEFECT; move it")
    return (inside[0], "") if inside else (None, "")


def _facts(file: Path, part: Path | None, source: Source) -> dict[str, str]:
    """Return the plain keys of the verdict."""
    if part is None:
        return {}  # the JSON stayed on the line: only what asks for a key of it misses it
    try:
        body = json.loads(part.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        source.problems.append(f"{part}, of {file.name}, is not the JSON of a verdict ({error}); copy it again")
        return {}
    if not isinstance(body, dict):
        source.problems.append(f"{part}, of {file.name}, is not the JSON of a verdict; copy it again")
        return {}
    return {key: str(value) for key, value in body.items() if isinstance(value, str | int | float)}
