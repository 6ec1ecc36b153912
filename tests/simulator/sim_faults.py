"""Every fault of one frame or access, seen by a consumer: all in one process, one acquisition after the other."""

from __future__ import annotations

from typing import Any

from sim_consumer import Consumer, controls, gentl, is_pattern, stamp_of, without_pixels

from edge_inspector.simulator.faults import Fault

N_PARTS = 6
ONE_FRAME = (
    Fault.DROP,
    Fault.INCOMPLETE,
    Fault.TRUNCATED,
    Fault.PADDED,
    Fault.WRONG_SIZE,
    Fault.LARGER,
    Fault.DUPLICATE_ID,
    Fault.REPEATED,
    Fault.OUT_OF_ORDER,
    Fault.MISSED_TRIGGER,
    Fault.OVER_TRIGGER,
    Fault.EXTRA_FRAME,
    Fault.MISSING_CHUNK,
    Fault.UNKNOWN_FORMAT,
)


def tour(cti: str) -> dict[str, Any]:
    """For each fault: six parts, of which the third has it; what each buffer says."""
    line = controls()
    answers = {}
    with Consumer(cti) as consumer:
        consumer.trigger_by("Line0")
        consumer.enable_chunks()
        for fault in ONE_FRAME:
            answers[fault.name] = [_seen(frame) for frame in _six_parts(consumer, line, fault)]
    return answers


def _six_parts(consumer: Consumer, line: Any, fault: Fault) -> list[dict[str, Any]]:
    consumer.set(CounterReset=None)
    consumer.arm()
    frames = []
    for part in range(1, N_PARTS + 1):
        if part == 3:
            line.camera.fail(fault, once=1)
        line.conveyor.fire()
        frames += consumer.take_rest()
    consumer.disarm()
    assert line.camera.fired(fault) == 1
    return frames


def _seen(frame: dict[str, Any]) -> dict[str, Any]:
    seen = without_pixels(frame)
    assert seen is not None
    return seen | {"part": frame["chunks"].get("CounterValue"), "stamp": stamp_of(frame["pixels"])}


def every_second(cti: str) -> list[int]:
    """Frame ids that come when each second frame is dropped."""
    line = controls()
    with Consumer(cti) as consumer:
        consumer.set(AcquisitionFrameRate=500.0)
        line.camera.fail(Fault.DROP, every=2)
        consumer.arm()
        return [frame["id"] for frame in consumer.take_many(5)]


def without_one_chunk(cti: str) -> list[str]:
    """Names of the chunks of a frame that lacks the trigger counter."""
    with Consumer(cti) as consumer:
        consumer.enable_chunks()
        controls().camera.fail(Fault.MISSING_CHUNK, once=1, value=0x1003)
        consumer.arm()
        return sorted(consumer.take_many(1)[0]["chunks"])


def wrapping_ids(cti: str, n: int) -> list[int]:
    """Frame ids of a free run."""
    with Consumer(cti) as consumer:
        consumer.set(AcquisitionFrameRate=500.0)
        consumer.arm()
        return [frame["id"] for frame in consumer.take_many(n)]


def control_channel(cti: str) -> dict[str, Any]:
    """Port errors, failing start and stop; and whether it works afterwards."""
    line, camera, answers = controls(), controls().camera, {}
    with Consumer(cti) as consumer:
        camera.fail(Fault.PORT_ERROR, once=1)
        answers["port"] = _error(lambda: consumer.nodes.DeviceTemperature.value)
        camera.fail(Fault.PORT_ERROR, once=1, value=-1011)
        answers["port_value"] = _error(lambda: consumer.nodes.DeviceTemperature.value)
        camera.fail(Fault.SLOW_CONTROL, every=1, value=1)
        answers["slow"] = _error(lambda: consumer.nodes.DeviceTemperature.value)
        camera.mend()
        camera.fail(Fault.START_FAILURE, once=1)
        answers["start"] = _error(consumer.arm)
        consumer.disarm()
        consumer.set(AcquisitionFrameRate=500.0)
        consumer.arm()
        answers["frames"] = len(consumer.take_many(3))
        camera.fail(Fault.STALL, every=1)
        consumer.take_rest()
        answers["stalled"] = len(consumer.take_rest())
        camera.mend(Fault.STALL)
        answers["after_stall"] = len(consumer.take_many(3))
        camera.fail(Fault.STOP_FAILURE, once=1)
        answers["stop"] = _error(consumer.disarm)
        answers["fired"] = {fault.name: camera.fired(fault) for fault in Fault if camera.fired(fault)}
    assert line.path.exists()
    return answers


def _error(call: Any) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__
    return ""


def lost_and_back(cti: str) -> dict[str, Any]:
    """A camera that loses its power while it runs, and gets it back."""
    camera, answers = controls().camera, {}
    with Consumer(cti) as consumer:
        consumer.set(AcquisitionFrameRate=500.0, Width=64)
        consumer.arm()
        consumer.take_many(2)
        device = consumer.acquirer.device.module
        answers["before"] = int(device.access_status)
        camera.lose()
        answers["lost"] = int(device.access_status)
        answers["node"] = _error(lambda: consumer.nodes.DeviceTemperature.value)
        while consumer.take(0.05) is not None:
            pass
        camera.come_back()
        answers["old_handle"] = [int(device.access_status), _error(lambda: consumer.nodes.Width.value)]
        _error(consumer.disarm)
        _error(consumer.acquirer.destroy)
        _error(consumer.acquirer.destroy)
        consumer.harvester.update()
        consumer.open()
        answers["width"] = consumer.nodes.Width.value
        consumer.arm()
        answers["frame"] = is_pattern(consumer.take_many(1)[0])
        consumer.disarm()
        consumer.set(DeviceReset=None)
        answers["reset"] = int(consumer.acquirer.device.module.access_status)
        _error(consumer.acquirer.destroy)
    return answers


def clocks(cti: str) -> list[dict[str, int]]:
    """Timestamp and encoder of a frame before and after each: clock jump, encoder jump, reverse, reset, wrap."""
    line, camera = controls(), controls().camera
    steps = [
        lambda: None,
        lambda: camera.jump_clock(10**12),
        lambda: camera.jump_encoder(500),
        camera.reverse_encoder,
        camera.reset_encoder,
        lambda: line.conveyor.move(20.0),
    ]
    found = []
    with Consumer(cti) as consumer:
        consumer.trigger_by("Line0")
        consumer.enable_chunks()
        consumer.set(EncoderReset=None)
        consumer.arm()
        for step in steps:
            step()
            line.conveyor.fire()
            frame = consumer.take_many(1)[0]
            found.append({"ns": frame["timestamp_ns"], "encoder": frame["chunks"]["EncoderValue"]})
            assert frame["chunks"]["Timestamp"] == frame["timestamp_ns"]
            assert camera.encoder_counts == frame["chunks"]["EncoderValue"]
    return found


def fetch_vendor_format(cti: str) -> str:
    """What Harvesters' own fetch makes of a format that it does not know."""
    with Consumer(cti) as consumer:
        consumer.set(PixelFormat="SimulatorVendor8")
        consumer.arm()
        return _error(lambda: consumer.acquirer.fetch(timeout=5).payload)


__all__ = ["ONE_FRAME", "gentl"]
