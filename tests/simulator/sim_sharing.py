"""Runs of several processes and cameras: each in a process of its own."""

from __future__ import annotations

import sys
import time
from typing import Any

from genicam import gentl
from harvesters.core import Harvester
from sim_consumer import Consumer, controls, is_pattern, stamp_of


def hold(cti: str) -> str:
    """Open the camera, say so, and keep it until the parent closes stdin (or kills)."""
    with Consumer(cti):
        sys.stdin.read()
    return "closed"


def try_to_open(cti: str) -> dict[str, Any]:
    """Access status as listed, and what opening gives."""
    harvester = Harvester()
    harvester.add_file(cti)
    harvester.update()
    status = int(harvester.device_info_list[0].access_status)
    try:
        acquirer = harvester.create(0)
    except gentl.GenericException as error:
        return {"status": status, "error": type(error).__name__}
    acquirer.destroy()
    harvester.reset()
    return {"status": status, "error": ""}


def open_when_free(cti: str) -> list[str]:
    """Names of the errors until it opens, each once."""
    harvester, errors = Harvester(), []
    harvester.add_file(cti)
    harvester.update()
    until_s = time.monotonic() + 20.0
    while time.monotonic() < until_s:
        try:
            harvester.create(0).destroy()
        except gentl.GenericException as error:
            errors.append(type(error).__name__)
            time.sleep(0.02)
        else:
            return sorted(set(errors))
    return ["never opened"]


def one_of_several(cti: str, index: int, n: int) -> list[list[int]]:
    """Stamps of n parts at one camera of a line whose parts another process fires."""
    with Consumer(cti, index) as consumer:
        consumer.trigger_by("Line0")
        consumer.arm()
        frames = consumer.take_many(n)
        return [stamp_of(frame["pixels"]) for frame in frames]


def two_in_one_process(cti: str) -> list[list[int]]:
    """Stamps of both cameras of one process for three parts."""
    line, harvester = controls(), Harvester()
    harvester.add_file(cti)
    harvester.update()
    acquirers = [harvester.create(index) for index in (0, 1)]
    for acquirer in acquirers:
        nodes = acquirer.remote_device.node_map
        nodes.TriggerSelector.value, nodes.TriggerMode.value, nodes.TriggerSource.value = "FrameStart", "On", "Line0"
        acquirer.start()
    found = []
    for _ in range(3):
        line.conveyor.fire()
        for acquirer in acquirers:
            with acquirer.fetch(timeout=5) as buffer:
                found.append(stamp_of(bytes(bytearray(buffer.payload.components[0].data.ravel()[:16]))))
    for acquirer in acquirers:
        acquirer.destroy()
    harvester.reset()
    return found


def hang(cti: str) -> str:
    """Read a register whose access never comes back."""
    with Consumer(cti) as consumer:
        return str(consumer.nodes.DeviceTemperature.value)


def patient(cti: str, n: int) -> list[object]:
    """A free run at the pace of the consumer: ids without a gap, pixels right, nothing underrun."""
    with Consumer(cti, buffers=3) as consumer:
        consumer.arm()
        frames = consumer.take_many(n)
    return [[frame["id"] for frame in frames] == list(range(n)), all(map(is_pattern, frames))]


def reconnect(cti: str, n: int) -> int:
    """Open, take a frame and close, n times; how often that worked."""
    worked = 0
    for _ in range(n):
        with Consumer(cti) as consumer:
            consumer.set(AcquisitionFrameRate=1000.0)
            consumer.arm()
            worked += is_pattern(consumer.take_many(1)[0])
    return worked
