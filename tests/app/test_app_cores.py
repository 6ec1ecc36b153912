"""Cores that this computer does not offer are found before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from app_samples import bundle_in

from edge_inspector.app.start import prepare
from edge_inspector.core.errors import SettingsError


def config_with(folder: Path, cores: list[int]) -> Path:
    bundle_in(folder / "bundle")
    given = {
        "line": "press-3",
        "camera": {"kind": "synthetic", "frame": {"width": 128, "height": 64, "channels": 1}},
        "model": {"bundle": "bundle", "unsigned": "allow"},
        "performance": {"cores": {"inspect": cores}},
        "state_dir": "state",
    }
    config = folder / "line.yaml"
    config.write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
    return config


def test_a_core_that_is_not_there_is_a_mistake_of_the_configuration_told_at_its_line(tmp_path: Path) -> None:
    config = config_with(tmp_path, [8000])

    with pytest.raises(SettingsError, match="may not use core 8000 here, only") as caught:
        prepare(config)

    [mistake] = caught.value.mistakes
    assert caught.value.exit_code == 78
    assert mistake.line is not None
    assert "inspect:" in config.read_text().splitlines()[mistake.line - 1]


def test_cores_that_are_there_are_taken(tmp_path: Path) -> None:
    ready = prepare(config_with(tmp_path, [max(os.sched_getaffinity(0))]))

    assert ready.settings.performance.cores.inspect == [max(os.sched_getaffinity(0))]
