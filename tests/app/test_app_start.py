from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from app_samples import bundle_in, changed

from edge_inspector.app.start import prepare
from edge_inspector.core.errors import BundleError, SettingsError


@pytest.fixture
def write(tmp_path: Path) -> Any:
    bundle_in(tmp_path / "bundle")

    def write(**changes: Any) -> Path:
        given: dict[str, Any] = {
            "line": "press-3",
            "camera": {"kind": "synthetic", "frame": {"width": 128, "height": 64, "channels": 1}},
            "model": {"bundle": "bundle", "unsigned": "allow"},
            "state_dir": "state",
        }
        for path, value in changes.items():
            given = changed(given, path.replace("__", "."), value)
        config = tmp_path / "line.yaml"
        config.write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
        return config

    return write


def test_a_good_configuration_comes_with_its_bundle_and_touches_no_folder(write: Any, tmp_path: Path) -> None:
    ready = prepare(write())

    assert (ready.settings.line, [view.bundle.label for view in ready.views]) == ("press-3", ["tiny-spots@1.0.0"])
    assert not (tmp_path / "state").exists()


def test_a_missing_bundle_is_a_matter_of_the_bundle(write: Any) -> None:
    with pytest.raises(BundleError, match="no-such-bundle"):
        prepare(write(model__bundle="no-such-bundle"))


def test_mistakes_of_the_file_come_before_any_look_at_the_bundle(write: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        prepare(write(model__bundle="no-such-bundle", camera__frame__width=3, log="loud"))

    assert [mistake.where for mistake in caught.value.mistakes] == ["camera.frame.width", "log"]


def test_every_misfit_between_configuration_and_bundle_is_told_with_its_line(write: Any) -> None:
    config = write(
        camera__frame={"width": 32, "height": 48, "channels": 3},
        decide={"limits": {"DEFCT": 0.5, "OK": 0.5}},
    )

    with pytest.raises(SettingsError) as caught:
        prepare(config)

    told = {mistake.where: mistake for mistake in caught.value.mistakes}
    assert set(told) == {
        "camera.frame.width",
        "camera.frame.height",
        "camera.frame.channels",
        "decide.limits.DEFCT",
        "decide.limits.OK",
    }
    lines = config.read_text().splitlines()
    for where, mistake in told.items():
        assert mistake.line is not None
        assert where.rsplit(".", 1)[1] in lines[mistake.line - 1]
    assert "did you mean `DEFECT`" in told["decide.limits.DEFCT"].what
