"""Which keys may change while a line runs, and what differs between two configurations."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import (
    LIVE,
    RESTART,
    Change,
    config_name,
    differences,
    live_values,
    not_live,
    why_restart,
)
from edge_inspector.settings.reference_live import all_keys, live_keys

FRAME = {"width": 128, "height": 64, "channels": 1}
ZONE = {"name": "seal", "polygon": [[0, 0], [60, 0], [60, 60]], "limits": {"DEFECT": 0.4}}
WHOLE: dict[str, Any] = {
    "line": "press-3",
    "camera": {"kind": "synthetic", "frame": FRAME},
    "model": {"bundle": "/bundle"},
    "decide": {"limits": {"DEFECT": 0.5}},
    "gate": {"distance_mm": 1000.0, "speed_mm_s": 500.0},
    "regions": {"zones": [ZONE]},
    "more_views": [
        {"camera": {"kind": "synthetic", "name": "cam1", "frame": dict(FRAME)}, "decide": {}, "image_health": {}}
    ],
    "evidence": {"folder": "/evidence"},
    "state_dir": "/state",
}
VALUES: dict[str, tuple[Any, ...]] = {
    "recipe": ("bolts", "nuts"),
    "log": ("debug", "error"),
    "decide.limits.DEFECT": (0.1, 0.9),
    "decide.limits.CRACK": (0.2,),
    "decide.min_defect_tiles": (2, 3),
    "decide.min_area_px": (10,),
    "decide.deadline_ms": (50.0, 80.0),
    "gate.distance_mm": (1500.0,),
    "gate.lead_ms": (5.0,),
    "gate.fastest_mm_s": (600.0,),
    "regions.zones.0.limits.DEFECT": (0.3,),
    "regions.zones.0.min_defect_tiles": (2,),
    "more_views.0.decide.limits.DEFECT": (0.7,),
    "more_views.0.image_health.stuck": ("fault",),
    "image_health.black": ("fault", "metric"),
    "image_health.black_share": (0.5,),
    "bypass.allowed": (False,),
    "evidence.keep": (["PASS"], ["REJECT"]),
    "evidence.quota_mb": (5,),
    # What needs a restart.
    "line": ("press-4",),
    "camera.frame.width": (144,),
    "model.bundle": ("/other",),
    "regions.zones.0.name": ("rim",),
    "regions.zones.0.polygon": ([[0, 0], [50, 0], [50, 50]],),
    "more_views.0.later_ms": (3.0,),
    "endpoints.lease_ms": (2000,),
    "evidence.format": ("png",),
    "ring.slots": (20,),
    "performance.profile": ("throughput",),
    "drill.allowed": (False,),
    "journal.max_mb": (5000,),
    "state_dir": ("/elsewhere",),
}


def settings_of(given: dict[str, Any]) -> LineSettings:
    return LineSettings.model_validate(given)


def with_value(given: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return values with one replaced; numbers in the path are places in a list."""
    changed = copy.deepcopy(given)
    block: Any = changed
    *heads, last = path.split(".")
    for head in heads:
        block = block[int(head)] if isinstance(block, list) else block.setdefault(head, {})
    block[last] = value
    return changed


edits = st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 1), max_size=6)


def edited(chosen: dict[str, int]) -> dict[str, Any]:
    given = WHOLE
    for path, which in chosen.items():
        given = with_value(given, path, VALUES[path][which % len(VALUES[path])])
    return given


@given(edits, edits)
def test_exactly_the_edited_keys_differ_and_putting_their_values_back_leaves_nothing(
    one: dict[str, int], other: dict[str, int]
) -> None:
    before, after = edited(one), edited(other)

    found = differences(settings_of(before), settings_of(after))

    back = after
    for change in found:
        path = ".".join(map(str, change.path))
        back = with_value(back, path, change.before)
        assert path in VALUES
    back_clean = copy.deepcopy(back)
    for limits in (back_clean["decide"]["limits"], back_clean["more_views"][0]["decide"].get("limits", {})):
        for label in [label for label, limit in limits.items() if limit is None]:
            del limits[label]
    assert differences(settings_of(before), settings_of(back_clean)) == []


@given(edits)
def test_the_name_changes_with_the_values_and_with_nothing_else(chosen: dict[str, int]) -> None:
    given = edited(chosen)
    reordered = dict(reversed(list(given.items())))

    assert config_name(settings_of(given)) == config_name(settings_of(reordered))
    is_same = not differences(settings_of(WHOLE), settings_of(given))
    assert (config_name(settings_of(given)) == config_name(settings_of(WHOLE))) is is_same


