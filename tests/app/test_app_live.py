"""What the process that judges is given of a change: all of it, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from app_samples import bundle_in, settings_of, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_inspector.app.judges import prepare_judges
from edge_inspector.app.live import check_rules, live_plan
from edge_inspector.app.live_plan import packed, unpacked, with_live
from edge_inspector.app.planning import grab_plans, inspect_plan
from edge_inspector.app.ready import ReadyView
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import SettingsError
from edge_inspector.run.terms import MOST_BYTES
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import differences, not_live

ZONE = {"name": "seal", "polygon": [[0, 0], [60, 0], [60, 60]]}
ENCODER = {"chunk": "ChunkEncoderValue", "counts_per_mm": 10.0, "max_speed_mm_s": 2000.0}
limit = st.floats(0.01, 1.0)
rules = st.fixed_dictionaries(
    {}, optional={"limits": st.fixed_dictionaries({"DEFECT": limit}), "min_defect_tiles": st.integers(1, 3)}
)
image_health = st.fixed_dictionaries(
    {},
    optional={
        "stuck": st.sampled_from([None, "metric", "unknown", "fault"]),
        "black": st.sampled_from(["metric", "unknown", "fault"]),
        "black_share": st.floats(0.1, 1.0),
        "sharpness_tolerance": st.floats(0.1, 0.9),
    },
)
live_values = st.fixed_dictionaries(
    {"decide": rules, "gate": st.fixed_dictionaries({"distance_mm": st.floats(100.0, 900.0)}), "zone": rules},
    optional={
        "recipe": st.sampled_from(["a", "b"]),
        "log": st.sampled_from(["debug", "info", "error"]),
        "image_health": image_health,
        "of_view": image_health,
        "bypass": st.fixed_dictionaries({"allowed": st.booleans(), "max_minutes": st.floats(1.0, 90.0)}),
        "keep": st.sampled_from([["REJECT"], ["PASS", "REJECT"]]),
        "deadline_ms": st.floats(10.0, 900.0),
    },
)


def line_of(live: dict[str, Any], bundle: Path) -> LineSettings:
    """Return a line of two cameras with an encoder, zones and everything that is live."""
    camera = {"kind": "genicam", "cti": "/x.cti", "frame": {"width": 128, "height": 64, "channels": 1}}
    deadline = {"deadline_ms": live["deadline_ms"]} if "deadline_ms" in live else {}
    view: dict[str, Any] = {"camera": camera | {"name": "cam1", "serial": "2"}}
    if "of_view" in live:
        view["image_health"] = live["of_view"]
    given = values() | {
        "camera": camera | {"encoder": ENCODER, "serial": "1"},
        "model": {"bundle": str(bundle), "unsigned": "allow", "threads": 1},
        "decide": live["decide"] | deadline,
        "gate": live["gate"] | {"speed_mm_s": 500.0},
        "regions": {"zones": [ZONE | live["zone"]]},
        "more_views": [view],
        "image_health": live.get("image_health", {}),
        "evidence": {"folder": "/evidence", "keep": live.get("keep", ["REJECT"])},
    }
    return settings_of(given | {key: live[key] for key in ("recipe", "log", "bypass") if key in live})


def views_of(line: LineSettings) -> list[ReadyView]:
    return [ReadyView(view, load_bundle(view.model.bundle, trust=ANYONE)) for view in line.views()]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_in(tmp_path_factory.mktemp("live") / "bundle")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(one=live_values, other=live_values)
def test_a_running_plan_with_a_live_change_is_the_plan_that_a_start_would_make(
    one: dict[str, Any], other: dict[str, Any], bundle: Path
) -> None:
    before, after = line_of(one, bundle), line_of(other, bundle)
    running, fresh = views_of(before), views_of(after)
    assert not_live(differences(before, after)) == []

    live = unpacked(packed(live_plan(after, running)))

    file = Path("line.yaml")
    assert with_live(inspect_plan(before, running, file), live) == inspect_plan(after, fresh, file)
    cameras = zip(grab_plans(before), grab_plans(after), strict=True)
    assert all(camera.camera == new.camera and camera.layouts == new.layouts for camera, new in cameras)


def test_what_no_rule_can_be_made_of_is_found_before_it_is_told(bundle: Path) -> None:
    line = line_of({"decide": {"limits": {"DEFECT": 1e-50}}, "gate": {"distance_mm": 500.0}, "zone": {}}, bundle)
    views = views_of(line)

    with pytest.raises(SettingsError, match="a limit lies over 0"):
        check_rules(live_plan(line, views), views, "line.yaml")


def test_the_largest_line_fits_into_the_memory(bundle: Path) -> None:
    line = line_of({"decide": {}, "gate": {"distance_mm": 500.0}, "zone": {"limits": {"DEFECT": 0.5}}}, bundle)
    assert line.regions is not None
    zones = [line.regions.zones[0].model_copy(update={"name": f"z{n}"}) for n in range(200)]
    many = line.model_copy(update={"regions": line.regions.model_copy(update={"zones": zones})})

    assert len(packed(live_plan(many, views_of(line)))) < MOST_BYTES // 2


def test_judges_make_new_rules_without_asking_the_model(bundle: Path) -> None:
    given = values() | {"model": {"bundle": str(bundle), "unsigned": "allow", "threads": 1}}
    before = settings_of(given)
    after = settings_of(given | {"decide": {"limits": {"DEFECT": 0.03}}, "image_health": {"stuck": "fault"}})
    plan = inspect_plan(before, views_of(before), Path("line.yaml"))
    prepared = prepare_judges(plan, True, lambda _: None)

    [sight] = prepared.sights(with_live(plan, live_plan(after, views_of(before))))

    assert float(sight.decide.keywords["rules"].limits[1]) == pytest.approx(0.03)  # type: ignore[attr-defined]
    assert sight.stuck == "fault"
    assert sight.heat_from == pytest.approx(0.03)  # a lower limit is read from at once


def test_where_no_model_is_proven_a_change_is_taken_all_the_same(bundle: Path, tmp_path: Path) -> None:
    settings_ = settings_of(values() | {"model": {"bundle": str(bundle), "unsigned": "allow", "threads": 1}})
    plan = inspect_plan(settings_, views_of(settings_), Path("line.yaml"))
    from dataclasses import replace

    gone = replace(plan, views=(replace(plan.views[0], bundle=tmp_path / "gone"),))
    prepared = prepare_judges(gone, False, lambda _: None)

    [sight] = prepared.sights(gone)

    assert prepared.judges[0].failure is not None
    assert sight.look is None
