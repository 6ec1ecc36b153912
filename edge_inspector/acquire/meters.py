"""What a camera tells beside its pictures, through Harvesters: chunk data, its clock, its over-trigger event."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from genicam import genapi, gentl
from genicam.gentl import EVENT_TYPE_LIST, EventManagerRemoteDevice

from edge_inspector.acquire.camera_clock import Latch
from edge_inspector.acquire.grab import chunk_names
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.acquire.write import write_features
from edge_inspector.core.errors import CameraFormatError

_NOT_THERE = (gentl.GenericException, genapi.GenericException, AttributeError, RuntimeError)
"""Everything a chunk node raises that has no value: RuntimeError for a layout that Harvesters cannot read."""
_OVER_TRIGGER = "FrameStartOvertrigger"
_S = 1_000_000_000


class HarvestersMeters:
    """Made when the features are written and before the acquisition starts. One thread.

    Args:
        acquirer: Harvesters' ImageAcquirer.
        plan: What is needed of the camera.

    Raises:
        CameraFormatError: It has no such chunk, counter or event.
    """

    def __init__(self, acquirer: Any, plan: GenicamPlan) -> None:
        self._acquirer = acquirer
        self._nodes = acquirer.remote_device.node_map
        _enable_chunks(self._nodes, plan)
        self.counts_from = plan.counts_from
        """What the trigger counter showed when the last trigger was told; 0 when it was set to 0 just now."""
        if plan.count_source == "counter" and plan.counts_from is None and _reset_counter(self._nodes):
            self.counts_from = 0
        self._events = _over_trigger_events(acquirer, plan) if plan.count_source == "over_trigger" else None

    def chunks(self, buffer: Any, names: Sequence[str]) -> list[int | None]:
        """Return the values that came with a buffer; see `Meters`."""
        try:
            # Asked first: the nodes would go on saying what the last frame with chunk data brought.
            if not buffer.is_containing_chunk_data():
                return [None] * len(names)
            self._acquirer._update_chunk_data(buffer=buffer, is_manual=True)
        except _NOT_THERE:
            return [None] * len(names)
        return [self._value(name) for name in names]

    def latch(self) -> Latch | None:
        """Ask the camera for its time; see `Meters`. A camera that stops answering raises as elsewhere."""
        try:
            if self._nodes.has_node("TimestampLatchValue"):
                before_ns = time.monotonic_ns()
                self._nodes.get_node("TimestampLatch").execute()
                after_ns = time.monotonic_ns()
                return Latch(int(self._nodes.get_node("TimestampLatchValue").value), before_ns, after_ns)
            if self._nodes.has_node("GevTimestampValue"):  # before SFNC 2, in ticks
                ticks_hz = int(self._nodes.get_node("GevTimestampTickFrequency").value)
                before_ns = time.monotonic_ns()
                self._nodes.get_node("GevTimestampControlLatch").execute()
                after_ns = time.monotonic_ns()
                ticks = int(self._nodes.get_node("GevTimestampValue").value)
                return Latch(ticks * _S // ticks_hz, before_ns, after_ns)
        except (genapi.GenericException, AttributeError, ZeroDivisionError):
            return None  # it has the names and not the thing
        return None

    def over_triggers(self) -> int:
        """Return how many triggers it could not take since it was last asked; see `Meters`."""
        n = 0
        while self._events is not None and self._events.num_in_queue:
            self._events.update_event_data(1)  # ms; something is queued, so it returns at once
            n += 1
        return n

    def _value(self, name: str) -> int | None:
        try:
            return int(self._nodes.get_node(name).value)
        except _NOT_THERE:
            return None


def _enable_chunks(nodes: Any, plan: GenicamPlan) -> None:
    for name in chunk_names(plan):
        if not nodes.has_node(name):
            raise CameraFormatError(
                f"camera {plan.name} has no chunk {name!r}; look in its manual for the one that it sends and set "
                "camera.trigger_count.chunk or camera.encoder.chunk"
            )
        write_features(nodes, {"ChunkModeActive": True}, plan.name)
        write_features(nodes, {"ChunkSelector": name.removeprefix("Chunk"), "ChunkEnable": True}, plan.name)


def _reset_counter(nodes: Any) -> bool:
    if not nodes.has_node("CounterReset"):
        return False
    try:
        nodes.get_node("CounterReset").execute()
    except genapi.GenericException:
        return False  # counting begins with the first frame then
    return True


def _over_trigger_events(acquirer: Any, plan: GenicamPlan) -> Any:
    nodes = acquirer.remote_device.node_map
    if not nodes.has_node("EventNotification"):
        raise CameraFormatError(
            f"camera {plan.name} sends no events; set camera.trigger_count.source to counter or frame_id"
        )
    write_features(nodes, {"EventSelector": _OVER_TRIGGER, "EventNotification": "On"}, plan.name)
    try:
        token = acquirer.device.module.register_event(EVENT_TYPE_LIST.EVENT_REMOTE_DEVICE)
    except gentl.GenericException as error:
        raise CameraFormatError(
            f"the producer of camera {plan.name} passes no events on ({error}); set camera.trigger_count.source to "
            "counter or frame_id"
        ) from error
    return EventManagerRemoteDevice(token)
