"""Folders `OK/` and `DEFECT/`, with masks of the same name in `masks/`."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.core.errors import UsageError
from export.data.found import Found, Source, list_pictures, masks_by_key, note_others
from export.data.picture import Label

LABELS: tuple[Label, ...] = ("OK", "DEFECT")


def from_folders(folder: Path) -> Source:
    """Return the pictures of OK/ and DEFECT/; a sub-folder of them is the group, if no rule says otherwise.

    Raises:
        UsageError: Neither folder is there.
    """
    if not any((folder / label).is_dir() for label in LABELS):
        raise UsageError(f"{folder} has no folders OK and DEFECT; sort the pictures into them, or name an index in CSV")
    source, used = Source("folders"), dict[str, Path]()
    masks = masks_by_key(folder / "masks", source.problems)
    note_others([part for name in (*LABELS, "masks") if (part := folder / name).is_dir()], source.notes)
    seen: dict[str, Path] = {}
    for label in LABELS:
        for file in list_pictures(folder / label) if (folder / label).is_dir() else []:
            key = file.relative_to(folder / label).with_suffix("").as_posix()
            if key in seen:
                source.problems.append(
                    f"{file}: {seen[key]} has the same name, and masks and groups go by name; rename one"
                )
            seen[key] = file
            mask = masks.get(key) or masks.get(file.stem)
            if mask is not None and (other := used.setdefault(mask.as_posix(), file)) != file:
                source.problems.append(f"{mask} would be the mask of both {other} and {file}; rename one")
            source.found.append(Found(str(file), file, label, key=key, mask=mask))
    lost = [path for path in masks.values() if path.as_posix() not in used]
    source.problems += [f"{path} is the mask of no picture; give it the picture's name, or remove it" for path in lost]
    return source
