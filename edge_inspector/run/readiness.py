"""Whether the line may be trusted now. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge_inspector.core.verdict import LineState
from edge_inspector.run.memory import CameraStatus

CAMERA_STALL_NS = 1_000_000_000
"""A camera process shows progress ten times a second, idle or not; ten missed ones are a stall."""


@dataclass(frozen=True, slots=True)
class CameraSituation:
    """What one camera process says."""

    status: CameraStatus
    progress_age_ns: int

    @property
    def is_stalled(self) -> bool:
        """Whether it stands still at work."""
        at_work = self.status in (CameraStatus.ARMED, CameraStatus.RESYNCING)
        return at_work and self.progress_age_ns > CAMERA_STALL_NS


@dataclass(frozen=True, slots=True)
class Situation:
    """What readiness is derived from."""

    is_model_proven: bool
    """The golden tiles were replayed and nothing failed since."""
    is_recovering: bool
    """Parts of a killed predecessor have no verdict yet."""
    has_numbers: bool
    """The next part's number is kept on disk, so that it is never given again."""
    cameras: tuple[CameraSituation, ...]
    has_parts: bool
    """A trigger came in this epoch."""
    is_halting: bool
    is_drained: bool
    """Halting, and every accepted part has its verdict."""
    has_image_fault: bool = False
    """The newest picture of a camera was unhealthy, by a check whose policy is `fault`."""
    is_in_step: bool = True
    """The records of all cameras are known to belong together."""
    has_journal: bool = True
    """Rows are committed in time."""
    is_guarded: bool = True
    """Clients can still be let in; False when what decides about their keys has died."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What heartbeats say."""

    state: LineState
    is_ready: bool
    faults: tuple[str, ...]


def assess(now: Situation) -> Readiness:
    """Return state, readiness and faults. Ready means: the next part will be judged by a proven model."""
    faults = []
    if not now.is_model_proven:
        faults.append("model")
    if now.is_recovering:
        faults.append("recovering")
    if not now.has_numbers:
        faults.append("part_numbers")
    if not now.has_journal:
        faults.append("journal")
    statuses = [camera.status for camera in now.cameras]
    if CameraStatus.DOWN in statuses and not now.is_halting:
        faults.append("camera")
    if any(camera.is_stalled for camera in now.cameras):
        faults.append("camera_stalled")
    if CameraStatus.RESYNCING in statuses or not now.is_in_step:
        faults.append("resync")
    if now.has_image_fault:
        faults.append("image_health")
    if not now.is_guarded:
        faults.append("authenticator")
    if now.is_halting:
        state = LineState.HALTED if now.is_drained else LineState.INITIALIZED
        return Readiness(state, False, tuple(faults))
    if faults == ["resync"]:
        return Readiness(LineState.INITIALIZED, False, ("resync",))
    if faults:
        return Readiness(LineState.PREOPERATIONAL, False, tuple(faults))
    if CameraStatus.ENDED in statuses:
        return Readiness(LineState.INITIALIZED, False, ())
    return Readiness(LineState.CONTINUOUS_EXECUTION if now.has_parts else LineState.READY, True, ())
