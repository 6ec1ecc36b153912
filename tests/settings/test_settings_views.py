"""`more_views` and `sets`: each camera is checked as if it were the only one, and all of them together."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from settings_samples import GENICAM, GOOD

from edge_inspector.settings.describe import describe
from edge_inspector.settings.load import load_line

Complaints = Callable[[str], list[str]]
VIEW = "more_views: [{camera: {kind: replay, name: side, folder: pictures, frame: {width: 64, height: 32, channels: 1}%s}%s}]\n"
REAL = "more_views: [{camera: {kind: genicam, name: side, cti: viky, frame: {width: 64, height: 32, channels: 1}%s}}]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + VIEW % (", name: cam0", ""), "10: more_views[0].camera.name: stands twice, in line 10 and in line 10; keep one"),
        (GOOD + (VIEW % ("", "")).replace("side", "cam0"), "10: more_views[0].camera.name: the name cam0 is taken by another camera; each needs its own"),
        (GOOD + VIEW % ("", ", ring: {slots: 4, evidence_slots: 2}"), "10: more_views[0].ring.evidence_slots: 2 of 4 slots lent to evidence leave too few"),
        (GOOD + VIEW % ("", ", decide: {min_area_px: 5000}"), "10: more_views[0].decide.min_area_px: 5000 px are more than the whole frame of 2048 px"),
        (GOOD + VIEW % ("", ", decide: {deadline_ms: 5}"), "10: more_views[0].decide.deadline_ms: unknown key here; `deadline_ms` belongs under `decide:`"),
        (GOOD + VIEW % ("", ", regions: {roi: {width: 65, height: 8}}"), "10: more_views[0].regions.roi: reaches to x=65, y=8, outside the frame of 64x32 px"),
        (GOOD + (VIEW % ("", "")).replace("pictures", "nowhere"), "10: more_views[0].camera.folder: there is no folder"),
        (GOOD + (VIEW % ("", "")).replace("replay", "replai"), "10: more_views[0].camera.kind: must be genicam, replay or synthetic, not replai; did you mean `replay`?"),
        (GOOD + (VIEW % ("", "")).replace("width: 64", "width: 6"), "10: more_views[0].camera.frame.width: must be a whole number from 16 to 65536, not 6"),
        (GOOD + VIEW % ("", "") + "sets: {wait_ms: 1500}", "11: sets.wait_ms: 1500 ms is longer than the lease of 1000 ms"),
        (GOOD + VIEW % ("", ", later_ms: 1900"), "10: more_views[0].later_ms: 1900 ms and the 200 of sets.wait_ms are over twice the lease of 1000 ms; raise endpoints.lease_ms"),
        (GENICAM + REAL % "" + "sets: {by: count}", "10: more_views[0].camera.trigger_count: sets by count need every trigger counted"),
        (GENICAM + REAL % ", trigger_count: {source: counter}" + "sets: {by: count}", "2: camera.trigger_count: sets by count need every trigger counted"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_line(complaints: Complaints, text: str, expected: str) -> None:
    assert any(expected in told for told in complaints(text)), complaints(text)


def test_a_view_is_a_line_of_one_camera_with_what_differs(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    (tmp_path / "bundle").mkdir()
    file = tmp_path / "line.yaml"
    view = VIEW % ("", ", decide: {limits: {CRACK: 0.4}}, tiling: {overlap: 3}")
    file.write_text(
        GOOD + view + "decide: {deadline_ms: 90, min_defect_tiles: 2}\nregions: {roi: {width: 300, height: 200}}\n"
    )

    first, side = load_line(file).views()

    assert (first.camera.name, side.camera.name) == ("cam0", "side")
    assert (first.more_views, side.more_views) == ([], [])
    assert (side.tiling.overlap, first.tiling.overlap) == (3, 0)
    assert (side.decide.limits, side.decide.min_defect_tiles, side.decide.deadline_ms) == ({"CRACK": 0.4}, 1, 90.0)
    assert first.decide.min_defect_tiles == 2
    assert side.model == first.model
    assert first.regions is not None
    assert side.regions is None, "pixels of another camera"


def test_the_sentences_say_what_each_camera_does_and_how_they_belong_together(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    (tmp_path / "bundle").mkdir()
    file = tmp_path / "line.yaml"
    file.write_text(GOOD + VIEW % ("", ", later_ms: 30"))

    told = "\n".join(describe(load_line(file)))

    assert "each part is seen by 2 cameras; triggers within 5 ms are one part" in told
    assert "side: camera side: frames of 64x32 px, grey" in told
    assert "side: sees a part 30 ms later than the first" in told
