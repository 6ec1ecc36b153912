"""Asking a camera for pictures at a rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genicam import genapi, gentl

from edge_inspector.acquire.nodes import find
from edge_inspector.acquire.write import write_features
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import CameraFormatError, CameraLostError


class SoftwareTrigger:
    """Executes TriggerSoftware when it is due; one thread.

    Args:
        node_map: Of the remote device, armed.
        rate_hz: Pictures per second.
        who: Name of the camera, for errors.
        now_ns: The monotonic clock.

    Raises:
        CameraFormatError: The camera has no software trigger.
    """

    def __init__(self, node_map: Any, rate_hz: float, who: str, now_ns: Callable[[], int] = monotonic_ns) -> None:
        found = find(node_map, "TriggerSoftware")
        if found is None:
            raise CameraFormatError(f"camera {who} has no software trigger; choose another camera.preset")
        write_features(node_map, {"TriggerSelector": "FrameStart"}, who)  # it triggers what is selected
        self._command, self._who, self._now_ns = found.node, who, now_ns
        self._period_ns = round(1e9 / rate_hz)
        self._next_ns = now_ns()

    def ask_if_due(self) -> None:
        """Ask for a picture when its time has come; what was missed meanwhile is not made up for.

        Raises:
            CameraLostError: The camera does not take the command.
        """
        now_ns = self._now_ns()
        if now_ns < self._next_ns:
            return
        in_step_ns = self._next_ns + self._period_ns
        self._next_ns = in_step_ns if in_step_ns > now_ns else now_ns + self._period_ns
        try:
            self._command.execute()
        except (gentl.GenericException, genapi.GenericException) as error:
            raise CameraLostError(
                f"camera {self._who} takes no software trigger any more ({error}); check its power and cable"
            ) from error

    def wait_s(self) -> float:
        """Return the time until the next is due, in seconds."""
        return max(0.0, (self._next_ns - self._now_ns()) / 1e9)
