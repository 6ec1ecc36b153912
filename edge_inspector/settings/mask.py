"""Reading a mask picture: black where nothing is inspected, white elsewhere, nothing in between."""

from __future__ import annotations

from pathlib import Path

MAX_BYTES = 64 * 1024 * 1024
"""A PNG of two values has some kilobytes, whatever its size."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 24  # signature, length and name of the first chunk, width, height


def read_mask(path: Path, frame_hw: tuple[int, int]) -> bytes | str:
    """Return the ignored pixels of a mask picture, or what is wrong with the file.

    Args:
        path: A PNG.
        frame_hw: Height and width that it must have, in pixels.

    Returns:
        Rows from the top, one bit for each pixel, set where the picture is black, as `numpy.packbits` packs them; or
        a sentence for the person who named the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}; name a PNG, relative to the folder of this file"
    if len(content) > MAX_BYTES or not content.startswith(_SIGNATURE) or len(content) < _HEADER_BYTES:
        return f"{path} is no PNG; save the mask as one: other formats blur the edge between black and white"
    # Compared before anything is unpacked: a small file may claim a picture that no memory holds.
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if (height, width) != frame_hw:
        return f"{path} is {width}x{height} px, the frame {frame_hw[1]}x{frame_hw[0]}; a mask must have its size"
    return _ignored(path, content)


def _ignored(path: Path, content: bytes) -> bytes | str:
    # Loaded for a mask alone: a configuration without one is read in a third of the time.
    import cv2
    import numpy as np

    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        return f"{path} is damaged: it cannot be decoded; save it again"
    if pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        return f"{path} has 16 bits or transparency; save it as a PNG of 8 bits, black and white alone"
    channels = pixels.reshape(*pixels.shape[:2], -1)
    grey = channels[:, :, 0]
    odd = ((grey != 0) & (grey != 255)) | (channels != grey[:, :, None]).any(axis=2)
    if odd.any():
        y, x = (int(axis[0]) for axis in np.nonzero(odd))
        found = "/".join(str(value) for value in channels[y, x].tolist())
        return f"{path} holds {found} at x={x}, y={y}; a mask is black (0) or white (255), without anything between"
    return np.packbits(grey == 0).tobytes()
