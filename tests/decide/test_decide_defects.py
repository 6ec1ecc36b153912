"""From sightings to defects."""

from __future__ import annotations

from edge_inspector.core.verdict import Defect
from edge_inspector.decide.defects import MAX_DEFECTS, Sighting, merged_defects


def test_what_two_overlapping_tiles_saw_alike_is_one_defect_that_holds_both() -> None:
    defects = merged_defects(
        [
            Sighting(tile=0, box=(192, 0, 64, 32), score=0.9, label="PIT"),
            Sighting(tile=1, box=(224, 0, 64, 32), score=0.7, label="PIT"),
        ]
    )

    assert defects == (Defect(192, 0, 96, 32, 0.9, "PIT"),)


def test_boxes_of_one_tile_stay_apart_even_where_their_rectangles_overlap() -> None:
    ring, centre = (0, 0, 160, 160), (64, 64, 32, 32)

    defects = merged_defects([Sighting(0, ring, 0.9, "PIT"), Sighting(0, centre, 0.9, "PIT")])

    assert len(defects) == 2


def test_another_label_at_the_same_place_is_another_defect() -> None:
    defects = merged_defects([Sighting(0, (0, 0, 32, 32), 0.9, "PIT"), Sighting(1, (0, 0, 32, 32), 0.8, "SCRATCH")])

    assert [defect.label for defect in defects] == ["PIT", "SCRATCH"]


def test_boxes_that_share_less_than_half_of_the_smaller_are_two_defects() -> None:
    defects = merged_defects([Sighting(0, (0, 0, 96, 32), 0.9, "PIT"), Sighting(1, (64, 0, 96, 32), 0.8, "PIT")])

    assert len(defects) == 2


def test_no_more_sightings_are_read_than_are_told() -> None:
    sightings = iter([Sighting(i, (32 * i, 0, 32, 32), 0.9, "PIT") for i in range(100)])

    defects = merged_defects(sightings)

    assert len(defects) == MAX_DEFECTS == 32
    assert next(sightings).tile == 32