def test_every_key_is_classified() -> None:
    """A new section or key without an entry in `LIVE` or `RESTART` fails here: somebody must decide."""
    blocks = {"decide", "gate", "image_health", "bypass"}
    unclassified = {
        path
        for _, _, path in all_keys()
        if path not in LIVE and path.split(".")[0].split("[")[0] not in RESTART and path not in blocks
    }

    assert unclassified == set()
    assert not {path for path in LIVE if path.split(".")[0] in RESTART and path in RESTART}


def test_every_live_key_is_one() -> None:
    there = {path for _, _, path in all_keys()}

    assert {path.removesuffix(".*") for path in LIVE} <= there
    assert "deadline_ms" in live_keys()["DecideSettings"]
    assert "folder" not in live_keys()["EvidenceSettings"]


@pytest.mark.parametrize("path", sorted(VALUES))
def test_only_what_needs_no_restart_is_live(path: str) -> None:
    [change] = differences(settings_of(WHOLE), settings_of(with_value(WHOLE, path, VALUES[path][0])))

    needs_restart = list(VALUES).index(path) >= list(VALUES).index("line")
    assert change.is_live is not needs_restart
    assert bool(not_live([change])) is needs_restart


def test_a_key_that_nobody_classified_needs_a_restart() -> None:
    change = Change(("brand_new", "key"), 1, 2)

    assert not change.is_live
    assert "nobody" in why_restart(change.path)


@pytest.mark.parametrize("path", sorted(VALUES))
def test_what_is_told_of_a_change_is_its_key_and_both_values(path: str) -> None:
    [change] = differences(settings_of(WHOLE), settings_of(with_value(WHOLE, path, VALUES[path][0])))

    written = path.replace(".0.", "[0].")
    assert change.key == written
    assert change.after == VALUES[path][0]
    assert str(change).startswith(f"{written}: ")


def test_a_block_that_comes_or_goes_is_told_key_by_key() -> None:
    without = {key: value for key, value in WHOLE.items() if key != "gate"}

    came = differences(settings_of(without), settings_of(WHOLE))
    went = differences(settings_of(WHOLE), settings_of(without))

    assert [(one.key, one.before, one.after) for one in came][:2] == [
        ("gate.distance_mm", None, 1000.0),
        ("gate.lead_ms", None, 0.0),
    ]
    assert [(one.key, one.after) for one in went][:1] == [("gate.distance_mm", None)]
    assert not_live(came) == not_live(went) == []


def test_a_null_in_a_block_that_comes_counts_where_it_needs_a_restart() -> None:
    without = {key: value for key, value in WHOLE.items() if key != "regions"}

    found = differences(settings_of(without), settings_of(WHOLE))

    assert "regions.roi" in [one.key for one in not_live(found)]


def test_evidence_that_comes_or_goes_needs_a_restart() -> None:
    without = {key: value for key, value in WHOLE.items() if key != "evidence"}

    found = not_live(differences(settings_of(without), settings_of(WHOLE)))

    assert "evidence.folder" in [one.key for one in found]


def test_a_list_of_another_length_is_told_as_a_whole_and_needs_a_restart() -> None:
    two = with_value(WHOLE, "regions.zones", [ZONE, ZONE | {"name": "rim"}])

    [change] = differences(settings_of(WHOLE), settings_of(two))

    assert (change.key, change.is_live) == ("regions.zones", False)


def test_a_section_of_a_view_that_no_longer_takes_the_first_cameras_values_shows() -> None:
    strict = with_value(WHOLE, "image_health.stuck", "fault")
    inherits = with_value(strict, "more_views.0.image_health", None)

    found = differences(settings_of(inherits), settings_of(strict))

    assert {one.key for one in found} >= {"more_views[0].image_health.black"}
    assert not_live(found) == []


def test_the_live_values_are_told_whole() -> None:
    told = live_values(settings_of(WHOLE))

    assert told["decide.limits.DEFECT"] == 0.5
    assert told["regions.zones[0].limits.DEFECT"] == 0.4
    assert told["gate.distance_mm"] == 1000.0
    assert not {"line", "state_dir", "regions.zones[0].name"} & set(told)
