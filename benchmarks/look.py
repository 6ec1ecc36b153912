"""CPU time of looking at one picture before the model is asked.

$ python benchmarks/look.py --frame 256x1600

In one thread, over pictures in turn, so that none is in the cache from the time before. CPU time of the process: it
hardly depends on what else runs here.
"""

from __future__ import annotations

import statistics
import time

import click
import cv2
import numpy as np

from edge_inspector.decide.image_health import CHECKS, Baseline, HealthRules, look_at

PICTURES = 32
"""40 MB of 1600x256 colour strips: more than most caches hold."""


@click.command()
@click.option("--frame", default="256x1600", show_default=True, help="Height x width, in pixels.")
@click.option("--rounds", default=15, show_default=True)
def main(frame: str, rounds: int) -> None:
    """Print the median CPU time of one look, grey and colour."""
    cv2.setNumThreads(1)
    height, width = (int(side) for side in frame.split("x"))
    rules = HealthRules(dict.fromkeys(CHECKS, "unknown"), 0.99, 0.9, 0.4, 0.4, Baseline(127.0, 80.0))
    for channels, name in ((1, "grey"), (3, "colour")):
        pictures = np.random.default_rng(0).integers(0, 256, (PICTURES, height, width, channels), dtype=np.uint8)
        took_ms = []
        for _ in range(rounds):
            began = time.process_time()
            for _ in range(10):
                for pixels in pictures:
                    look_at(pixels, rules)
            took_ms.append((time.process_time() - began) / PICTURES / 10 * 1e3)
        low, middle, high = min(took_ms), statistics.median(took_ms), max(took_ms)
        click.echo(f"{width}x{height} {name}: {middle:.3f} ms CPU a picture (from {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
