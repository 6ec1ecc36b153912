"""Where the picture is in a buffer, and whether it is the picture that was configured."""

from __future__ import annotations

from typing import Any, NamedTuple

from genicam import gentl

from edge_inspector.acquire.pixels import FORMATS, PixelFormat, n_bytes_needed
from edge_inspector.core.frame import FrameShape

_MULTI_PART = 10  # PAYLOAD_TYPE_MULTI_PART
_NO_IMAGE = {2: "raw data", 3: "a file", 5: "a JPEG", 6: "a JPEG 2000", 7: "an H.264 stream", 8: "chunk data only"}
_PART_2D_IMAGE = 1  # PART_DATATYPE_2D_IMAGE


class BadBuffer(Exception):  # noqa: N818 - a state of a buffer, met by nobody outside this room
    """Raised with the reason when a complete buffer does not hold the configured picture."""


class ImagePart(NamedTuple):
    """Where the picture lies."""

    offset: int
    """Bytes from the start of the buffer."""
    padding_x: int
    """Bytes after each row."""


def value_or(source: Any, name: str, default: Any) -> Any:
    """Return an attribute of a GenTL object, `default` where the producer does not know it."""
    try:
        return getattr(source, name)
    except gentl.GenericException:
        return default


def find_image(buffer: Any, shape: FrameShape, pixel_format: PixelFormat) -> ImagePart:
    """Return where the picture lies in a complete buffer that holds what was configured.

    Args:
        buffer: `genicam.gentl.Buffer`, not given back yet.
        shape: The configured frame.
        pixel_format: The configured pixel format.

    Raises:
        BadBuffer: Another size or format, too few bytes, or no picture at all.
    """
    payload = int(value_or(buffer, "payload_type", 1))
    if payload in _NO_IMAGE:
        raise BadBuffer(f"the buffer holds {_NO_IMAGE[payload]}, no picture")
    if buffer.has_received_larger_payload():
        raise BadBuffer("the picture was larger than its buffer")
    if payload == _MULTI_PART:
        return _find_in_parts(buffer, shape, pixel_format)
    padding_x = int(value_or(buffer, "padding_x", 0))
    offset = int(value_or(buffer, "image_offset", 0))
    # Where a producer does not say, the node map was compared when the camera was armed.
    _compare(
        (value_or(buffer, "width", shape.width), value_or(buffer, "height", shape.height)),
        value_or(buffer, "pixel_format", pixel_format.code),
        value_or(buffer, "delivered_image_height", shape.height),
        shape,
        pixel_format,
    )
    filled = int(value_or(buffer, "size_filled", 0)) - offset
    needed = n_bytes_needed(pixel_format, shape, padding_x)
    if filled < needed:
        raise BadBuffer(f"{filled} bytes arrived, the picture has {needed}")
    return ImagePart(offset, padding_x)


def _find_in_parts(buffer: Any, shape: FrameShape, pixel_format: PixelFormat) -> ImagePart:
    """Return the first flat picture of a multi-part buffer, as stereo and 3D cameras send."""
    for part in buffer.parts:
        if int(value_or(part, "data_type", -1)) != _PART_2D_IMAGE:
            continue
        padding_x = int(value_or(part, "x_padding", 0))
        _compare(
            (value_or(part, "width", -1), value_or(part, "height", -1)),
            value_or(part, "data_format", -1),
            value_or(part, "delivered_image_height", shape.height),
            shape,
            pixel_format,
        )
        size = int(value_or(part, "data_size", 0))
        needed = n_bytes_needed(pixel_format, shape, padding_x)
        if size < needed:
            raise BadBuffer(f"{size} bytes arrived, the picture has {needed}")
        return ImagePart(int(part.data_offset), padding_x)
    raise BadBuffer("the buffer has several parts and none is a flat picture")


def _compare(wh: tuple[int, int], code: int, delivered: int, shape: FrameShape, pixel_format: PixelFormat) -> None:
    if wh != (shape.width, shape.height):
        raise BadBuffer(f"the picture is {wh[0]}x{wh[1]}, the frame is {shape.width}x{shape.height}")
    if code != pixel_format.code:
        names = {known.code: known.name for known in FORMATS}
        raise BadBuffer(f"the picture is {names.get(code, hex(code))}, configured is {pixel_format.name}")
    # Line-scan cameras may end a frame early; zero is what producers say that do not fill it in.
    if delivered not in (0, shape.height):
        raise BadBuffer(f"only {delivered} of {shape.height} rows arrived")
