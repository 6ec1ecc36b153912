"""The dataset folder: `index.csv` names the pictures, `dataset.json` says how they become tiles.

Columns of index.csv: file, mask, label, group, split, cls. Paths are relative to it. Pictures may lie elsewhere.
An empty mask means that none was drawn; an index without the column `label` has only pictures with a mask, and those
with a masked pixel are DEFECT.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from edge_inspector.core.errors import UsageError
from export.data.picture import Label, Picture, Split
from export.data.table import lines_of
from export.whole_file import put_whole

INDEX_FILE = "index.csv"
DATASET_FILE = "dataset.json"
HASHES_FILE = "hashes.json"
"""sha256 of each picture and mask when the dataset was made: names what changed since. Older datasets have none."""
COLUMNS = ("file", "mask", "label", "group", "split", "cls")
CELL_PX = 32
"""Side of a cell of the heat map: every network here halves a tile five times."""
TILE_SIZES_PX = range(64, 1024 + 1, CELL_PX)
"""From two cells a side to what a camera line holds."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How pictures become tiles; the same for every step."""

    mode: Literal["grid", "whole"] = "grid"
    """`grid`: the line's own tiles. `whole`: the picture, resized to one tile; such a model cannot be bundled, since
    the line does not resize."""
    defect_from_px: int = 100
    """Mask pixels from which a tile is DEFECT; 0 is OK; what lies between is left out as nobody's truth."""
    part: Literal["picture", "row"] = "picture"
    """What counts as one part in numbers per part: the whole picture, or each row of its tiles (a strip of web)."""
    defect_share: float = 0.5
    """A DEFECT tile must hold this share of what the tile that shows a defect best holds of it; 0: any bit will do."""
    tile_px: int = 256
    """Side of a tile. The bundle tells the line."""

    def __post_init__(self) -> None:
        """Refuse tiles that the networks do not divide into whole cells.

        Raises:
            ValueError: It is none of `TILE_SIZES_PX`.
        """
        if not isinstance(self.tile_px, int) or self.tile_px not in TILE_SIZES_PX:
            raise ValueError(f"tile_px is {self.tile_px!r}, not a multiple of 32 from 64 to 1024")

    @property
    def tile_hw(self) -> tuple[int, int]:
        """Height and width of a tile."""
        return self.tile_px, self.tile_px


def read_index(folder: Path) -> list[Picture]:
    """Return the pictures of a dataset folder, in the order of the index.

    Raises:
        UsageError: No index.csv, a missing column, a value that is not allowed, a picture that is not there, or a group
            in two splits: numbers from such a split are worthless.
    """
    index = folder / INDEX_FILE
    if not index.is_file():
        raise UsageError(f"{index} does not exist; make the dataset first: python -m export dataset --help")
    _, header = next(lines := lines_of(index), (1, list[str]()))
    rows = [(n, dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))) for n, cells in lines]
    if not rows or (missing := {"file", "group"} - set(header)):
        raise UsageError(f"{index} has no pictures or lacks the columns {sorted(missing) if rows else ''}")
    pictures = [_picture(index, number, row) for number, row in rows]
    splits: dict[str, set[str]] = {}
    for picture in pictures:
        splits.setdefault(picture.group, set()).add(picture.split)
    if torn := sorted(group for group, names in splits.items() if len(names) > 1):
        raise UsageError(f"{len(torn)} groups stand in two splits, first {torn[0]}; give each group one split")
    return pictures


def write_index(
    folder: Path, pictures: Sequence[Picture], cutting: Cutting, facts: Mapping[str, object] | None = None
) -> None:
    """Write index.csv and dataset.json, each whole or not there; paths are made relative to the folder.

    Args:
        folder: Of the dataset; made if it is not there.
        pictures: Their order is that of the index.
        cutting: How they become tiles.
        facts: What else dataset.json says, for people: source, options, counts, hash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{INDEX_FILE}.tmp"
    with draft.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        for p in pictures:
            mask = "" if p.mask is None else _relative(p.mask, folder)
            writer.writerow([_relative(p.file, folder), mask, p.label, p.group, p.split, p.cls])
    draft.replace(folder / INDEX_FILE)
    text = json.dumps({"version": 1, "cutting": asdict(cutting), **(facts or {})}, indent=1)
    draft = folder / f"{DATASET_FILE}.tmp"
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(folder / DATASET_FILE)


def read_cutting(folder: Path) -> Cutting:
    """Return how a dataset's pictures are cut; a folder without dataset.json is cut as `Cutting()` says.

    Raises:
        UsageError: dataset.json is not what `write_index` writes.
    """
    file = folder / DATASET_FILE
    if not file.exists():
        return Cutting()
    try:
        # Datasets that were made before there was such a share know none.
        return Cutting(**{"defect_share": 0.0, **json.loads(file.read_text(encoding="utf-8"))["cutting"]})
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{file} is not a dataset's description ({error}); make the dataset again") from error


def data_sha256(pictures: Sequence[Picture]) -> str:
    """Return one hash over labels, groups, pictures and masks, in the order of their names: same hash, same data."""
    whole = hashlib.sha256()
    for picture in sorted(pictures, key=lambda p: (p.name, p.file.name)):
        whole.update(json.dumps([picture.name, picture.label, picture.group, picture.split]).encode())
        for path in filter(None, (picture.file, picture.mask)):
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def write_hashes(folder: Path, pictures: Sequence[Picture]) -> None:
    """Write the hash of each file that the index names; pictures as `read_index` returned them."""
    text = json.dumps({_relative(path, folder): _sha256(path) for path in _files_of(pictures)}, indent=0)
    put_whole(folder / HASHES_FILE, text.encode())


def changed_files(folder: Path, pictures: Sequence[Picture]) -> list[str]:
    """Return the files that differ from when the dataset was made, with (new) or (gone) where they do by being there.

    Empty too where nobody wrote the hashes down.
    """
    try:
        known = dict(json.loads((folder / HASHES_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return []
    now = {_relative(path, folder): path for path in _files_of(pictures)}
    changed = [name for name, path in now.items() if name in known and known[name] != _sha256(path)]
    new, gone = (f"{name} (new)" for name in now if name not in known), (f"{n} (gone)" for n in known if n not in now)
    return [*changed, *new, *gone]


def _files_of(pictures: Sequence[Picture]) -> list[Path]:
    return [path for picture in pictures for path in (picture.file, picture.mask) if path is not None]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _picture(index: Path, number: int, row: dict[str, str]) -> Picture:
    where, folder = f"{index}, line {number}", index.parent
    mask = folder / row["mask"] if row.get("mask") else None
    for path in filter(None, (folder / row["file"], mask)):
        if not _is_file(path):
            raise UsageError(f"{where}: {path} does not exist; copy the data again")
    label = _label(where, row, mask is not None)
    split: Split = "test" if row.get("split", "train") in ("test", "val") else "train"
    return Picture(folder / row["file"], mask, label, row["group"], split, row.get("cls", ""), row["file"])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have that name
        return False


def _label(where: str, row: dict[str, str], has_mask: bool) -> Label:
    said = row.get("label", "")
    if said in ("OK", "DEFECT"):
        return "OK" if said == "OK" else "DEFECT"
    if said == "" and has_mask:
        return "DEFECT"  # the tiles' truth comes from the mask alone
    raise UsageError(f"{where}: label must be OK or DEFECT, but is {said!r}")


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
