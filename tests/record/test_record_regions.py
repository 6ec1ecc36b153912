"""What is drawn of regions: seen where they are, and nothing beside them."""

from __future__ import annotations

import numpy as np

from edge_inspector.core.frame import U8
from edge_inspector.record.annotate import Caption, annotate, caption_of, survey
from edge_inspector.record.regions import ZONES, DrawnRegions, shade_ignored
from edge_inspector.tile.regions import Regions, ignored_pixels

HW = (256, 1024)
CORNERS = np.array([(0, 0), (0, 256), (0, 512), (0, 768)], np.intp)
SEAL = ("seal", ((512, 64), (900, 64), (900, 200), (512, 200)))
CLAMP = ("clamp", ((0, 0), (200, 0), (200, 120), (0, 120)))


def _drawn(**areas: object) -> DrawnRegions:
    regions = Regions(**areas)  # type: ignore[arg-type]
    return DrawnRegions(regions, ignored_pixels(HW, regions))


def _survey(drawn: DrawnRegions | None, grey: int = 120, **others: object) -> U8:
    arguments = {"corners_yx": CORNERS, "tile_hw": (256, 256), "skipped_yx": None} | others
    return survey(np.full((*HW, 1), grey, np.uint8), regions=drawn, **arguments)  # type: ignore[arg-type]


def _is(picture: U8, colour: tuple[int, int, int]) -> np.ndarray:
    close: np.ndarray = (np.abs(picture.astype(int) - colour) <= 6).all(axis=2)
    return close


def test_what_is_not_inspected_is_darker_and_the_rest_is_as_it_was() -> None:
    canvas = np.full((*HW, 3), 120, np.uint8)
    ignored = np.zeros(HW, bool)
    ignored[:, :100] = True

    shade_ignored(canvas, ignored)

    assert canvas[:, :100].mean() < 80
    assert len(np.unique(canvas[:, :100, 0])) == 2  # plain and striped
    assert (canvas[:, 100:] == 120).all()


def test_a_zone_has_an_outline_in_its_own_colour_and_a_name() -> None:
    picture = _survey(_drawn(zones=(SEAL, ("other", CLAMP[1]))))

    outline = np.argwhere(_is(picture, ZONES[0]))
    assert outline.min(axis=0).tolist() == [63, 511]
    assert 0 <= outline.max(axis=0)[0] - 200 <= 1
    assert _is(picture, ZONES[1]).any()
    assert not _is(picture, ZONES[2]).any()


def test_the_inspected_rectangle_and_ignored_areas_are_outlined() -> None:
    picture = _survey(_drawn(roi=(300, 0, 600, 256), ignored=(CLAMP,)))

    assert (picture[128, 300:302] > 200).all()
    assert picture[128, 100].mean() < 120 < picture[128, 300].mean()
    assert (picture[120, 100:190] > 150).any()  # the lower edge of the clamp


def test_tiles_taken_for_background_are_marked() -> None:
    plain = _survey(None)

    picture = _survey(None, corners_yx=CORNERS[1:], skipped_yx=CORNERS[:1])

    assert (picture[:, 260:] == plain[:, 260:]).all()
    assert (picture[:, 2:250] != plain[:, 2:250]).any(axis=2).sum() > 500


def test_only_a_zone_that_rejects_has_its_plate_filled() -> None:
    def plate(zones: tuple[str, ...]) -> int:
        caption = Caption(1, "REJECT", "defect", 0.9, "m@1", zones)
        pixels = np.full((*HW, 3), 90, np.uint8)
        drawn = annotate(pixels, CORNERS, (256, 256), None, None, None, [], caption, _drawn(zones=(SEAL,)))
        return int(_is(drawn, ZONES[0])[178:198, 516:550].sum())

    assert plate(("seal",)) > 300
    assert plate(("seal",)) > 3 * plate(())


def test_names_stay_on_a_small_picture_wherever_their_area_lies() -> None:
    corner = ("a-name-of-32-letters-which-is-long", ((1000, 0), (1024, 0), (1024, 256)))

    picture = _survey(_drawn(zones=(corner,), ignored=(("roll", corner[1]),)))

    assert picture.shape == (256, 1024, 3)
    assert _is(picture, ZONES[0]).sum() > 300


def test_the_caption_names_the_zones_that_reject_and_not_all_of_many() -> None:
    zones = [{"name": f"z{n}", "n_defect_tiles": 1, "verdict": "REJECT"} for n in range(9)]
    zones.append({"name": "calm", "n_defect_tiles": 0, "verdict": "PASS"})

    caption = caption_of({"verdict": "REJECT", "reason": "defect", "zones": zones})

    assert caption.zones == tuple(f"z{n}" for n in range(9))
    assert caption_of({"verdict": "PASS"}).zones == ()


def test_a_frame_that_is_enlarged_has_its_regions_enlarged() -> None:
    regions = Regions(ignored=(("clamp", ((0, 0), (49, 0), (49, 63), (0, 63))),))
    drawn = DrawnRegions(regions, ignored_pixels((64, 300), regions))

    picture = survey(np.full((64, 300, 1), 120, np.uint8), np.array([(0, 0)], np.intp), (64, 300), drawn, None)

    assert picture.shape == (256, 1200, 3)
    assert picture[100:150, 20:190].mean() < 90
    assert abs(float(picture[100:150, 220:1100].mean()) - 120) < 2
