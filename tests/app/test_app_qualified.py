"""What doctor makes of what was kept of qualifying a line."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fakes.tiny_bundle import write_tiny_bundle
from test_app_choice import CPU, CPU8, trial
from test_app_doctor import configuration

from edge_inspector.app.checkup import Asked
from edge_inspector.app.examine_model import qualified
from edge_inspector.app.patient import Patient
from edge_inspector.app.qualified import here, keep, qualified_rows
from edge_inspector.app.qualify import Pace, jobs_of
from edge_inspector.app.qualify_report import Report, Result
from edge_inspector.app.ready import Ready
from edge_inspector.app.start import prepare
from edge_inspector.app.trial import Standing
from edge_inspector.doctor.row import Row, Status

HERE = {"cpu": "a processor", "gpu_driver": None, "versions": {"onnxruntime": "1.31.1"}}


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    write_tiny_bundle(tmp_path / "bundle", channels=1, int8="same")
    return prepare(configuration(tmp_path))


def report(ready: Ready, int8_rate: float = 20.0, fp32: Standing = Standing.PROVEN) -> Report:
    [job] = jobs_of(ready)
    trials = (trial(CPU, [10.0] * 4, fp32), trial(CPU8, [int8_rate] * 4))
    return Report(ready.settings, "line.yaml", (Result(job, trials, None, job.configured),), Pace(), False)


def row(ready: Ready, **now: Any) -> Row:
    [found] = qualified_rows(ready, copy.deepcopy(HERE) | now)
    return found


def test_what_was_never_qualified_is_a_note(ready: Ready) -> None:
    assert (row(ready).status, "never measured" in row(ready).seen) == (Status.NOTE, True)


def test_a_line_that_runs_on_what_is_recommended_is_ok(ready: Ready) -> None:
    found = report(ready, int8_rate=10.0)

    said = keep(found, found.as_json(HERE))

    assert said == f"kept in {ready.settings.state_dir}/qualified.json"
    assert (row(ready).status, "cpu fp32 is recommended, and what the line runs on" in row(ready).seen) == (
        Status.OK,
        True,
    )
    assert oct((ready.settings.state_dir / "qualified.json").stat().st_mode & 0o777) == "0o644"


def test_a_slower_engine_than_the_recommended_one_is_a_note(ready: Ready) -> None:
    found = report(ready)
    keep(found, found.as_json(HERE))

    assert row(ready).status is Status.NOTE
    assert "cpu int8 is recommended, the line runs on cpu fp32" in row(ready).seen
    assert "--write" in row(ready).next


def test_a_line_that_runs_on_what_was_refused_is_a_warning(ready: Ready) -> None:
    found = report(ready, fp32=Standing.REFUSED)
    keep(found, found.as_json(HERE))

    assert (row(ready).status, "cpu fp32 was refused: why" in row(ready).seen) == (Status.WARNING, True)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({"cpu": "another"}, "for another processor"),
        ({"versions": {"onnxruntime": "1.32.0"}}, "for other versions"),
        ({"gpu_driver": "1"}, "for another GPU driver"),
    ],
)
def test_what_was_measured_under_other_circumstances_says_nothing_any_more(
    ready: Ready, now: dict[str, Any], words: str
) -> None:
    found = report(ready, int8_rate=10.0)
    keep(found, found.as_json(HERE))

    assert (row(ready, **now).status, words in row(ready, **now).seen) == (Status.NOTE, True)


def test_another_bundle_is_seen(ready: Ready, tmp_path: Path) -> None:
    found = report(ready, int8_rate=10.0)
    keep(found, found.as_json(HERE))
    write_tiny_bundle(tmp_path / "bundle", channels=1, int8="near")

    assert "for another bundle" in row(prepare(tmp_path / "line.yaml")).seen


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": "insp-qualify/1"}', '{"schema": "insp-qualify/2"}', "[" * 9999]
)
def test_a_damaged_file_is_a_note(ready: Ready, text: str) -> None:
    ready.settings.state_dir.mkdir()
    (ready.settings.state_dir / "qualified.json").write_text(text)

    assert (row(ready).status, "damaged or of another version" in row(ready).seen) == (Status.NOTE, True)


def test_a_state_folder_that_cannot_be_written_is_no_failure(ready: Ready) -> None:
    ready.settings.state_dir.write_text("a file stands here")
    found = report(ready)

    assert keep(found, found.as_json(HERE)).startswith("not kept: ")


def test_doctor_asks_for_it_and_a_line_without_a_bundle_is_a_note(ready: Ready, tmp_path: Path) -> None:
    found = report(ready, int8_rate=10.0)
    keep(found, found.as_json(here()))

    assert [one.status for one in qualified(Patient(Asked(tmp_path / "line.yaml")))] == [Status.OK]
    os.remove(tmp_path / "bundle" / "manifest.json")
    assert [one.status for one in qualified(Patient(Asked(tmp_path / "line.yaml")))] == [Status.NOTE]


def test_what_is_kept_is_json_with_all_figures(ready: Ready) -> None:
    found = report(ready)
    keep(found, found.as_json(HERE))

    kept = json.loads((ready.settings.state_dir / "qualified.json").read_text())

    [model] = kept["models"]
    assert (model["recommended"], model["configured"]) == (
        {"provider": "cpu", "precision": "int8"},
        {"provider": "cpu", "precision": "fp32"},
    )
    assert [one["ratio"]["median"] for one in model["trials"]] == [1.0, 2.0]
    assert model["trials"][0]["part_ms"] == {"p50": 100.0, "p99": 100.0, "n": 400}
