"""A folder of bundles, each in a folder `name@version`: what was imported, whole and proven, and the last of it.

Other folders in it, such as the shipped demonstration, are neither listed nor removed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.bundle.document import MAX_DOCUMENT_BYTES
from edge_inspector.bundle.folder import check_content, read_plain
from edge_inspector.bundle.load import Files, load_bundle, open_files, read_manifest
from edge_inspector.bundle.manifest import MANIFEST_FILE, Manifest
from edge_inspector.bundle.seal import check_seal
from edge_inspector.bundle.signature import MAX_SIGNATURE_BYTES, SIGNATURE_FILE, Trust
from edge_inspector.core.errors import BundleError

KEPT = 5
"""Bundles of one name: this one, the one before, and some to look back at."""

_ENTRY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}@[0-9A-Za-z][0-9A-Za-z.+_-]{0,31}")
_DRAFT = ".import-"


@dataclass(frozen=True, slots=True)
class Entry:
    """One bundle of a store."""

    path: Path
    imported_ns: int
    """When it came, UTC in ns since 1970: the time of its folder."""

    @property
    def label(self) -> str:
        """name@version."""
        return self.path.name

    @property
    def name(self) -> str:
        """Without the version."""
        return self.label.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an import."""

    path: Path
    """The bundle in the store."""
    is_new: bool
    """False when the very same bundle was there."""
    removed: tuple[str, ...]
    """Labels of the bundles that made room."""
    mended: str = ""
    """What was wrong with the copy that was there and that this one replaced; empty when there was none."""


def entries(store: Path) -> list[Entry]:
    """Return the bundles of a store, the newest first; none when it is not there.

    Raises:
        BundleError: It cannot be read.
    """
    try:
        found = [Entry(path, path.stat().st_mtime_ns) for path in store.iterdir() if _is_entry(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BundleError(f"{store}: cannot be read ({error.strerror}); name the folder of the store") from error
    return sorted(found, key=lambda entry: (-entry.imported_ns, entry.label))


def import_bundle(
    source: Path, store: Path, trust: Trust, prove: Callable[[Path], object], kept: frozenset[Path] = frozenset()
) -> Imported:
    """Copy a bundle into a store: whole, proven and on the disk, or not at all.

    The copy is made of the bytes that were compared with the manifest, and it is the copy that is proven. One that is
    there already is read again, and replaced when it is damaged. At most
    KEPT bundles of its name stay, and besides them those that run (`hold`), that a link in the store leads to, or that
    are in `kept`.

    Args:
        source: Folder or .zip.
        store: Made when it is not there.
        trust: Whose bundles are taken.
        prove: Called with the copy before it gets its name; raises when it does not prove itself.
        kept: Bundles that configurations name.

    Raises:
        BundleError: The bundle is not right, another one of that name and version is there, a line runs with a damaged
            copy of it, or the disk refuses.
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        with _locked(store), open_files(source) as files:
            manifest, _ = read_manifest(source, files, trust)
            target, fault = store / manifest.label, ""
            if os.path.lexists(target):
                fault = _fault_of(target, source, files, trust)
                if not fault:
                    return Imported(target, is_new=False, removed=())
            _copy(files, manifest, store, target, prove)
            return Imported(target, is_new=True, removed=_make_room(store, target, kept), mended=fault)
    except OSError as error:
        raise BundleError(
            f"{store}: cannot take the bundle ({error.strerror}); free the disk or see to the folder, then import again"
        ) from error


def hold(bundle: Path) -> None:
    """Keep a bundle's folder from being removed by an import, until this process ends."""
    with suppress(OSError):  # a zip on a stick, a file system without locks: then only the configuration protects it
        fcntl.flock(os.open(bundle, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_held(bundle: Path) -> bool:
    """Return whether a running line holds a bundle."""
    fd = os.open(bundle, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _copy(files: Files, manifest: Manifest, store: Path, target: Path, prove: Callable[[Path], object]) -> None:
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=store))
    try:
        for name, entry in manifest.files.items():
            content = files.read(name, entry.size)
            check_content(files.place(name), content, entry)
            _write(draft / name, content)
        for name, limit in ((MANIFEST_FILE, MAX_DOCUMENT_BYTES), (SIGNATURE_FILE, MAX_SIGNATURE_BYTES)):
            if files.holds(name):
                _write(draft / name, files.read(name, limit))
        files.check_listing(manifest.files)
        prove(draft)
        for folder in (*(path for path in draft.rglob("*") if path.is_dir()), draft):
            folder.chmod(0o755)  # mkdtemp's is for its maker alone, but the line runs as a user of its own
            _sync(folder)
        _replace(target, draft)
        _sync(store)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(target: Path, draft: Path) -> None:
    """Give a copy its name; a faulty one that has it is moved aside first, and cleared away."""
    if not target.exists():
        draft.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=target.parent))
    try:
        target.rename(old / target.name)  # a rename replaces no folder that holds something
        draft.rename(target)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _fault_of(target: Path, source: Path, files: Files, trust: Trust) -> str:
    """Return what is wrong with the copy that is there; empty when it is the bundle and nothing is wrong.

    Raises:
        BundleError: It is another bundle; or something is wrong, and it may not be replaced.
    """
    fault = ""
    try:
        load_bundle(target, trust=trust)
    except BundleError as error:
        fault = str(error).partition("; ")[0]  # without its advice: to import again is what is being done
    # The manifest holds the hashes of all other files. One that is damaged itself does not say whose it was.
    manifest = _sealed_manifest(target)
    if manifest is not None and manifest != files.read(MANIFEST_FILE, MAX_DOCUMENT_BYTES):
        raise BundleError(
            f"{source}: {target} is another bundle of that name and version; export this one with a version of its own"
        )
    if fault and not _is_entry(target):
        raise BundleError(f"{fault}; {target} is no folder of this store: remove it, then import again")
    if fault and is_held(target):
        raise BundleError(f"{fault}, and a line runs with it; stop that line, import again, then start it")
    return fault


def _sealed_manifest(target: Path) -> bytes | None:
    """Return the bytes of a manifest.json that is as it was made; None for a damaged or missing one."""
    file = target / MANIFEST_FILE
    try:
        content = read_plain(file, MAX_DOCUMENT_BYTES)
        check_seal(str(file), content)
    except BundleError:
        return None
    return content


def _make_room(store: Path, newest: Path, kept: frozenset[Path]) -> tuple[str, ...]:
    name = newest.name.partition("@")[0]
    others = [entry for entry in entries(store) if entry.name == name and entry.path != newest]
    linked = {path.resolve() for path in store.iterdir() if path.is_symlink()} | {path.resolve() for path in kept}
    removed = []
    for entry in others[KEPT - 1 :]:
        if entry.path.resolve() not in linked and not is_held(entry.path):
            shutil.rmtree(entry.path)
            removed.append(entry.label)
    return tuple(removed)


def _is_entry(path: Path) -> bool:
    return _ENTRY.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    """Let one import at a time work here, and remove what a killed one left."""
    fd = os.open(store, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        for left in store.glob(f"{_DRAFT}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(fd)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
