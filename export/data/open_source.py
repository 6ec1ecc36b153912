"""What a person gave as SOURCE, if he did not say."""

from __future__ import annotations

import re
from pathlib import Path

from edge_inspector.core.errors import UsageError
from export.data.found import Source
from export.data.from_csv import from_csv
from export.data.from_evidence import from_evidence
from export.data.from_folders import LABELS, from_folders
from export.data.from_severstal import from_severstal, is_severstal
from export.data.index import INDEX_FILE

TABLE = "train.csv"


def open_source(source: Path, kind: str | None, labels: Path | None, pictures: Path | None) -> Source:
    """Return the pictures of a source.

    Args:
        source: A folder or a CSV.
        kind: folders, csv, severstal, evidence; None: find out.
        labels: For evidence: who is what.
        pictures: For Severstal: folder of the strips.

    Raises:
        UsageError: It is none of them, or an option belongs to another.
    """
    kind = kind or ("evidence" if labels else _kind_of(source))
    if labels and kind != "evidence":
        raise UsageError(f"--labels belongs to evidence, but {source} is to be read as {kind}; leave it out")
    if pictures and kind != "severstal":
        raise UsageError(f"--pictures belongs to Severstal's form, but {source} is to be read as {kind}; leave it out")
    if kind == "csv":
        return from_csv(source / INDEX_FILE if source.is_dir() else source)
    if kind == "severstal":
        return from_severstal(source / TABLE if source.is_dir() else source, pictures)
    if not source.is_dir():
        raise UsageError(f"{source} is a file; {kind} are read from a folder")
    return from_folders(source) if kind == "folders" else from_evidence(source, labels)


def _kind_of(source: Path) -> str:
    if source.is_file():
        return "severstal" if is_severstal(source) else "csv"
    if (source / INDEX_FILE).is_file():
        return "csv"  # says more than folders do
    if is_severstal(source / TABLE):
        return "severstal"
    sorted_into = [source / label for label in LABELS if (source / label).is_dir()]
    if any(re.fullmatch(r"\d{8}", path.name) and path.is_dir() for path in source.iterdir()):
        return "evidence"
    if any(next(folder.rglob(pattern), None) for folder in sorted_into for pattern in ("*.json", "*.annotated.jpg")):
        return "evidence"
    if sorted_into:
        return "folders"
    raise UsageError(
        f"{source} holds neither index.csv, nor Severstal's train.csv, nor folders OK and DEFECT, nor evidence; "
        "see python -m export dataset --help"
    )
