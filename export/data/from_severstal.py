"""Severstal's own form: train.csv with run lengths, in both of its conventions, and a folder of strips.

`ImageId,ClassId,EncodedPixels` has one row for each class that a picture shows; a picture without a row is sound.
`ImageId_ClassId,EncodedPixels` has four rows for each picture, `name.jpg_1` to `name.jpg_4`, empty where it is sound.
"""

from __future__ import annotations

from pathlib import Path

from edge_inspector.core.errors import UsageError
from export.data.found import Found, Runs, Source, list_pictures
from export.data.table import columns_of, rows_of

NEW, OLD = {"ImageId", "ClassId", "EncodedPixels"}, {"ImageId_ClassId", "EncodedPixels"}


def is_severstal(file: Path) -> bool:
    """Return whether a CSV has Severstal's columns."""
    return any(columns <= set(columns_of(file)) for columns in (NEW, OLD))


def from_severstal(table: Path, pictures: Path | None) -> Source:
    """Return all pictures of the folder, sound ones too.

    Args:
        table: train.csv.
        pictures: Folder of the strips; None: train_images beside the table, or the table's own folder.

    Raises:
        UsageError: Other columns, or no pictures.
    """
    if not is_severstal(table):
        raise UsageError(f"{table} has not Severstal's columns; they are ImageId,ClassId,EncodedPixels")
    beside = table.parent / "train_images"
    folder = pictures or (beside if beside.is_dir() else table.parent)
    source, files, stems = Source("severstal"), dict[str, Path](), dict[str, Path]()
    for path in list_pictures(folder):
        files[path.name] = path
        if (other := stems.setdefault(path.stem, path)) != path:
            source.problems.append(f"{path} has the name of {other}, and the table goes by name; rename one")
    if not files:
        raise UsageError(f"{folder} holds no pictures; give the folder of the strips with --pictures")
    marked = _rows(table, files, source)
    for name, path in sorted(files.items()):
        classes = marked.get(name, {})
        # The line of the first run is where to look; a sound picture has none.
        where = f"{path} ({next(iter(classes.values())).where})" if classes else str(path)
        source.found.append(
            Found(
                where,
                path,
                "DEFECT" if classes else "OK",
                key=Path(name).stem,
                runs=tuple(classes[cls] for cls in sorted(classes)),
                cls="+".join(sorted(classes)),
            )
        )
    return source


def _rows(table: Path, files: dict[str, Path], source: Source) -> dict[str, dict[str, Runs]]:
    """Return the runs of each picture by class."""
    marked: dict[str, dict[str, Runs]] = {}
    seen: dict[tuple[str, str], int] = {}
    for number, row in rows_of(table):
        where = f"{table}, line {number}"
        name, cls = row.get("ImageId", ""), row.get("ClassId", "")
        if "ImageId_ClassId" in row:
            name, _, cls = row["ImageId_ClassId"].rpartition("_")
        if not name or not cls.isdigit() or int(cls) < 1:
            source.problems.append(
                f"{where}: picture {name!r} and class {cls!r}: a name and a number from 1 are needed"
            )
        elif name not in files:
            source.problems.append(f"{where}: there is no picture {name}; copy it, or remove the line")
        elif (before := seen.setdefault((name, cls), number)) != number:
            source.problems.append(f"{where}: class {cls} of {name} stands in line {before} already; join the two")
        elif row["EncodedPixels"]:
            marked.setdefault(name, {})[cls] = Runs(where, row["EncodedPixels"])
    return marked
