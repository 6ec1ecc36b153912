"""A bundle as one .zip for a USB stick: the same bytes for the same bundle."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

from export.whole_file import write_whole

_DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can hold: the true ones stand in the manifest."""


def pack(folder: Path, file: Path) -> None:
    """Write a bundle's folder as one .zip, whole or not at all.

    Not compressed: weights hardly shrink, and the bytes would hang on the version of zlib.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", _DATE)
            entry.create_system = 3  # Unix, whatever this computer is: it is written into the file
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            packed.writestr(entry, path.read_bytes())
    write_whole(file, out.getvalue())
