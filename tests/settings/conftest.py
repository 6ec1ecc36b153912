"""A small configuration that is right, to be made wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_inspector.core.errors import SettingsError
from edge_inspector.settings.load import load_line

GOOD = """\
line: press-3
camera:
  kind: replay
  folder: pictures
  frame: {width: 512, height: 256, channels: 3}
  rate_hz: 1e1
model:
  bundle: bundle
state_dir: state
"""

GENICAM = """\
line: press-3
camera:
  kind: genicam
  cti: viky
  frame: {width: 512, height: 256, channels: 3}
  pixel_format: RGB8
model:
  bundle: bundle
state_dir: state
"""


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
