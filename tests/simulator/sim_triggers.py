"""Runs with parts, encoder, lines and software triggers: each in a process of its own."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

from genicam import genapi, gentl
from sim_consumer import Consumer, controls, is_pattern, stamp_of


def stepped(cti: str, n: int) -> dict[str, Any]:
    """Fire n parts at an armed camera, one at a time; what each buffer says, and the truth."""
    line = controls()
    with Consumer(cti) as consumer:
        consumer.trigger_by("Line0")
        consumer.enable_chunks()
        consumer.set(CounterReset=None, EncoderReset=None)
        consumer.arm()
        frames = []
        for _ in range(n):
            line.conveyor.fire()
            frames += consumer.take_many(1)
        silence = len(consumer.take_rest())
        answer = {
            "stamps": [stamp_of(frame["pixels"]) for frame in frames],
            "chunks": [frame["chunks"] for frame in frames],
            "silence": silence,
            "counter": consumer.nodes.CounterValue.value,
            "encoder": consumer.nodes.EncoderValue.value,
        }
        consumer.disarm()
    return answer | {"truth": dataclasses.asdict(line.camera.truth), "edges": line.conveyor.edges}


def software(cti: str) -> list[object]:
    """Frame ids after each of two software triggers, and what comes without one."""
    with Consumer(cti) as consumer:
        consumer.trigger_by("Software")
        consumer.arm()
        answers: list[object] = [len(consumer.take_rest())]
        for _ in range(2):
            consumer.set(TriggerSoftware=None)
            answers.append(consumer.take_many(1)[0]["id"])
        return [*answers, len(consumer.take_rest())]


def burst(cti: str) -> dict[str, Any]:
    """A burst of three frames for each of two parts."""
    line = controls()
    with Consumer(cti) as consumer:
        consumer.trigger_by("Line0", "FrameBurstStart")
        consumer.set(AcquisitionBurstFrameCount=3, AcquisitionFrameRate=500.0)
        consumer.arm()
        parts = []
        for _ in range(2):
            line.conveyor.fire()
            parts += [stamp_of(frame["pixels"])[0] for frame in consumer.take_many(3)]
        return {"parts": parts, "silence": len(consumer.take_rest())}


def running(cti: str, n: int, exposure_us: float) -> dict[str, Any]:
    """Take n frames of parts that come by themselves; stop the conveyor, then compare with the truth."""
    line = controls()
    with Consumer(cti) as consumer:
        consumer.trigger_by("Line0")
        consumer.set(ExposureTime=exposure_us, CounterSelector="Counter1")
        consumer.enable_chunks()
        consumer.arm()
        line.conveyor.bring(200.0)
        frames = consumer.take_many(n)
        line.conveyor.run(0.0)
        frames += consumer.take_rest()
        counter, over = [frame["chunks"]["CounterValue"] for frame in frames], consumer.nodes.CounterValue.value
        consumer.disarm()
    return {
        "counter": counter,
        "ids": [frame["id"] for frame in frames],
        "gaps_ns": [b["timestamp_ns"] - a["timestamp_ns"] for a, b in itertools.pairwise(frames)],
        "over": over,
        "truth": dataclasses.asdict(line.camera.truth),
        "edges": line.conveyor.edges,
    }


def lines_by_encoder(cti: str, framed: bool) -> list[dict[str, Any]]:
    """Strips of a line-scan camera whose lines come from the encoder: forwards, back and forth, and again."""
    line = controls()
    with Consumer(cti) as consumer:
        consumer.set(Height=8, EncoderDivider=4, EncoderReset=None)  # 32 counts per strip, 10 counts per mm
        consumer.enable_chunks()
        consumer.trigger_by("Encoder0", "LineStart")
        if framed:
            consumer.trigger_by("Line0", "FrameStart")
        consumer.arm()
        answers = []
        for step_mm in (3.2, 3.1, 0.1, -2.0, 2.0, 3.2, 6.4):
            if framed and step_mm == 3.2:
                line.conveyor.fire(moves=False)  # a part, where the encoder stands
                line.camera.settle()
            line.conveyor.move(step_mm)
            found = consumer.take_rest()
            answers.append(
                {
                    "encoder": [frame["chunks"]["EncoderValue"] for frame in found],
                    "right": all(is_pattern(frame) for frame in found),
                }
            )
    return answers


def free_lines(cti: str) -> list[int]:
    """Nanoseconds between the strips of a line-scan camera that runs freely."""
    with Consumer(cti) as consumer:
        consumer.set(Height=100, AcquisitionLineRate=20_000.0)
        consumer.arm()
        times = [frame["timestamp_ns"] for frame in consumer.take_many(5)]
    return [b - a for a, b in itertools.pairwise(times)]


def features(cti: str) -> dict[str, Any]:
    """What the camera makes of values that it cannot keep, and what is locked while it is armed."""
    with Consumer(cti) as consumer:
        nodes = consumer.nodes
        consumer.set(ExposureTime=500.0, AcquisitionFrameRate=5000.0, GevHeartbeatTimeout=700)
        answers = {
            "exposure_us": nodes.ExposureTime.value,
            "rate_hz": nodes.AcquisitionFrameRate.value,
            "heartbeat_us": nodes.DeviceLinkHeartbeatTimeout.value,
            "refused": [_refusal(nodes, "Width", 30), _refusal(nodes, "Width", 100_000), _refusal(nodes, "Gain", -1.0)],
        }
        consumer.set(TriggerSelector="LineStart", TriggerDelay=5.0)
        consumer.set(TriggerSelector="FrameStart")
        answers["delay_of_other_selector"] = nodes.TriggerDelay.value
        consumer.arm()
        answers["locked"] = _refusal(nodes, "Width", 32)
        answers["not_locked"] = _refusal(nodes, "ExposureTime", 900.0)
        consumer.disarm()
        consumer.set(UserSetSelector="Default", UserSetLoad=None)
        answers["after_load_us"] = nodes.ExposureTime.value
        before = nodes.Timestamp.value
        consumer.set(TimestampLatch=None)
        answers["latched_later"] = nodes.TimestampLatchValue.value > before
    return answers


def _refusal(nodes: Any, name: str, value: object) -> str:
    try:
        getattr(nodes, name).value = value
    except genapi.GenericException as error:
        return type(error).__name__
    return ""


def old_names(cti: str) -> list[object]:
    """A camera from before SFNC 2."""
    with Consumer(cti) as consumer:
        consumer.set(ExposureTimeAbs=300.0, AcquisitionFrameRateAbs=50.0, GainRaw=12)
        nodes = consumer.nodes
        return [
            nodes.ExposureTimeAbs.value,
            nodes.GainRaw.value,
            nodes.has_node("ExposureTime"),
            nodes.has_node("Gain"),
        ]


def _over_triggers_of(consumer: Consumer, exposure_us: float) -> Any:
    consumer.trigger_by("Line0")
    consumer.set(ExposureTime=exposure_us, EventSelector="FrameStartOvertrigger", EventNotification="On")
    consumer.arm()
    monitors = consumer.acquirer._module_event_monitor_dict.values()
    return next(each for each in monitors if isinstance(each, gentl.EventManagerRemoteDevice))


def over_trigger_at_once(cti: str) -> dict[str, Any]:
    """The first over-trigger event of an exposure of a second: what came before it, what it says, and the frames."""
    line = controls()
    with Consumer(cti) as consumer:
        monitor = _over_triggers_of(consumer, 1_000_000.0)
        line.conveyor.bring(50.0)
        while monitor.num_in_queue == 0:
            time.sleep(0.001)
        line.conveyor.run(0.0)
        frames_before = consumer._monitor.num_in_queue
        monitor.update_event_data(1)
        adapter = genapi.EventAdapterGeneric(consumer.nodes.pointer)
        adapter.deliver_message(monitor.optional_data, monitor.event_id)
        names = ("EventFrameStartOvertrigger", "EventFrameStartOvertriggerTimestamp")
        trigger, stamp_ns = (getattr(consumer.nodes, name).value for name in names)
        adapter.detach_node_map()
        frame = consumer.take_many(1)[0]
        later_ms = (stamp_ns - frame["timestamp_ns"]) / 1e6
    return {"frames_before": frames_before, "id": monitor.event_id, "trigger": trigger, "later_ms": later_ms}


def over_trigger_event(cti: str) -> dict[str, Any]:
    """Over-trigger events of the remote device, as GenTL delivers them, beside the truth."""
    line = controls()
    with Consumer(cti) as consumer:
        monitor = _over_triggers_of(consumer, 50_000.0)
        line.conveyor.bring(200.0)
        consumer.take_many(3)
        line.conveyor.run(0.0)
        line.camera.settle()
        n = monitor.num_in_queue
        consumer.disarm()
    return {"events": n, "truth": line.camera.truth.over_triggers}
