"""`regions:` from the configuration to the judgement of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from app_samples import settings_of, values
from fakes.inspect_parts import part_of_one
from fakes.tiny_bundle import draw_tile, write_tiny_bundle

from edge_inspector.app.judges import make_judges
from edge_inspector.app.planning import inspect_plan
from edge_inspector.app.plans import InspectPlan
from edge_inspector.app.ready import ReadyView
from edge_inspector.app.regions import region_mistakes, region_plan, scene_of
from edge_inspector.app.zoning import rules_of
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError, SettingsError
from edge_inspector.core.frame import U8
from edge_inspector.core.verdict import Judgement, Outcome, Reason
from edge_inspector.run.judge import Judge
from edge_inspector.settings.lines import LineMap

FRAME = {"width": 64 * 4, "height": 64, "channels": 1}
SECOND = [[64, 0], [127, 0], [127, 63], [64, 63]]
"""The second tile, to the pixel."""
SEAL = {"name": "seal", "polygon": [[128, 0], [255, 0], [255, 63], [128, 63]], "limits": {"DEFECT": 1.0}}
CLAMP = {"name": "clamp", "polygon": SECOND}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle"), channels=1), trust=ANYONE)


def _given(regions: dict[str, Any], **others: Any) -> dict[str, Any]:
    given = values() | {"regions": regions} | others
    return given | {"camera": given["camera"] | {"frame": FRAME}}


def _plan(given: dict[str, Any], bundle: Bundle) -> InspectPlan:
    settings = settings_of(given)
    return inspect_plan(settings, [ReadyView(settings, bundle)], Path("line.yaml"))


def _judge(bundle: Bundle, regions: dict[str, Any]) -> Judge:
    given = _given(regions, model={"bundle": str(bundle.path), "unsigned": "allow", "threads": 1})
    judge = make_judges(_plan(given, bundle), is_first=True)[0]
    assert judge.failure is None
    return judge


def _strip(*spots_at: int, spot_px: int = 16) -> U8:
    """Return four tiles of light metal side by side, some with a spot."""
    tiles = [draw_tile((64, 64), 1, seed, spot_px if seed in spots_at else 0) for seed in range(4)]
    return np.concatenate(tiles, axis=1)


def _judged(judge: Judge, pixels: U8) -> Judgement:
    return judge.judge(part_of_one(1, pixels), lambda: None, shutdown_ns=0).judgement


def test_a_spot_in_an_ignored_tile_passes_and_the_tile_is_not_counted(bundle: Bundle) -> None:
    judge = _judge(bundle, {"ignore": [CLAMP]})

    passed, rejected = _judged(judge, _strip(1)), _judged(judge, _strip(2))

    assert (passed.outcome, passed.reason, passed.n_tiles) == (Outcome.PASS, Reason.OK, 3)
    assert (rejected.outcome, rejected.defects[0].x // 64) == (Outcome.REJECT, 2)


def test_a_spot_in_a_part_of_a_tile_that_is_ignored_passes(bundle: Bundle) -> None:
    frame = _strip()
    frame[0:16, 64:80] = 30
    corner = {"name": "clamp", "polygon": [[60, 0], [95, 0], [95, 31], [60, 31]]}

    with_clamp, without = _judge(bundle, {"ignore": [corner]}), _judge(bundle, {})

    assert _judged(without, frame).outcome is Outcome.REJECT
    assert _judged(with_clamp, frame).outcome is Outcome.PASS
    frame[40:56, 64:80] = 30  # beside it, in the same tile
    assert _judged(with_clamp, frame).outcome is Outcome.REJECT


def test_a_mask_picture_does_what_a_polygon_does(bundle: Bundle, tmp_path: Path) -> None:
    pixels = np.full((64, 256), 255, np.uint8)
    pixels[:, 64:128] = 0
    assert cv2.imwrite(str(tmp_path / "mask.png"), pixels)

    judge = _judge(bundle, {"mask": str(tmp_path / "mask.png")})

    assert _judged(judge, _strip(1)).outcome is Outcome.PASS
    assert _judged(judge, _strip(0)).outcome is Outcome.REJECT


def test_a_zone_has_its_own_limits_and_says_what_it_found(bundle: Bundle) -> None:
    judge = _judge(bundle, {"zones": [SEAL | {"min_defect_tiles": 2}]})

    one, two, elsewhere = (_judged(judge, _strip(*spots)) for spots in ([2], [2, 3], [0]))

    assert (one.outcome, one.reason) == (Outcome.PASS, Reason.BELOW_AREA)
    assert two.outcome is Outcome.REJECT
    assert elsewhere.outcome is Outcome.REJECT
    assert [(zone.name, zone.n_defect_tiles) for zone in elsewhere.zones] == [("seal", 0), ("rest", 1)]


def test_what_a_lenient_zone_lets_pass_is_rejected_elsewhere(bundle: Bundle) -> None:
    judge = _judge(bundle, {"zones": [SEAL]})
    frame = _strip()
    frame[8:20, 136:148] = 97  # a faint spot in the zone: score 0.7

    lenient = _judged(judge, frame)

    assert lenient.score == pytest.approx(0.7, abs=0.1)
    assert lenient.outcome is Outcome.PASS
    assert _judged(judge, np.roll(frame, -128, axis=1)).outcome is Outcome.REJECT


def test_background_beside_the_web_is_not_asked_about(bundle: Bundle) -> None:
    judge = _judge(bundle, {"background": {"darker_than": 20}})
    frame = _strip()
    frame[:, :64] = 4  # the model would call this a defect

    judgement = _judged(judge, frame)

    assert (judgement.outcome, judgement.n_tiles) == (Outcome.PASS, 3)
    frame[:, 64:128] = 90
    frame[:, 128:192] = 4  # inside the web
    assert _judged(judge, frame).outcome is Outcome.REJECT


def test_a_picture_of_background_alone_never_passes(bundle: Bundle) -> None:
    judge = _judge(bundle, {"background": {"darker_than": 60}})

    judgement = _judged(judge, np.full((64, 256, 1), 50, np.uint8))

    assert (judgement.outcome, judgement.reason) == (Outcome.UNKNOWN, Reason.IMAGE_HEALTH)


def test_zones_without_a_measured_heat_map_are_never_judged_without_their_zones(bundle: Bundle) -> None:
    from edge_inspector.app.zoning import layout_of_regions

    [plan] = _plan(_given({"zones": [SEAL]}), bundle).views
    laid = layout_of_regions(plan, bundle.manifest)
    assert laid is not None

    with pytest.raises(EngineError, match="measured heat map"):
        rules_of(plan, bundle.manifest, laid.corners_yx, laid, margin=None)


@pytest.mark.parametrize(
    ("regions", "others", "where", "told"),
    [
        ({"roi": {"width": 63, "height": 64}}, {}, "regions.roi", "63x64 px do not hold a tile"),
        ({"ignore": [CLAMP | {"polygon": [[0, 0], [256, 0], [256, 64], [0, 64]]}]}, {}, "regions", "nothing is left"),
        ({"ignore": [CLAMP], "zones": [SEAL | {"polygon": SECOND}]}, {}, "regions.zones[0].polygon", "seal lies where"),
        ({"zones": [SEAL | {"min_defect_tiles": 3}]}, {}, "regions.zones[0].min_defect_tiles", "lies in 2 tile(s)"),
        ({"zones": [SEAL | {"min_area_px": 8193}]}, {}, "regions.zones[0].min_area_px", "never reject"),
        ({"zones": [SEAL]}, {"decide": {"min_defect_tiles": 3}}, "decide.min_defect_tiles", "that no zone touches"),
        ({"background": {"darker_than": 9, "min_tiles": 5}}, {}, "regions.background.min_tiles", "4 tiles are"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_tiles_is_told_at_its_key(
    bundle: Bundle, regions: dict[str, Any], others: dict[str, Any], where: str, told: str
) -> None:
    settings = settings_of(_given(regions, **others))

    mistakes = region_mistakes(settings, bundle.manifest, LineMap("line.yaml"))

    assert [mistake.where for mistake in mistakes] == [where]
    assert told in mistakes[0].what


@pytest.mark.parametrize("regions", [{}, {"zones": [SEAL]}, {"ignore": [CLAMP], "background": {"darker_than": 9}}])
def test_regions_that_fit_have_no_mistakes(bundle: Bundle, regions: dict[str, Any]) -> None:
    assert region_mistakes(settings_of(_given(regions)), bundle.manifest, LineMap("line.yaml")) == []


def test_a_mask_that_has_changed_since_it_was_checked_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        region_plan(settings_of(_given({"mask": str(tmp_path / "gone.png")})))


def test_a_zone_s_rules_reach_the_inspect_process() -> None:
    plan = region_plan(settings_of(_given({"zones": [SEAL | {"min_defect_tiles": 2, "min_area_px": 9}]})))

    assert plan is not None
    assert plan.areas.zones == (("seal", ((128, 0), (255, 0), (255, 63), (128, 63))),)
    assert (plan.zones[0].limits, plan.zones[0].min_defect_tiles, plan.zones[0].min_area_px) == ({"DEFECT": 1.0}, 2, 9)


def test_evidence_shows_the_tiles_that_are_asked_about(bundle: Bundle) -> None:
    scene = scene_of(settings_of(_given({"ignore": [CLAMP]})), bundle.manifest)

    assert scene.corners_yx.tolist() == [[0, 0], [0, 128], [0, 192]]
    assert scene.regions is not None
    assert scene.regions.ignored.sum() == 64 * 64
