"""A bundle as one .zip for a USB stick: the same bytes for the same bundle, and read back as the line would."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.manifest import Manifest
from edge_inspector.bundle.signature import ANYONE
from export.whole_file import write_whole

_DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can hold: the true ones stand in the manifest."""


@contextmanager
def packed(folder: Path, file: Path, top: str, precisions: Iterable[str]) -> Iterator[None]:
    """Write a bundle's folder as one .zip, and read it; it stays if that and the block end well.

    Args:
        folder: Of a bundle that was read already.
        file: Replaced when it is there; when the disk refuses, it stays as it was.
        top: Folder inside the zip that all files lie in.
        precisions: To be read.

    Raises:
        UsageError: The disk refuses.
        BundleError: The line would not take the zip.
    """
    write_whole(file, _zip_of(folder, top))
    with ExitStack() as undo:
        undo.callback(file.unlink, missing_ok=True)
        for precision in precisions:
            load_bundle(file, precision, trust=ANYONE)
        yield
        undo.pop_all()


def top_of(manifest: Manifest) -> str:
    """Return the label of a bundle in the letters that a name inside a bundle may have, which know no @ and no +."""
    return f"{manifest.name}-{manifest.version}".replace("+", "_")


def _zip_of(folder: Path, top: str) -> bytes:
    """Return the zip. Not compressed: weights hardly shrink, and the bytes would hang on the version of zlib."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{top}/{path.relative_to(folder).as_posix()}", _DATE)
            entry.create_system = 3  # Unix, whatever this computer is: it is written into the file
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, path.read_bytes())
    return out.getvalue()
