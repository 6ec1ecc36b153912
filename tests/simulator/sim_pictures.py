"""Runs that look at pixels: each in a process of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from sim_consumer import Consumer, pattern, stamp_of

from edge_inspector.simulator.features import PIXEL_FORMATS

_BITS = {"Mono10": 10, "Mono12": 12, "Mono14": 14, "Mono16": 16, "Mono10p": 10, "Mono12p": 12}
_BYTES = {"RGB8": 3, "BGR8": 3, "RGBa8": 4, "YUV422_8": 2, "YUV422_8_UYVY": 2}
WIDTH, HEIGHT = 64, 24


def every_format(cti: str) -> dict[str, list[object]]:
    """For each format: how many of three frames have exactly the documented bytes, and what the buffer says it is."""
    answers = {}
    with Consumer(cti) as consumer:
        consumer.set(Width=WIDTH, Height=HEIGHT, AcquisitionFrameRate=500.0)
        for name, code in PIXEL_FORMATS.items():
            consumer.set(PixelFormat=name)
            consumer.arm()
            frames = consumer.take_many(3)
            consumer.disarm()
            right = sum(frame["pixels"] == expected(name, frame["id"]) for frame in frames)
            answers[name] = [right, frames[0]["format"] == code, consumer.nodes.PayloadSize.value]
    return answers


def expected(name: str, frame_id: int) -> bytes:
    """The bytes of a frame, made with numpy from the documented formula."""
    if name not in _BITS:
        return pattern(WIDTH, HEIGHT, frame_id, _BYTES.get(name, 1)).tobytes()
    bits = _BITS[name]
    samples = (np.arange(HEIGHT)[:, None] + np.arange(WIDTH)[None, :] + frame_id) & ((1 << bits) - 1)
    if not name.endswith("p"):
        return samples.astype("<u2").tobytes()
    lowest_first = (samples[:, :, None] >> np.arange(bits)) & 1
    return np.packbits(lowest_first.astype(np.uint8).reshape(HEIGHT, -1), axis=1, bitorder="little").tobytes()


def expanded(cti: str) -> dict[str, bool]:
    """Whether Harvesters itself reads the packed and the deep formats as the formula says."""
    answers = {}
    with Consumer(cti) as consumer:
        consumer.set(Width=WIDTH, Height=HEIGHT, AcquisitionFrameRate=200.0)
        for name, bits in _BITS.items():
            consumer.set(PixelFormat=name)
            consumer.arm()
            with consumer.acquirer.fetch(timeout=5) as buffer:
                data = buffer.payload.components[0].data.reshape(HEIGHT, WIDTH)
                x, y = np.arange(WIDTH)[None, :], np.arange(HEIGHT)[:, None]
                answers[name] = bool((data == ((x + y + buffer.module.frame_id) & ((1 << bits) - 1))).all())
            consumer.disarm()
    return answers


def stamps(cti: str, formats: list[str]) -> dict[str, list[int]]:
    """Part number, frame id and camera in the third frame of a stamped camera, read as 8 bit."""
    answers = {}
    with Consumer(cti) as consumer:
        consumer.set(Width=WIDTH, Height=HEIGHT, AcquisitionFrameRate=500.0)
        for name in formats:
            consumer.set(PixelFormat=name)
            consumer.arm()
            frame = consumer.take_many(3)[2]
            consumer.disarm()
            answers[name] = stamp_of(_as_8_bit(name, frame))
    return answers


def _as_8_bit(name: str, frame: dict[str, Any]) -> bytes:
    if name == "Mono16":
        return (np.frombuffer(frame["pixels"][:32], "<u2") >> 8).astype(np.uint8).tobytes()
    if name == "Mono12p":
        bits = np.unpackbits(np.frombuffer(frame["pixels"][:24], np.uint8), bitorder="little").reshape(16, 12)
        return np.packbits(bits[:, 4:], axis=1, bitorder="little").tobytes()
    return bytes(frame["pixels"])


def played(cti: str, n: int) -> list[list[int]]:
    """First byte of each frame, with the size that the camera says it has."""
    with Consumer(cti) as consumer:
        consumer.arm()
        return [[frame["pixels"][0], *frame["wh"]] for frame in consumer.take_many(n)]
