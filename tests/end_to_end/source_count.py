"""What the source of a line counted, read from the line's own memory, which outlives every process that fills it."""

from __future__ import annotations

import os
from pathlib import Path

from daemon import Line, wait_until

from edge_inspector.app.planning import layouts_of
from edge_inspector.run.memory import CameraWord, LineMemory, Word
from edge_inspector.settings.load import load_line

_NAME = "/memfd:edge-inspector (deleted)"


class SourceCount:
    """One run of a line, from its start on; `close` it when it was read for the last time."""

    def __init__(self, line: Line) -> None:
        """Wait until the line has its memory, and map it too."""
        self._line = line
        layouts = layouts_of(load_line(line.config))
        self._memory = LineMemory(*layouts, fd=wait_until(self._memory_fd, 40, "the line's memory"))

    def word(self, word: Word) -> int:
        """Return a word of the line."""
        return self._memory.read(word)

    @property
    def run(self) -> tuple[int, int]:
        """First part number of this run, and how many triggers its first camera counted."""
        return self.word(Word.FIRST_PART), self._memory.cameras[0].read(CameraWord.TRIGGERS)

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self._memory.fd)

    def _memory_fd(self) -> int | None:
        for entry in Path(f"/proc/{self._line.pid}/fd").iterdir():
            try:
                if os.readlink(entry) == _NAME and os.stat(entry).st_size:
                    return os.open(entry, os.O_RDWR)
            except FileNotFoundError:
                continue
        return None
