"""Composition root of the camera process: one camera, the ring's writing end."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace

import cv2

from edge_inspector.acquire.open import open_camera
from edge_inspector.acquire.plan import CameraPlan, GenicamPlan
from edge_inspector.app.plans import GrabPlan
from edge_inspector.core.errors import CameraError
from edge_inspector.core.logs import get_log
from edge_inspector.observe.logs import LevelFollower, configure_logging
from edge_inspector.run.child import Start, enter_child
from edge_inspector.run.grab import GrabLoop
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.ring import RingWriter
from edge_inspector.run.scheduling import take_place

log = get_log(__name__)


def main(start_fd: int) -> int:
    """Run the camera process; returns its exit code (69 when the camera cannot be used: main tries again)."""
    start = enter_child(start_fd)
    plan: GrabPlan = start.plan
    configure_logging(plan.log_level, plan.line, "camera")
    for what in take_place(plan.cores):
        log.warning("place_refused", detail=what)
    notes = NoteSender(socket.socket(fileno=start.notes_fd))
    try:
        _grab(start, plan, notes)
    except CameraError as error:
        notes.offer({"kind": "event", "name": "camera_error", "severity": "error", "detail": str(error)})
        return error.exit_code
    return 0


def _grab(start: Start, plan: GrabPlan, notes: NoteSender) -> None:
    cv2.setNumThreads(1)  # decoding and colour conversion must not take the cores of the inference
    line = LineMemory(*plan.layouts, fd=start.memory_fd)
    memory = line.cameras[plan.place]
    writer = RingWriter(memory, start.wake_fd)
    camera = open_camera(_going_on(plan.camera, writer))

    def on_armed() -> None:
        notes.offer({"kind": "event", "name": "camera_armed", "severity": "info", "detail": plan.camera.name})

    GrabLoop(
        line,
        memory,
        writer,
        camera,
        can_wait=plan.can_wait,
        wait_for_subscribers=plan.wait_for_subscribers,
        on_armed=on_armed,
        at_each_turn=LevelFollower(lambda: line.read(Word.LOG_LEVEL)).look,
    ).run()


def _going_on(plan: CameraPlan, writer: RingWriter) -> CameraPlan:
    """Return the plan of a camera that a killed predecessor may have counted triggers of."""
    if not isinstance(plan, GenicamPlan):
        return plan
    return replace(plan, counts_from=writer.trigger_count())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
