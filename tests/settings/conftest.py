"""A folder to load configurations in, and the mistakes of a text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_inspector.core.errors import SettingsError
from edge_inspector.settings.load import load_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one picture where GOOD looks for it."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.PNG").touch()
    return tmp_path


@pytest.fixture
def complaints(folder: Path) -> Callable[[str], list[str]]:
    """Load a text as configuration; return its mistakes as `line: where: what`, none when it is right."""

    def load(text: str) -> list[str]:
        (folder / "f.yaml").write_text(text)
        try:
            load_line(folder / "f.yaml")
        except SettingsError as error:
            return [str(one).removeprefix(f"{folder}/f.yaml:").replace(str(folder), "HERE") for one in error.mistakes]
        return []

    return load
