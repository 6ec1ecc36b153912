"""TensorRT's compiled engines on the disk: found again when everything fits, made anew when anything does not.

A folder for each engine, and in it `key.json`: what the engine was made for, in clear, and the hashes of its files.
That guards against mix-ups, kills and broken disks. It is no signature: who may write there may run code as the line.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Any

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EngineError
from edge_inspector.core.logs import get_log
from edge_inspector.infer.engine_key import EngineKey
from edge_inspector.infer.runtime import Build, TellBuild

log = get_log(__name__)

KEY_FILE = "key.json"
KEPT_ENGINES = 16
"""Folders that are kept, the last used ones: a line has up to eight cameras, and each may go back to a former model."""
LEAST_FREE_BYTES = 512 << 20
"""Below it none is built: engines take 10 to 200 MB, and TensorRT does not say when it could not write one whole."""
_ENGINES = ("*.engine", "*.profile")
"""What is loaded at the next start. Timing files only serve the next build, and may change at any time."""
_Files = dict[str, dict[str, Any]]


class EngineFolder:
    """The folder of one engine. `open` before the session is made, `seal` when it has run, `settle` as often as asked.

    Args:
        root: Folder of all engines.
        key: What the engine must have been made for.
        what: Which model, for people.
        tell: Called before a build and after it.
    """

    def __init__(self, root: Path, key: EngineKey, what: str, tell: TellBuild = lambda _: None) -> None:
        self.path = root / key.folder_name
        """Where TensorRT reads and writes."""
        self._root, self._key, self._what, self._tell = root, key, what, tell
        self._build: Build | None = None
        self._began_ns = 0
        self._sealed: dict[str, tuple[int, int]] | None = None
        self._unlock: weakref.finalize[..., EngineFolder] | None = None

    @property
    def is_building(self) -> bool:
        """Whether the session will build an engine, since none fits."""
        return self._build is not None

    def open(self) -> None:
        """Take the folder; empty it unless all that it holds fits.

        Raises:
            EngineError: It cannot be written, there is no room, or another process builds there now.
        """
        with self._written():
            self._root.mkdir(parents=True, exist_ok=True)
            self._lock()
            former = _read_key(self.path)
            why = self._misfit(former)
            if why is None:
                os.utime(self.path / KEY_FILE)
                return
            took_s = former.get("took_s")
            self._empty(why, former.get("former_s") if took_s is None else took_s)

    def distrust(self, why: str) -> None:
        """Empty the folder of an engine that fits and yet cannot be loaded; raises EngineError as `open`."""
        with self._written():
            self._empty(why, _read_key(self.path).get("took_s"))

    def seal(self) -> None:
        """Take in that the session has run: what was built is recorded, and nothing more may be.

        Raises:
            EngineError: TensorRT left no engine, or it cannot be recorded.
        """
        files = list(_engine_files(self.path))
        if not any(file.suffix == ".engine" for file in files):
            raise EngineError(f"TensorRT left no engine in {self.path}; check that the disk has room, and its log")
        if self._build is not None:
            took_s = round((monotonic_ns() - self._began_ns) / 1e9, 1)
            with self._written():
                self._record(took_s=took_s, files={file.name: _described(file) for file in files})
                _remove_oldest(self._root, self.path)
            log.info("engine_built", model=self._what, seconds=took_s, folder=str(self.path))
            self._tell(Build(self._what, self._build.why, self._build.former_s, took_s))
            self._build = None
        self._sealed = _marks(self.path)
        if self._unlock is not None:
            self._unlock()

    def settle(self) -> None:
        """Check that no engine was built or changed since; raises EngineError."""
        if self._sealed is not None and (now := _marks(self.path)) != self._sealed:
            changed = sorted(
                name for name in now.keys() | self._sealed.keys() if now.get(name) != self._sealed.get(name)
            )
            raise EngineError(
                f"an engine was built or changed after the model was loaded ({', '.join(changed)} in {self.path}): "
                "that may happen in mid-run too, and takes minutes. Let nobody else write there; if nobody does, the "
                "graph has shapes that the engine was not made for: export the bundle again"
            )

    def _misfit(self, former: dict[str, Any]) -> str | None:
        """Return why what lies there must not be used; None when all fits."""
        if self.path.is_symlink():
            return "it is a link"
        if not self.path.exists():
            return "there is none yet"
        difference = "its key cannot be read" if not former else self._key.difference(former.get("key"))
        if difference is not None:
            return difference
        if not former.get("files"):
            return "its build did not come to an end"
        found = {file.name: _described(file) for file in _engine_files(self.path)}
        recorded: _Files = former["files"]
        for name in sorted(found.keys() | recorded.keys()):
            if found.get(name) != recorded.get(name):
                how = "is missing" if name not in found else "is new" if name not in recorded else "was changed"
                return f"its file {name} {how}"
        return None

    def _empty(self, why: str, former_s: float | None) -> None:
        log.warning("engine_is_built", model=self._what, why=why, former_s=former_s)
        if self.path.is_symlink() or self.path.is_file():
            self.path.unlink()
        elif self.path.exists():
            shutil.rmtree(self.path)
        free = shutil.disk_usage(self._root).free
        if free < LEAST_FREE_BYTES:
            raise EngineError(
                f"{self._root} has {free >> 20} MB left, and a compiled engine needs up to {LEAST_FREE_BYTES >> 20}: "
                "make room on that disk, or move state_dir"
            )
        self.path.mkdir(mode=0o750)
        self._build = Build(self._what, why, former_s)
        self._began_ns = monotonic_ns()
        self._record(took_s=None, files={})
        self._tell(self._build)

    def _record(self, took_s: float | None, files: _Files) -> None:
        assert self._build is not None
        body = {"key": self._key.stored(), "former_s": self._build.former_s, "took_s": took_s, "files": files}
        new = self.path / f"{KEY_FILE}.new"
        with new.open("w") as file:
            json.dump(body, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / KEY_FILE)

    def _lock(self) -> None:
        handle = os.open(self._root / f"{self.path.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise EngineError(
                f"another process builds the engine of {self._what} in {self.path} now; wait until it has ended"
            ) from error
        self._unlock = weakref.finalize(self, os.close, handle)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EngineError(
                f"the folder of compiled engines {self._root} cannot be used ({error.strerror or error}): without it "
                "each start would compile for minutes. Let the line's user write there, make room, or move state_dir"
            ) from error


def _read_key(folder: Path) -> dict[str, Any]:
    """Return key.json; empty when it is not there or is no JSON object of the right shape."""
    try:
        body = json.loads((folder / KEY_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    if not isinstance(body, dict) or not isinstance(body.get("files"), dict):
        return {}
    for name in ("took_s", "former_s"):
        if not isinstance(body.get(name), (int, float, type(None))):
            return {}
    return body


def _engine_files(folder: Path) -> Iterator[Path]:
    for pattern in _ENGINES:
        yield from folder.glob(pattern)


def _described(file: Path) -> dict[str, Any]:
    if file.is_symlink() or not file.is_file():
        return {"sha256": None, "size": None}
    with file.open("rb") as opened:
        return {"sha256": file_digest(opened, "sha256").hexdigest(), "size": os.fstat(opened.fileno()).st_size}


def _marks(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each engine: enough to see that TensorRT wrote one, cheap enough to ask often."""
    found = {}
    for file in _engine_files(folder):
        status = file.stat()
        found[file.name] = (status.st_size, status.st_mtime_ns)
    return found


def _remove_oldest(root: Path, used: Path) -> None:
    """Keep the last used folders; one that another process has just taken away is no error."""
    folders = sorted((_used_ns(folder), folder) for folder in root.iterdir() if folder.is_dir() and folder != used)
    for _, folder in folders[: max(0, len(folders) - KEPT_ENGINES + 1)]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)


def _used_ns(folder: Path) -> int:
    try:
        return (folder / KEY_FILE).stat().st_mtime_ns
    except OSError:
        return 0
