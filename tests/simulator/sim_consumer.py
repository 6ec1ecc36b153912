"""A consumer of simulated cameras through Harvesters, for tests; used in a process of its own."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from genicam import gentl
from harvesters.core import Harvester, ParameterKey, ParameterSet

from edge_inspector.simulator.controls import ENVIRONMENT, Controls

CHUNKS = ("FrameID", "Timestamp", "CounterValue", "EncoderValue", "ExposureTime", "LineStatusAll")


def controls() -> Controls:
    """The control file of this process's environment."""
    return Controls(Path(os.environ[ENVIRONMENT]))


class Consumer:
    """One camera of the producer; `arm`, then `take`."""

    def __init__(self, cti: str, index: int = 0, buffers: int = 16) -> None:
        self._harvester = Harvester()
        self._harvester.add_file(cti)
        self._index = index
        self._buffers = buffers

    def __enter__(self) -> Self:
        self._harvester.update()
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.acquirer.destroy()
        self._harvester.reset()

    def open(self) -> None:
        config = {ParameterKey.ENABLE_AUTO_CHUNK_DATA_UPDATE: False}
        self.acquirer = self._harvester.create(self._index, config=ParameterSet(config))
        self.nodes = self.acquirer.remote_device.node_map
        self.acquirer.num_buffers = self._buffers

    @property
    def harvester(self) -> Any:
        return self._harvester

    def set(self, **features: object) -> None:
        """Write features, in order; a command is executed."""
        for name, value in features.items():
            node = getattr(self.nodes, name)
            if hasattr(node, "execute"):
                node.execute()
            else:
                node.value = value

    def trigger_by(self, source: str, selector: str = "FrameStart") -> None:
        self.set(TriggerSelector=selector, TriggerMode="On", TriggerSource=source)

    def enable_chunks(self) -> None:
        self.set(ChunkModeActive=True)
        for name in CHUNKS:
            self.set(ChunkSelector=name, ChunkEnable=True)

    def arm(self) -> None:
        self.acquirer.start()
        self._monitor = next(iter(self.acquirer._new_buffer_event_monitor_dict.values()))

    def disarm(self) -> None:
        self.acquirer.stop()

    def take(self, timeout_s: float = 5.0) -> dict[str, Any] | None:
        """What the next buffer says, and its bytes as "pixels"; None when none came in time."""
        until_s = time.monotonic() + timeout_s
        while self._monitor.num_in_queue == 0:
            if time.monotonic() > until_s:
                return None
            time.sleep(0.0005)
        self._monitor.update_event_data(100)
        buffer = self._monitor.buffer
        try:
            return self._describe(buffer)
        finally:
            buffer.parent.queue_buffer(buffer)

    def take_many(self, n: int) -> list[dict[str, Any]]:
        found = [self.take() for _ in range(n)]
        assert None not in found, f"only {found.index(None)} of {n} buffers came"
        return [one for one in found if one is not None]

    def take_rest(self) -> list[dict[str, Any]]:
        """Every buffer that comes of what was asked until now."""
        controls().cameras[self._index].settle()
        found = []
        while (frame := self.take(0.0)) is not None:
            found.append(frame)
        return found

    def _describe(self, buffer: Any) -> dict[str, Any]:
        found = {
            "id": buffer.frame_id,
            "is_complete": bool(buffer.is_complete()),
            "wh": [buffer.width, buffer.height],
            "rows": buffer.delivered_image_height,
            "filled": buffer.size_filled,
            "padding": buffer.padding_x,
            "format": buffer.pixel_format,
            "is_larger": bool(buffer.has_received_larger_payload()),
            "timestamp_ns": buffer.timestamp_ns,
            # raw_buffer is the announced memory itself, and of immutable bytes CPython copies nothing.
            "pixels": bytes(bytearray(buffer.raw_buffer)[: buffer.size_filled]),
            "chunks": {},
        }
        if buffer.is_containing_chunk_data():
            found["chunks"] = self._chunks(buffer)
        return found

    def _chunks(self, buffer: Any) -> dict[str, float]:
        is_listed = buffer.tl_type == "Custom"
        where = buffer.chunk_data_info_list if is_listed else buffer.delivered_chunk_payload_size
        self.acquirer._chunk_adapter.attach_buffer(buffer.raw_buffer, where)
        values = {}
        for name in CHUNKS:
            try:
                values[name] = getattr(self.nodes, f"Chunk{name}").value
            except Exception:  # noqa: BLE001 - whatever GenApi says of a chunk that is not there
                continue
        return values


def stamp_of(pixels: bytes) -> list[int]:
    """(part number, frame id, camera) of a stamped picture."""
    return list(struct.unpack(">IQI", pixels[:16]))


def pattern(width: int, height: int, frame_id: int, n_bytes: int = 1) -> npt.NDArray[np.uint8]:
    """The pattern of a format with whole bytes, shape (height, width * n_bytes)."""
    rows = np.arange(height)[:, None] + np.arange(width * n_bytes)[None, :] + frame_id
    return (rows & 255).astype(np.uint8)


def is_pattern(found: dict[str, Any], n_bytes: int = 1) -> bool:
    """Whether the rows that arrived are the pattern of the buffer's own frame id."""
    width, rows = found["wh"][0], found["rows"]
    step = width * n_bytes + found["padding"]
    got = np.frombuffer(found["pixels"], np.uint8)[: step * rows].reshape(rows, step)[:, : width * n_bytes]
    return bool((got == pattern(width, rows, found["id"], n_bytes)).all())


def without_pixels(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """What fits JSON."""
    return None if found is None else {name: value for name, value in found.items() if name != "pixels"}


__all__ = ["Consumer", "controls", "gentl", "is_pattern", "pattern", "stamp_of", "without_pixels"]
