"""A person who waits for an engine sees that it is made, and why."""

from __future__ import annotations

import dataclasses

import pytest

from edge_inspector.cli.building import BuildProgress
from edge_inspector.infer.runtime import Build

BUILD = Build("steel@2.0.0", "driver was 580.65.06, is 580.82.09", 240.0)


def test_a_build_is_told_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    with BuildProgress() as progress:
        progress(BUILD)
        before = capsys.readouterr().out
        progress(dataclasses.replace(BUILD, took_s=251.4))

    assert "building the TensorRT engine of steel@2.0.0, which takes minutes" in before
    assert "driver was 580.65.06, is 580.82.09; 240 s the last time" in before
    assert "was built in 251 s" in capsys.readouterr().out


def test_the_first_build_has_no_former_time(capsys: pytest.CaptureFixture[str]) -> None:
    with BuildProgress() as progress:
        progress(dataclasses.replace(BUILD, former_s=None))

    assert "the first time here" in capsys.readouterr().out


def test_an_error_in_a_build_leaves_no_bar_behind() -> None:
    progress = BuildProgress()

    with progress:
        progress(BUILD)

    assert not progress._bar.live.is_started
    assert progress._bar.tasks == []


def test_where_nothing_is_built_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with BuildProgress():
        pass

    assert capfd.readouterr() == ("", "")
