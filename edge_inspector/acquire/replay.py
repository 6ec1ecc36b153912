"""Pictures of a folder, played like a camera."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from edge_inspector.acquire.pace import Pace
from edge_inspector.acquire.picture_size import picture_size
from edge_inspector.acquire.picture_whole import picture_fault
from edge_inspector.acquire.plan import ReplayPlan
from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.core.frame import U8, Arrival, ArrivalKind, FrameShape
from edge_inspector.core.logs import get_log
from edge_inspector.core.ports import SourceEnded

log = get_log(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Files that are pictures, whatever the case of their suffix."""
_CACHE_BYTES = 256 << 20  # a folder that decodes to less is decoded once: looping at 1000 Hz must cost nothing
_HEADROOM_BYTES = 16 << 20  # what metadata (maker notes, previews) may add to the file of an uncompressed picture


class ReplayCamera:
    """Plays a folder in the order of the names. Obeys the `Camera` port; frame ids count from 1, on over loops.

    A picture that cannot be read or has another size is an INVALID arrival, as a broken one from a camera would be.
    The next picture is decoded while its time has not come yet, so decoding adds nothing to the trigger's latency.
    """

    discarded = 0

    def __init__(self, plan: ReplayPlan) -> None:
        self._plan = plan
        self._transport_ns = round(plan.transport_ms * 1e6)
        self._files: list[Path] = []

    def __enter__(self) -> Self:
        """List the folder and begin again at its first picture.

        Raises:
            CameraNotFoundError: There is no such folder, or no picture in it.
        """
        self._files = list_pictures(self._plan.folder)
        self._is_cached = len(self._files) * self._plan.frame.n_bytes <= _CACHE_BYTES
        self._decoded: dict[int, U8 | None] = {}
        self._refused: set[int] = set()
        self._pace = Pace(self._plan.rate_hz)
        self._frame_id = 0
        return self

    def fetch(self, timeout_s: float) -> Arrival | None:
        """Return the next picture, None when it is not due within the time; see the `Camera` port."""
        if not self._plan.loop and self._frame_id >= len(self._files):
            raise SourceEnded
        pixels = self._decode(self._frame_id % len(self._files))
        due_ns = self._pace.wait(timeout_s)
        if due_ns is None:
            return None
        if not self._is_cached:
            self._decoded.clear()  # the caller holds the only one now
        self._frame_id += 1
        kind = ArrivalKind.INVALID if pixels is None else ArrivalKind.FRAME
        return Arrival(kind, self._frame_id, due_ns - self._transport_ns, "host", pixels)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the pictures go."""
        self._decoded = {}

    def _decode(self, index: int) -> U8 | None:
        if index not in self._decoded:
            try:
                self._decoded[index] = read_picture(self._files[index], self._plan.frame)
            except UnreadablePicture as why:
                self._decoded[index] = None
                if index not in self._refused:  # once a file, not once a loop
                    self._refused.add(index)
                    log.warning("picture_refused", file=self._files[index].name, why=str(why))
        return self._decoded[index]


class UnreadablePicture(Exception):  # noqa: N818 - a state of a file, met by nobody outside this room
    """Raised by `read_picture` with the reason; becomes an INVALID arrival."""


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder, sorted by name; sub-folders and hidden files are left out.

    Whatever else has the name of a picture stands for a part, even a link that leads nowhere: it will be INVALID.

    Raises:
        CameraNotFoundError: There is no such folder, it may not be read, or no picture is in it.
    """
    try:
        files = sorted(
            (
                path
                for path in folder.iterdir()
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not os.path.isdir(path)
            ),
            key=lambda path: path.name,
        )
    except OSError as error:
        raise CameraNotFoundError(
            f"picture folder {folder} cannot be read ({error.strerror}); check camera.folder"
        ) from error
    if not files:
        raise CameraNotFoundError(
            f"picture folder {folder} holds no picture; put {', '.join(SUFFIXES)} files there or check camera.folder"
        )
    return files


def read_picture(path: Path, shape: FrameShape) -> U8:
    """Decode one picture.

    Returns:
        Shape (h, w, c) as `shape` says, RGB or grey, read-only. An alpha channel is dropped.

    Raises:
        UnreadablePicture: It cannot be read or decoded, is cut off, holds several pictures, or has another size,
            depth or number of channels.
    """
    try:
        # Uncompressed, 16 bit and with alpha a picture of this size has 8 bytes a pixel; more is no such picture.
        limit = 8 * shape.height * shape.width + _HEADROOM_BYTES
        # NONBLOCK: opening a pipe without a writer would otherwise wait for ever.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadablePicture("a pipe or device, not a picture file")
            data = file.read(limit + 1)
    except OSError as error:
        raise UnreadablePicture(error.strerror or "cannot be opened") from error
    if len(data) > limit:
        raise UnreadablePicture(f"file is larger than {limit} bytes")
    size = picture_size(data)
    if size is None:
        raise UnreadablePicture("not a readable PNG, JPEG, BMP or TIFF file")
    if size != (shape.height, shape.width):
        raise UnreadablePicture(f"picture is {size[1]}x{size[0]}, the frame is {shape.width}x{shape.height}")
    if fault := picture_fault(data):
        raise UnreadablePicture(fault)
    return _to_frame(_decode_bytes(data), shape)


def _decode_bytes(data: bytes) -> U8:
    try:
        # UNCHANGED: never turned by EXIF, never scaled from 16 to 8 bit, grey stays grey.
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise UnreadablePicture(f"cannot be decoded: {error.err}") from error
    if pixels is None:
        raise UnreadablePicture("cannot be decoded")
    if pixels.dtype != np.uint8:
        raise UnreadablePicture(f"{pixels.dtype} samples, 8 bit are needed")
    return np.atleast_3d(pixels).astype(np.uint8, copy=False)


def _to_frame(pixels: U8, shape: FrameShape) -> U8:
    channels = pixels.shape[2]
    if channels == 4:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB).astype(np.uint8, copy=False)
    elif channels == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    if pixels.shape != shape.hwc:
        raise UnreadablePicture(
            f"picture has shape (h, w, c) = {pixels.shape}, the frame has {shape.hwc}; check camera.frame"
        )
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False  # a cached picture is handed out again in the next loop
    return pixels
