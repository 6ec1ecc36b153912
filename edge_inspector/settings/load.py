"""A configuration file made into settings, or every mistake in it at once."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_inspector.core.errors import Mistake, SettingsError
from edge_inspector.settings.combine import find_clashes
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath, LineMap
from edge_inspector.settings.read import Document, read_document
from edge_inspector.settings.section import BASE_FOLDER
from edge_inspector.settings.shape import step
from edge_inspector.settings.words import Explainer, close_to

MAX_MISTAKES = 100
"""A configuration has some 60 keys. More mistakes than that come from another kind of file: a page is enough."""

_KINDS = ("genicam", "replay", "synthetic")
_FRAME = {"width": 64, "height": 64, "channels": 1}
_STAND_INS: dict[KeyPath, Any] = {
    ("line",): "line",
    ("camera",): {"kind": "synthetic", "frame": _FRAME},
    ("camera", "frame"): _FRAME,
    **{("camera", "frame", key): value for key, value in _FRAME.items()},
    ("camera", "cti"): "viky",
    ("camera", "folder"): ".",
    ("model",): {"bundle": "bundle"},
    ("model", "bundle"): "bundle",
    ("evidence", "folder"): "evidence",
    ("state_dir",): "state",
}
"""What takes the place of a required value that is wrong, so that the rest can be checked in the same run."""


def load_line(path: Path) -> LineSettings:
    """Return the settings of a configuration file; its paths are absolute.

    Raises:
        SettingsError: Anything is wrong with it; holds all mistakes, in the order of the lines.
    """
    return load_line_with_lines(path)[0]


def load_line_with_lines(path: Path) -> tuple[LineSettings, LineMap]:
    """Return the settings and the line of each key, for those who find mistakes later (see `against_bundle`).

    Raises:
        SettingsError: As `load_line`.
    """
    document = read_document(path)
    return check_document(document, path), document.lines


def check_document(document: Document, path: Path) -> LineSettings:
    """Return the settings of what was read of a file, or is to be written to it; raises SettingsError.

    Args:
        document: Its content.
        path: Of the file: relative paths count from its folder.
    """
    draft = _Draft(document, Path(os.path.abspath(path)).parent)
    settings = draft.settle()
    mistakes = [mistake for _, mistake in document.mistakes] + draft.mistakes
    if settings is not None:
        mistakes += [
            document.lines.mistake(clash.paths[0], clash.what)
            for clash in find_clashes(settings)
            if not any(_touch(path, replaced) for path in clash.paths for replaced in draft.replaced)
        ]
    if mistakes or settings is None:
        raise SettingsError(_at_most(sorted(mistakes, key=lambda mistake: mistake.line or 0)))
    return settings


def state_dir_of(path: Path) -> Path | None:
    """Return where the state of a line lies whose file is wrong elsewhere; None where it does not say."""
    try:
        data = read_document(path).data
    except SettingsError:
        return None
    found = data.get("state_dir") if isinstance(data, dict) else None
    return Path(os.path.abspath(Path(os.path.abspath(path)).parent / found)) if isinstance(found, str) else None


def _at_most(mistakes: list[Mistake]) -> list[Mistake]:
    if len(mistakes) <= MAX_MISTAKES:
        return mistakes
    more = f"{len(mistakes) - MAX_MISTAKES} more mistakes follow; is it a configuration of this program?"
    return [*mistakes[:MAX_MISTAKES], Mistake(mistakes[0].file, None, "", more)]


class _Draft:
    """Values on their way to settings: what is wrong is noted and replaced, until the rest is right."""

    def __init__(self, document: Document, base: Path) -> None:
        self.mistakes: list[Mistake] = []
        self.replaced: list[KeyPath] = [path for path, _ in document.mistakes]
        self._data = copy.deepcopy(document.data)
        self._lines = document.lines
        self._context = {BASE_FOLDER: base}

    def settle(self) -> LineSettings | None:
        """Return settings in which every mistake is replaced by something harmless; None when little is right."""
        # Three rounds are enough: a wrong camera kind hides what else is wrong with the camera, then all is replaced.
        for _ in range(3):
            try:
                return LineSettings.model_validate(self._data, context=self._context)
            except ValidationError as error:
                found = error.errors(include_url=False, include_context=False)
                self._note([(_plain_path(one["loc"]), one["type"], one["msg"]) for one in found])
            if not isinstance(self._data, dict):
                return None
        return None

    def _note(self, found: list[tuple[KeyPath, str, str]]) -> None:
        explainer = Explainer(self._lines)
        meant = {
            (*path[:-1], key)
            for path, kind, _ in found
            if kind == "extra_forbidden" and (key := explainer.suggestion(path, self._data))
        }
        seen = set(self.replaced)
        for path, kind, told in found:
            # A key written wrongly is one mistake, not a second one for the right key being missing.
            is_known = any(path[:length] in seen for length in range(len(path) + 1))
            if not is_known and not (kind == "missing" and path in meant):
                what = explainer.explain(path, kind, told, self._data)
                self.mistakes.append(self._lines.mistake(_place(path, kind, self._data), what))
            seen.add(path)
        self.replaced += [*(path for path, _, _ in found), *meant]
        for path, kind, _ in found:
            self._replace(path, kind)

    def _replace(self, path: KeyPath, kind: str) -> None:
        if not path:
            return
        if kind == "union_tag_invalid" and path == ("camera",):
            camera = self._data["camera"]
            if close := close_to(str(camera["kind"]), _KINDS):
                camera["kind"] = close
                self.replaced = [one for one in self.replaced if one != ("camera",)]
                self.replaced.append(("camera", "kind"))
                return
        path = path[: next((index for index, part in enumerate(path) if isinstance(part, int)), len(path))]
        block = self._data
        for part in path[:-1]:
            block = block.get(part)
            if not isinstance(block, dict):
                return
        if path in _STAND_INS and kind != "extra_forbidden":
            block[path[-1]] = copy.deepcopy(_STAND_INS[path])
        else:
            block.pop(path[-1], None)


def _plain_path(loc: tuple[str | int, ...]) -> KeyPath:
    """Take out of a place what pydantic adds: the camera's kind, the branch of a union, `[key]`."""
    at = 2 if loc[:1] == ("more_views",) else 0
    if loc[at : at + 1] == ("camera",) and len(loc) > at + 1:
        loc = (*loc[: at + 1], *loc[at + 2 :])
    if loc[at : at + 2] == ("camera", "features"):
        loc = loc[: at + 3]
    return tuple(part for part in loc if part != "[key]")


def _place(path: KeyPath, kind: str, data: Any) -> KeyPath:
    block = data
    for part in path:
        block = step(block, part)
    if kind == "union_tag_invalid" and isinstance(block, dict):
        return (*path, "kind")
    return path


def _touch(one: KeyPath, other: KeyPath) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
