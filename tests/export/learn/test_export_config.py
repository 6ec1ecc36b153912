"""What config.json keeps of a run is what the run is asked for again, number by number."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from edge_inspector.core.errors import UsageError
from export.learn.config import STOP_PARTS, TrainConfig, keep_config, load_config, recipe, with_choices
from export.run_folder import RunFolder

CONFIGS = [recipe("lite0", "frozen"), recipe("lite0", "finetune"), recipe("plain", "finetune")]


def _keep(run: Path, config: TrainConfig) -> None:
    keep_config(RunFolder(run), config, {"sha256": "abc"}, {"torch": "1"})


@pytest.mark.parametrize("config", CONFIGS)
def test_a_run_that_goes_on_finds_the_numbers_it_began_with(config: TrainConfig, tmp_path: Path) -> None:
    _keep(tmp_path, config)
    before = (tmp_path / "config.json").read_bytes()

    _keep(tmp_path, config)

    assert (tmp_path / "config.json").read_bytes() == before
    assert load_config(tmp_path) == config
    assert hash(load_config(tmp_path)) == hash(config)


def test_every_number_of_a_run_is_kept(tmp_path: Path) -> None:
    config = TrainConfig(strengths=(0.5, 1.0), strength_tolerance=0.25, inner_folds=7)

    _keep(tmp_path, config)

    kept = json.loads((tmp_path / "config.json").read_text())["train"]
    assert kept.keys() == {field.name for field in fields(TrainConfig)}
    assert kept == asdict(config) | {"strengths": [0.5, 1.0]}


def test_a_run_that_tried_other_strengths_is_another_run(tmp_path: Path) -> None:
    config = TrainConfig(strengths=(0.5, 1.0))
    _keep(tmp_path, config)

    with pytest.raises(UsageError, match=r"train\.strengths is \[0\.5, 1\.0\] there, \[0\.5\] here"):
        _keep(tmp_path, replace(config, strengths=(0.5,)))


def test_strengths_that_are_none_are_told_with_their_file(tmp_path: Path) -> None:
    _keep(tmp_path, TrainConfig())
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"train": {"strengths": 3}}))

    with pytest.raises(UsageError, match=r"config\.json is not a run's configuration"):
        load_config(tmp_path)


def test_only_what_a_person_chose_differs_from_the_recipe() -> None:
    lite0, plain = recipe("lite0", "finetune"), recipe("plain", "finetune")

    assert (lite0.stop_parts, plain.stop_parts) == (0, STOP_PARTS)
    assert with_choices(lite0, None, None) == lite0
    assert with_choices(lite0, 3, True) == replace(lite0, epochs=3, stop_parts=STOP_PARTS)
    assert with_choices(plain, None, False) == replace(plain, stop_parts=0)
