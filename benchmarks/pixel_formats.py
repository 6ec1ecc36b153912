"""What it costs to bring each pixel format to what the model sees: `python -m benchmarks.pixel_formats`."""

from __future__ import annotations

import statistics
import time

import cv2
import numpy as np

from edge_inspector.acquire.pixels import FORMATS, PixelFormat, copy_to_rgb, fit_format
from edge_inspector.core.frame import FrameShape

SIZES = ((1600, 256), (2448, 2048))
RUNS = 15


def milliseconds(pixel_format: PixelFormat, width: int, height: int) -> float:
    """Return the median time of one picture, in one thread, as in the camera process."""
    picture = np.random.default_rng(1).integers(0, 256, height * pixel_format.row_bytes(width), np.uint8).tobytes()
    out = np.empty((height, width, pixel_format.channels), np.uint8)
    times: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        copy_to_rgb(picture, 0, 0, pixel_format, out)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def main() -> None:
    """Print a table in Markdown."""
    cv2.setNumThreads(1)
    print("| format | " + " | ".join(f"{width}x{height}, ms" for width, height in SIZES) + " |")
    print("|---|" + "---|" * len(SIZES))
    for pixel_format in FORMATS:
        shape = FrameShape(SIZES[0][1], SIZES[0][0], pixel_format.channels)
        kinds = {pixel_format.name: pixel_format}
        if pixel_format.depth > 8:
            levels = (16, 2**pixel_format.depth - 16)
            kinds[f"{pixel_format.name} with `levels`"] = fit_format(pixel_format, shape, levels)
        for name, kind in kinds.items():
            print(f"| {name} | " + " | ".join(f"{milliseconds(kind, *size):.2f}" for size in SIZES) + " |")


if __name__ == "__main__":
    main()
