"""Whether the n-th record of each camera is about the same part: known only after a pause between parts."""

from __future__ import annotations

from edge_inspector.run.memory import CameraStatus, CameraWord, LineMemory, Word

_AT_WORK = (CameraStatus.ARMED, CameraStatus.RESYNCING, CameraStatus.ENDED)


class Step:
    """Watches for a pause in which every camera is armed and nothing waits. Owned by the loop's thread.

    Each arming of a camera ends the step: triggers that came before it was armed are in the other rings only.
    """

    def __init__(self, memory: LineMemory, pause_ns: int) -> None:
        """Begin; what a killed predecessor found holds on.

        Args:
            memory: Of the line.
            pause_ns: How long nothing may come.
        """
        self._memory, self._pause_ns = memory, pause_ns
        self._seen = (-1, -1)
        self._still_ns: int | None = None
        self.due_ns: int | None = None
        """When the pause is long enough, should nothing come; None while it has not begun."""

    def is_kept(self) -> bool:
        """Whether the cameras are in step."""
        return self._memory.read(Word.IN_STEP) == self._armed_times() > 0

    def watch(self, now_ns: int, is_idle: bool) -> bool:
        """Look once more; True when the cameras are in step from now on and `keep` may say so.

        Args:
            now_ns: Monotonic.
            is_idle: Every record has its verdict.
        """
        if self.is_kept():
            self.due_ns = None
            return False
        cameras = self._memory.cameras
        is_armed = all(camera.read(CameraWord.STATUS) in _AT_WORK for camera in cameras)
        seen = self._armed_times(), sum(camera.read(CameraWord.TRIGGERS) for camera in cameras)
        if not (is_armed and is_idle and seen == self._seen and self._still_ns is not None):
            self._seen = seen
            self._still_ns = now_ns if is_armed and is_idle else None
        self.due_ns = None if self._still_ns is None else self._still_ns + self._pause_ns
        return self.due_ns is not None and now_ns >= self.due_ns

    def keep(self) -> None:
        """Say that the cameras are in step."""
        self._memory.write(Word.IN_STEP, self._seen[0])
        self.due_ns = None

    def _armed_times(self) -> int:
        return sum(camera.read(CameraWord.ARMED_TIMES) for camera in self._memory.cameras)
