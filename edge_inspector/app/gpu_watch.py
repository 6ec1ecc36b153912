"""The GPUs of a line, as main sees them: through a process of their own that may hang, for nobody waits for it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.observe.gpu_figures import GpuFigures, GpuWatchFigures
from edge_inspector.run.child import NO_FD, Child
from edge_inspector.run.handover import NoteReceiver, handover_pair
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.model import GPU_PROVIDERS

log = get_log(__name__)

_S = 1_000_000_000
TRUE_S = 5.0
"""A sample that is older is no longer shown: what a GPU did then says nothing of now."""
SILENT_S = 30.0
"""Then the process hangs. A driver that must first wake its GPU takes some seconds; a lost one is asked every 10 s."""
AGAIN_S = 10.0
"""Between two processes."""


class Speaker(Protocol):
    """Tells people and clients what happened; `Outlet` is one."""

    def announce(self, name: str, severity: str, detail: str, *, stands: bool = False) -> None:
        """Log an event and send it; one that `stands` also to those who come later."""
        ...

    def withdraw(self, name: str) -> None:
        """Stop telling a standing event."""
        ...


class GpuWatch:
    """Keeps the process that asks NVML, and what it said last. Owned by main's loop; nothing here waits.

    It is not one of the supervisor's children: the line neither needs it nor is slower without it.
    """

    def __init__(
        self, spawn: Callable[[], Child], receiver: NoteReceiver, speaker: Speaker, silent_s: float = SILENT_S
    ) -> None:
        """Prepare; the first `turn` starts the process.

        Args:
            spawn: Starts it.
            receiver: Of its notes.
            speaker: Hears of GPUs that are lost, and of a watch that sees nothing.
            silent_s: When it is taken for hung.
        """
        self._spawn, self._receiver, self._speaker = spawn, receiver, speaker
        self._silent_ns = round(silent_s * _S)
        self._child: Child | None = None
        self._is_wanted = True
        self._next_ns = self._began_ns = self._heard_ns = 0
        self._sampled_ns = monotonic_ns()
        self._newest = GpuWatchFigures((), None)
        self._absent = ""
        self._is_stale = False
        self._lost: list[int] = []

    def turn(self) -> GpuWatchFigures:
        """Take in what came, look after the process and return the newest figures; once a second."""
        while (told := self._receiver.take()) is not None:
            self._hear(told[0])
        now_ns = monotonic_ns()
        self._look_after(now_ns)
        age_ns = now_ns - self._sampled_ns
        if self._absent:
            return GpuWatchFigures((), None)
        if age_ns > self._silent_ns and not self._is_stale:
            self._is_stale = True
            self._say("gpu_watch_stale", "warning", f"NVML has not answered for {age_ns / _S:.0f} s: the driver hangs, "
                      "most likely; parts are judged as before. Try `nvidia-smi`, see `dmesg`")  # fmt: skip
        gpus = self._newest.gpus if age_ns <= TRUE_S * _S or self._lost else ()
        return replace(self._newest, gpus=gpus, age_s=age_ns / _S)

    def close(self) -> None:
        """End the process, and wait for nothing: the kernel ends what hangs in a driver when the driver lets go."""
        self._is_wanted = False
        if self._child is not None:
            self._child.send_kill()

    def _hear(self, note: dict[str, Any]) -> None:
        self._heard_ns = monotonic_ns()
        if note["kind"] == "absent":
            if note["why"] != self._absent:
                self._absent = note["why"]
                self._speaker.announce("gpu_not_watched", "info", self._absent)
            return
        self._absent, self._sampled_ns = "", note["at_ns"]
        gpus = [GpuFigures(**figures) for figures in note["gpus"]]
        self._newest = GpuWatchFigures(gpus, 0.0, note["driver"], note["cuda"])
        if self._is_stale:
            self._is_stale = False
            self._unsay("gpu_watch_stale", "gpu_watch_back", "NVML answers again")
        self._tell_lost([figures.gpu for figures in gpus if figures.is_lost])

    def _tell_lost(self, lost: list[int]) -> None:
        if lost == self._lost:
            return
        self._lost = lost
        if lost:
            self._speaker.withdraw("gpu_lost")  # one that names others
            who = ", ".join(map(str, lost))
            self._say("gpu_lost", "error", f"GPU {who} does not answer its driver; see `dmesg` for Xid, switch the "
                      "computer off and on; if it comes again: supply, seat and heat of the card")  # fmt: skip
        else:
            self._unsay("gpu_lost", "gpu_back", "every GPU of the line answers its driver again")

    def _say(self, name: str, severity: str, detail: str) -> None:
        self._speaker.announce(name, severity, detail, stands=True)

    def _unsay(self, name: str, now: str, detail: str) -> None:
        self._speaker.withdraw(name)
        self._speaker.announce(now, "info", detail)

    def _look_after(self, now_ns: int) -> None:
        if self._child is None:
            if self._is_wanted and now_ns >= self._next_ns:
                self._start(now_ns)
        elif (status := self._child.poll()) is not None:
            self._child.close()
            self._child, self._next_ns = None, now_ns + round(AGAIN_S * _S)
            self._is_wanted = self._is_wanted and status != 0  # 0: there is nothing to ask, and never will be
        elif now_ns - max(self._heard_ns, self._began_ns) > self._silent_ns:
            # One that does not end is not replaced: in the kernel of a wedged driver they would heap up.
            self._child.send_kill()

    def _start(self, now_ns: int) -> None:
        try:
            self._child, self._began_ns = self._spawn(), now_ns
        except OSError as error:  # this computer has no process, memory or descriptor to give just now
            log.warning("process_not_started", process="gpu", detail=str(error))
            self._next_ns = now_ns + round(AGAIN_S * _S)


def new_gpu_watch(settings: LineSettings, speaker: Speaker, silent_s: float = SILENT_S) -> GpuWatch | None:
    """Return what watches the GPUs that a line computes on; None where it computes on none.

    Others are not its business: a number on its page is a number that can slow it down.
    """
    models = [view.model for view in settings.views()]
    device_ids = sorted({model.device_id for model in models if model.provider in GPU_PROVIDERS})
    if not device_ids:
        return None
    receiver, sender = handover_pair()
    spawn = partial(_spawn, sender, tuple(device_ids))
    return GpuWatch(spawn, NoteReceiver(receiver), speaker, silent_s)


def _spawn(sender: socket.socket, device_ids: tuple[int, ...]) -> Child:
    # Neither the line's memory nor its wake: whatever its driver does to it, it cannot touch a part.
    return Child("edge_inspector.app.gpu", NO_FD, NO_FD, sender.fileno(), device_ids)
