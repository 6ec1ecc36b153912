"""What the inspect process refuses to judge with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from app_samples import bundle_in, settings_of, values

from edge_inspector.app.inspect import _model
from edge_inspector.app.planning import inspect_plan
from edge_inspector.app.plans import InspectPlan
from edge_inspector.bundle.load import load_bundle
from edge_inspector.core.errors import BundleError, EngineError


@pytest.fixture
def plan(tmp_path: Path) -> InspectPlan:
    folder = bundle_in(tmp_path / "bundle")
    given = values() | {"model": {"bundle": str(folder), "threads": 1}}
    return inspect_plan(settings_of(given), load_bundle(folder), 5, tmp_path / "line.yaml")


def test_the_model_that_main_has_checked_is_loaded_and_proven(plan: InspectPlan) -> None:
    assert isinstance(_model(plan, is_first=True), tuple)


@pytest.mark.parametrize("is_first", [True, False])
def test_another_model_in_the_folder_than_at_the_start_judges_nobody(plan: InspectPlan, is_first: bool) -> None:
    found = _model(dataclasses.replace(plan, model="former@1", model_sha256="0" * 64), is_first)

    assert isinstance(found, EngineError)
    assert "another model" in str(found)
    assert "former@1" in str(found)


def test_a_bundle_that_is_gone_ends_the_start_and_later_judges_nobody(plan: InspectPlan, tmp_path: Path) -> None:
    without = dataclasses.replace(plan, bundle=tmp_path / "gone")

    with pytest.raises(BundleError):
        _model(without, is_first=True)

    assert isinstance(_model(without, is_first=False), EngineError)
