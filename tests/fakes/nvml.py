"""NVIDIA's library as a test wants it to answer: real C, loaded by the real `pynvml` in the processes under test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HANGS, CRASHES = -1, -2
"""Instead of an NVML error: what becomes of a call."""
NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED, FUNCTION_NOT_FOUND, GPU_IS_LOST = 3, 4, 9, 13, 15
VERSION_MISMATCH = 18


class FakeNvml:
    """A library in a folder of its own; at first two GPUs that are well."""

    def __init__(self, folder: Path, compiler: str) -> None:
        """Compile it."""
        self._folder, self._answers = folder, folder / "answers"
        library = folder / "libnvidia-ml.so.1"
        command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"]
        subprocess.run([*command, "-o", str(library), str(Path(__file__).with_suffix(".c"))], check=True, timeout=50)
        self._values: dict[str, int] = {}
        self.answer()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        searched = [str(self._folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {"LD_LIBRARY_PATH": ":".join(searched), "FAKE_NVML": str(self._answers)}

    def answer(self, **values: int) -> None:
        """Answer so from the next call on; what is not named stays.

        Args:
            values: Numbers, or by a function's name what becomes of calls to it: 0, an NVML error, HANGS or CRASHES.
        """
        self._values |= values
        draft = self._answers.with_suffix(".draft")
        draft.write_text("".join(f"{key}={value}\n" for key, value in self._values.items()))
        draft.rename(self._answers)
