"""`gate:` what of a gate cannot be, and which deadline follows from it."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from settings_samples import GENICAM, GOOD

from edge_inspector.settings.load import load_line

Complaints = Callable[[str], list[str]]
ENCODER = GENICAM.replace(
    "  pixel_format", "  encoder: {counts_per_mm: 10, max_speed_mm_s: 900, modulus: 10000}\n  pixel_format"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "gate: {distance_mm: 100}", "10: gate.speed_mm_s: is missing"),
        (GOOD + "gate: {distance_mm: 100, speed_mm_s: 500, lead_ms: 200}", "10: gate.distance_mm: a part is there 200.0 ms after its trigger: 200 ms to act and 0 ms until its picture is here leave no time"),
        (GOOD + "gate: {distance_mm: 100, speed_mm_s: 500, fastest_mm_s: 400}", "10: gate.fastest_mm_s: 400 mm/s is slower than the usual 500"),
        (GOOD + "gate: {distance_mm: 100, speed_mm_s: 500, window_mm: 20}", "10: gate.window_mm: is told in counts, and the camera has no `encoder`"),
        (ENCODER + "gate: {distance_mm: 500, speed_mm_s: 500}", "11: gate.distance_mm: 500 mm are 5000 counts, half or more of the encoder's 10000"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_line(complaints: Complaints, text: str, expected: str) -> None:
    assert any(expected in told for told in complaints(text)), complaints(text)


@pytest.mark.parametrize(("decide", "expected"), [("", 185.0), ("decide: {deadline_ms: 90}\n", 90.0), ("decide: {deadline_ms: 300}\n", 185.0)])  # fmt: skip
def test_a_verdict_is_late_when_the_gate_or_the_site_says_so(tmp_path: Path, decide: str, expected: float) -> None:
    for name in ("pictures", "bundle"):
        (tmp_path / name).mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    file = tmp_path / "line.yaml"
    file.write_text(GOOD + decide + "gate: {distance_mm: 100, speed_mm_s: 400, fastest_mm_s: 500, lead_ms: 15}\n")

    assert load_line(file).deadline_ms == pytest.approx(expected)
