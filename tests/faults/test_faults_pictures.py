"""A lamp that grows dim: slowly enough that no picture looks worse than the one before."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from daemon import FRAME_HW, wait_until
from fakes.tiny_bundle import draw_tile
from faulty_line import FaultyLine, MakeFaulty

from edge_inspector.cli.main import _run

N = 40
DIMMEST = 0.5
"""Share of its light that the lamp has in the end. Spots are found up to grey 100; light metal is at 150."""
TOLERANCE = 0.25


@pytest.mark.timeout(90)
@pytest.mark.fault(
    53,
    injected="pictures that lose 1.3 % of their light each, down to half",
    seen="the brightness metric falls; from the tolerance on UNKNOWN `image_health`, counted as `brightness`",
    noticed="with the part",
)
def test_a_lamp_that_grows_dim_slowly_shows_in_the_metric_and_ends_in_unknown(
    make_faulty: MakeFaulty, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    write_pictures(pictures, [1.0] * N)
    health = {"brightness_tolerance": TOLERANCE, "defocus": "metric"}
    camera = {"kind": "replay", "folder": "pictures", "rate_hz": 20.0, "loop": True}
    faulty = make_faulty(camera=camera, image_health=health)
    assert _run(["camera", "baseline", "--config", str(faulty.line.config), "--frames", "20"]) == 0
    light = list(np.linspace(1.0, DIMMEST, N))
    write_pictures(pictures, light)

    faulty.start()
    wait_until(lambda: (brightness(faulty) or 255.0) < 150.0 * 0.75, 30.0, "a metric that falls")
    faulty.witness.wait_for_verdicts(N)
    code = faulty.stop()

    verdicts = faulty.witness.messages("verdict")[:N]
    reasons = [message.body["reason"] for message in verdicts]
    first = reasons.index("image_health")
    assert code == 0
    assert abs(light[first] - (1 - TOLERANCE)) < 0.05
    assert set(reasons[first:]) == {"image_health"}
    assert {message.body["verdict"] for message in verdicts[first:]} == {"UNKNOWN"}
    assert faulty.broken() == []


def write_pictures(folder: Path, light: list[float]) -> None:
    """Write clean parts under so much light."""
    for number, share in enumerate(light, 1):
        part = draw_tile(FRAME_HW, 1, seed=number).astype(np.float64) * share
        cv2.imwrite(str(folder / f"{number:03}.png"), part.round().astype(np.uint8))


def brightness(faulty: FaultyLine) -> float | None:
    head = 'edge_inspector_image_brightness{camera="cam0"} '
    return next((float(row.split()[1]) for row in faulty.line.page().splitlines() if row.startswith(head)), None)
