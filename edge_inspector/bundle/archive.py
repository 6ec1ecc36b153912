"""Reading the files of a bundle that comes as one .zip, without unpacking it anywhere. Knows no JSON."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn, Self

from edge_inspector.bundle.folder import NEXT, compare_listing, open_plain
from edge_inspector.bundle.manifest import MANIFEST_FILE, MAX_BUNDLE_BYTES, MAX_FILES, PART, FileEntry
from edge_inspector.core.errors import BundleError

_MAX_ENTRIES = 2 * MAX_FILES
"""Files, the manifest, and the folders they lie in."""
_MAX_DIRECTORY_BYTES = 1 << 20
"""The table of contents at a zip's end: 200 bytes an entry at most, and it is read whole."""
_END = b"PK\x05\x06"
_END_BYTES = 22
_END64 = b"PK\x06\x07"
_END64_BYTES = 20
_MAX_COMMENT = 1 << 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    struct.error,
)
"""What zipfile raises on damage: it has no error of its own for all of it."""


class ZipFiles:
    """The files of a bundle in one .zip, at its top or in one folder there. A context manager.

    Args:
        path: The .zip; may itself be a link.

    Raises:
        BundleError: Not a readable zip, or one with links, encryption, doubled names, or paths that lead out of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with contextlib.ExitStack() as closing:
            self._file = closing.enter_context(open_plain(path))
            try:
                _check_size(path, self._file)
                self._zip = zipfile.ZipFile(self._file)
                self._entries = self._listed(self._zip.infolist())
            except _BROKEN as error:
                self._broken(path, error)
            self._top = self._find_top()
            closing.pop_all()  # open from here on, until the block of `with` ends

    def __enter__(self) -> Self:
        """Nothing to do: the constructor has opened it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def place(self, path: str) -> str:
        """Return how messages call a file of the bundle."""
        return f"{self._path}/{self._top}{path}"

    def read(self, path: str, limit: int) -> bytes:
        """Return at most `limit` + 1 bytes of a file: no more of it is ever unpacked.

        Raises:
            BundleError: No such file, or its packed bytes are damaged.
        """
        entry = self._entries.get(self._top + path)
        if entry is None:
            raise BundleError(f"{self.place(path)}: is not in the zip; {NEXT}")
        # What the zip itself says of the size stops a file that would unpack to gigabytes before it begins to.
        if entry.file_size > limit:
            raise BundleError(f"{self.place(path)}: has {entry.file_size} bytes, at most {limit} are expected; {NEXT}")
        try:
            with self._zip.open(entry) as file:
                return file.read(limit + 1)
        except _BROKEN as error:
            self._broken(self.place(path), error)

    def holds(self, path: str) -> bool:
        """Return whether there is a file of that name."""
        return self._top + path in self._entries

    def check_listing(self, files: Mapping[str, FileEntry]) -> None:
        """Raise BundleError unless here are exactly the manifest's files: none missing, none added."""
        outside = [name for name in self._entries if not name.startswith(self._top)]
        if outside:
            raise BundleError(f"{self._path}: holds {outside[0]!a} beside the folder of the bundle; {_AGAIN}")
        compare_listing(str(self._path), {name.removeprefix(self._top) for name in self._entries}, files)

    def _listed(self, found: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        seen: set[str] = set()
        for entry in found:
            name = entry.filename
            self._check_entry(entry)
            if name in seen:
                raise BundleError(f"{self._path}: holds {name!a} twice; {_AGAIN}")
            seen.add(name)
            if not _is_folder(entry):
                entries[name] = entry
        return entries

    def _check_entry(self, entry: zipfile.ZipInfo) -> None:
        name, mode = entry.filename, entry.external_attr >> 16
        kinds = (0, stat.S_IFDIR if _is_folder(entry) else stat.S_IFREG)
        # zipfile cuts a name at a NUL; the name as it was written must be the one that is used.
        if entry.orig_filename != name or not re.fullmatch(rf"{PART}(?:/{PART}){{0,4}}/?", name):
            raise BundleError(f"{self._path}: holds {name[:100]!a}, which is no path inside a bundle; {_AGAIN}")
        if stat.S_IFMT(mode) not in kinds:
            raise BundleError(f"{self._path}: {name} is a link or device, a bundle holds only plain files; {_AGAIN}")
        if entry.flag_bits & 0x2041:  # encrypted, strongly encrypted, names hidden
            raise BundleError(f"{self._path}: {name} is encrypted; pack the bundle without a password")
        if entry.compress_type not in _METHODS:
            raise BundleError(
                f"{self._path}: {name} is packed by method {entry.compress_type}, which is not read here; "
                "pack the bundle with zip's usual method (deflate) or with none"
            )

    def _find_top(self) -> str:
        """Return the folder inside the zip that holds the bundle, with its `/`; empty when that is the top."""
        tops = [name.removesuffix(MANIFEST_FILE) for name in self._entries if name.rpartition("/")[2] == MANIFEST_FILE]
        tops = [top for top in tops if top.count("/") < 2]
        if len(tops) != 1:
            what = f"holds {len(tops)} bundles, one is wanted" if tops else f"holds no {MANIFEST_FILE} at its top"
            raise BundleError(f"{self._path}: {what}; {_AGAIN}")
        return tops[0]

    def _broken(self, place: object, error: Exception) -> NoReturn:
        raise BundleError(f"{place}: is damaged, or no .zip; {NEXT}") from error


_AGAIN = "pack the bundle's folder again, by itself (`python -m zipfile -c NAME.zip NAME`)"


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith("/")  # zipfile's own is_dir() fails on an empty name


def _check_size(path: Path, file: BinaryIO) -> None:
    """Raise BundleError for what would take long to read: a table of contents with millions of entries."""
    size = os.fstat(file.fileno()).st_size
    if size > MAX_BUNDLE_BYTES + (16 << 20):  # a megabyte for names, the rest for what deflate cannot pack
        raise BundleError(f"{path}: has {size} bytes, a bundle at most {MAX_BUNDLE_BYTES}; is it another file?")
    file.seek(max(0, size - _END_BYTES - _MAX_COMMENT - _END64_BYTES))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise BundleError(f"{path}: is neither the folder of a model bundle nor a .zip of one; {NEXT}")
    n_entries, n_bytes = struct.unpack_from("<HI", tail, at + 10)
    if n_entries > _MAX_ENTRIES or n_bytes > _MAX_DIRECTORY_BYTES:
        raise BundleError(f"{path}: lists {n_entries} files, a bundle has at most {MAX_FILES}; is it another file?")
    if tail[max(0, at - _END64_BYTES) :].startswith(
        _END64
    ):  # it would overrule the numbers just looked at; it is for 65,536 files or 4 GB
        raise BundleError(f"{path}: is a zip for huge files (ZIP64); {_AGAIN}")
