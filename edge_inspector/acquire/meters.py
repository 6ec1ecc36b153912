"""What a camera tells beside its pictures, through Harvesters: chunk data, its clock, its over-trigger event."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from genicam import genapi, gentl
from genicam.gentl import EventManagerRemoteDevice

from edge_inspector.acquire.camera_clock import Latch
from edge_inspector.acquire.grab import chunk_names
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.acquire.write import write_features
from edge_inspector.core.errors import CameraFormatError

_NOT_THERE = (gentl.GenericException, genapi.GenericException, AttributeError, RuntimeError)
"""Everything a chunk node raises that has no value: RuntimeError for a layout that Harvesters cannot read."""
_OVER_TRIGGER = "FrameStartOvertrigger"
_STAMP = f"Event{_OVER_TRIGGER}Timestamp"
_EVENT_NODES = (_STAMP, f"Event{_OVER_TRIGGER}", f"Event{_OVER_TRIGGER}FrameID", f"{_OVER_TRIGGER}EventTimestamp")
"""Each lies in the data of the over-trigger event; the last as it was called before SFNC 2."""
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
        self._events = _OverTriggerEvents(acquirer, plan) if plan.count_source == "over_trigger" else None

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

    def over_triggers(self) -> list[int | None]:
        """Return the triggers that it could not take since it was last asked; see `Meters`."""
        return [] if self._events is None else self._events.take()

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


class _OverTriggerEvents:
    """The over-trigger events of a camera.

    Args:
        acquirer: Harvesters' ImageAcquirer.
        plan: Whose camera it is.

    Raises:
        CameraFormatError: The camera has no such event, or its producer passes none on.
    """

    def __init__(self, acquirer: Any, plan: GenicamPlan) -> None:
        self._nodes = acquirer.remote_device.node_map
        if not self._nodes.has_node("EventNotification"):
            raise CameraFormatError(
                f"camera {plan.name} sends no events; set camera.trigger_count.source to counter or frame_id"
            )
        # Private, but Harvesters has registered for them already, and a producer takes one registration.
        monitors = acquirer._module_event_monitor_dict.values()
        monitor = next((one for one in monitors if isinstance(one, EventManagerRemoteDevice)), None)
        if monitor is None:
            raise CameraFormatError(
                f"the producer of camera {plan.name} passes no events on; set camera.trigger_count.source to counter "
                "or frame_id"
            )
        write_features(self._nodes, {"EventSelector": _OVER_TRIGGER, "EventNotification": "On"}, plan.name)
        self._monitor = monitor
        self._ids = set(_event_ids(self._nodes))
        # As GenTL wants it, the data begin at address 0 of the event's port; some producers give the whole packet.
        packets = {"GEV": genapi.EventAdapterGEV, "U3V": genapi.EventAdapterU3V}
        packet = packets.get(str(acquirer.device.tl_type).upper())
        self._adapters = (genapi.EventAdapterGeneric,) if packet is None else (packet, genapi.EventAdapterGeneric)

    def take(self) -> list[int | None]:
        """Return the camera's time of each that waits, in ns; None for one whose time cannot be read."""
        found: list[int | None] = []
        while self._monitor.num_in_queue:
            self._monitor.update_event_data(1)  # ms; something is queued, so it returns at once
            number = str(self._monitor.event_id)
            if not self._ids or int(number, 16) in self._ids:
                found.append(self._stamp(number))
        return found

    def _stamp(self, number: str) -> int | None:
        if not self._nodes.has_node(_STAMP):
            return None
        data = self._monitor.optional_data
        for kind in self._adapters:
            adapter = kind(self._nodes.pointer)
            try:
                adapter.deliver_message(*((data, number) if kind is genapi.EventAdapterGeneric else (data,)))
                return int(self._nodes.get_node(_STAMP).value)
            except _NOT_THERE:
                continue
            finally:
                adapter.detach_node_map()  # one that outlives its node map ends the process with SIGSEGV
        return None


def _event_ids(nodes: Any) -> Iterator[int]:
    """Yield the ids under which a camera sends over-triggers, from the ports in whose data their values lie."""
    waiting = [nodes.get_node(name) for name in _EVENT_NODES if nodes.has_node(name)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, genapi.IPort) and node.node.event_id:
            yield int(node.node.event_id, 16)
        waiting += node.node.children
