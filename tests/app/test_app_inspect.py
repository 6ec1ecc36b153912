"""What the inspect process refuses to judge with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from app_samples import bundle_in, settings_of, values

from edge_inspector.app.judges import make_judges
from edge_inspector.app.planning import inspect_plan
from edge_inspector.app.plans import InspectPlan
from edge_inspector.app.ready import ReadyView
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.core.verdict import Outcome


@pytest.fixture
def plan(tmp_path: Path) -> InspectPlan:
    folder = bundle_in(tmp_path / "bundle")
    given = values() | {"model": {"bundle": str(folder), "unsigned": "allow", "threads": 1}}
    settings = settings_of(given)
    return inspect_plan(settings, [ReadyView(settings, load_bundle(folder, trust=ANYONE))], tmp_path / "line.yaml")


def with_view(plan: InspectPlan, **changes: Any) -> InspectPlan:
    """Return a plan whose only camera is judged otherwise."""
    [view] = plan.views
    return dataclasses.replace(plan, views=(dataclasses.replace(view, **changes),))


def test_the_model_that_main_has_checked_is_loaded_and_proven(plan: InspectPlan) -> None:
    judges = make_judges(plan, is_first=True)

    assert [judge.failure for judge in judges] == [None]


def test_side_by_side_each_worker_has_a_proven_engine_of_its_own(plan: InspectPlan) -> None:
    judges = make_judges(dataclasses.replace(plan, profile="throughput", workers=3), is_first=True)

    assert [judge.failure for judge in judges] == [None] * 3
    assert len({id(eye.engine) for judge in judges for eye in judge._eyes}) == 3


@pytest.mark.fault(
    51,
    injected="another bundle lies in the folder when a process is started again",
    seen="it judges nobody",
    noticed="at the start",
)
@pytest.mark.parametrize("is_first", [True, False])
def test_another_model_in_the_folder_than_at_the_start_judges_nobody(plan: InspectPlan, is_first: bool) -> None:
    [judge] = make_judges(with_view(plan, model="former@1", model_sha256="0" * 64), is_first)

    found = judge.failure
    assert isinstance(found, EngineError)
    assert "another model" in str(found)
    assert "former@1" in str(found)


def test_a_bundle_that_is_gone_ends_the_start_and_later_judges_nobody(plan: InspectPlan, tmp_path: Path) -> None:
    without = with_view(plan, bundle=tmp_path / "gone")

    with pytest.raises(BundleError):
        make_judges(without, is_first=True)

    [judge] = make_judges(without, is_first=False)
    assert isinstance(judge.failure, EngineError)


def test_heat_is_read_from_the_lowest_limit_on(plan: InspectPlan) -> None:
    [judge] = make_judges(with_view(plan, limits={"DEFECT": 0.3}), is_first=True)

    [eye] = judge._eyes

    assert eye.heat_from == pytest.approx(0.3)


def test_where_people_look_at_parts_that_passed_all_heat_is_read(plan: InspectPlan) -> None:
    [judge] = make_judges(dataclasses.replace(plan, keep=frozenset(Outcome)), is_first=True)

    [eye] = judge._eyes

    assert eye.heat_from == 0.0


def test_where_zones_take_scores_apart_all_heat_is_read(tmp_path: Path) -> None:
    folder = bundle_in(tmp_path / "bundle")
    given = values() | {
        "model": {"bundle": str(folder), "unsigned": "allow", "threads": 1},
        "regions": {"ignore": [{"name": "clamp", "polygon": [[0, 0], [32, 0], [32, 32], [0, 32]]}]},
    }
    settings = settings_of(given)
    ready = ReadyView(settings, load_bundle(folder, trust=ANYONE))

    [judge] = make_judges(inspect_plan(settings, [ready], tmp_path / "line.yaml"), is_first=True)

    assert judge._eyes[0].heat_from == 0.0
