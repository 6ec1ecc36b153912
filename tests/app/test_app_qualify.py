"""Engines tried for real, each in its process: what one of them does takes nothing from the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.tiny_bundle import draw_tile, write_tiny_bundle
from test_app_doctor import configuration

from edge_inspector.app import qualify
from edge_inspector.app.labelled import find_pictures
from edge_inspector.app.qualify import Pace, jobs_of, try_all
from edge_inspector.app.qualify_ask import Wish, qualify_bundle, qualify_line
from edge_inspector.app.start import prepare_settings
from edge_inspector.app.trial import Standing, Trial
from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8
from edge_inspector.infer.candidates import Candidate
from edge_inspector.settings.load import load_line_with_lines

CPU, CPU8 = Candidate("cpu", "fp32"), Candidate("cpu", "int8")
FRAME = {"width": 64, "height": 64, "channels": 1}
SHORT = Pace(seconds=0.3, rounds=3)


@pytest.fixture
def cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try the CPU alone: what is not here costs a second each to find out."""
    monkeypatch.setattr(qualify, "candidates", lambda precisions: [Candidate("cpu", one) for one in sorted(precisions)])


def line(folder: Path, int8: str, **sections: object) -> Path:
    write_tiny_bundle(folder / "bundle", tile=(64, 64), channels=1, int8=int8)
    return configuration(folder, **sections)


def tried(
    config: Path, pace: Pace = SHORT, tell: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, Trial]:
    ready = prepare_settings(*load_line_with_lines(config), "fp32")
    [job] = jobs_of(ready)
    return {str(one.candidate): one for one in try_all(job, ready, config, (), pace, False, tell)}


def process_of(name: str) -> int:
    """Return the process of a candidate that this one started."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError, IndexError):
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == os.getpid() and name.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                return int(entry.name)
    raise AssertionError(f"no process of {name}")


def is_there(name: str) -> bool:
    with suppress(AssertionError):
        return process_of(name) > 0
    return False


@pytest.mark.usefixtures("cpu_alone")
def test_what_answers_the_same_and_works_longer_is_slower_and_not_recommended(tmp_path: Path) -> None:
    report = qualify_line(line(tmp_path, "slow"), Wish(pace=SHORT), lambda *_: None)

    [result] = report.results
    exact, slow = result.trials
    assert [one.standing for one in result.trials] == [Standing.PROVEN] * 2
    assert len(exact.turns) == len(slow.turns) == SHORT.rounds
    assert exact.facts is not None
    assert (exact.facts.n_tiles, exact.facts.memory_mib > 10, exact.facts.proof_s > 0) == (1, True, True)
    assert exact.tiles_per_s > 2 * slow.tiles_per_s
    assert result.choice is exact
    assert next(result.sentences()).startswith("int8 is slower here on cpu: 0.")
    assert report.exit_code == 0


@pytest.mark.usefixtures("cpu_alone")
def test_what_breaks_the_tolerance_is_refused_by_name_and_the_others_are_timed(tmp_path: Path) -> None:
    found = tried(line(tmp_path, "wrong"))

    assert (found["cpu int8"].standing, found["cpu int8"].turns) == (Standing.REFUSED, ())
    assert "golden/00.png (OK): score 0 should be" in found["cpu int8"].why
    assert found["cpu fp32"].is_proven
    assert len(found["cpu fp32"].turns) == SHORT.rounds


def test_what_is_not_here_is_a_row_that_says_why(tmp_path: Path) -> None:
    found = tried(line(tmp_path, ""), Pace(seconds=0.1, rounds=1))

    assert found["cpu fp32"].is_proven
    away = found["tensorrt fp32"]
    assert (away.standing, away.facts) == (Standing.ABSENT, None)
    assert "tensorrt" in away.why
    assert "\n" not in away.why


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGSEGV, "its process ended with SIGSEGV: native code"),
        (signal.SIGKILL, "its process ended with SIGKILL: no memory was left"),
        (signal.SIGSTOP, "no answer in 5.1 s: given up"),
    ],
)
@pytest.mark.usefixtures("cpu_alone")
def test_one_that_crashes_is_killed_or_hangs_is_a_row_and_the_others_go_on(
    tmp_path: Path, number: signal.Signals, words: str
) -> None:
    def strike(what: str, done: int, _total: int) -> None:
        if what.startswith("time") and done == 2:
            os.kill(process_of("cpu-int8"), number)
        assert done < 3 or not is_there("cpu-int8") or number is not signal.SIGSTOP, "what hangs is ended at once"

    found = tried(line(tmp_path, "same"), Pace(seconds=0.3, rounds=3, answer_s=5.0), strike)

    assert (found["cpu int8"].standing, len(found["cpu int8"].turns)) == (Standing.FAILED, 1)
    assert found["cpu int8"].why.startswith(words)
    assert (found["cpu fp32"].standing, len(found["cpu fp32"].turns)) == (Standing.PROVEN, 3)
    assert not is_there("cpu-fp32")


@pytest.mark.usefixtures("cpu_alone")
def test_one_that_hangs_while_it_loads_is_given_up(tmp_path: Path) -> None:
    config = line(tmp_path, "same")
    (tmp_path / "bundle" / "model.onnx").touch()
    found = tried(config, Pace(seconds=0.3, rounds=3, start_s=0.001))

    assert {one.standing for one in found.values()} == {Standing.FAILED}
    assert found["cpu fp32"].why.startswith("no answer in 0.001 s")


@pytest.mark.usefixtures("cpu_alone")
def test_several_workers_and_several_cameras_are_timed_as_they_judge(tmp_path: Path) -> None:
    view = {"camera": {"kind": "synthetic", "name": "b", "frame": {"width": 128, "height": 64, "channels": 1}}}
    config = line(
        tmp_path, "", more_views=[view], performance={"profile": "throughput", "workers": 2}, ring={"slots": 16}
    )

    found = tried(config, Pace(seconds=1e-6, rounds=2))["cpu fp32"]

    assert found.facts is not None
    assert (found.standing, found.facts.n_tiles) == (Standing.PROVEN, 3)
    assert [turn.parts for turn in found.turns] == [2, 2], "in no time at all each worker judges one part"


def test_cameras_share_a_model_or_have_their_own(tmp_path: Path) -> None:
    own = {"bundle": "bundle", "unsigned": "allow", "threads": 2}
    views = [
        {"camera": {"kind": "synthetic", "name": "b", "frame": dict(FRAME)}},
        {"camera": {"kind": "synthetic", "name": "c", "frame": dict(FRAME)}, "model": own},
        {"camera": {"kind": "synthetic", "name": "d", "frame": dict(FRAME)}, "model": own | {"threads": 1}},
    ]
    config = line(tmp_path, "", more_views=views)

    jobs = jobs_of(prepare_settings(*load_line_with_lines(config), "fp32"))

    assert [(job.cameras, job.places) for job in jobs] == [
        (("cam0", "b", "d"), (("model",), ("more_views", 2, "model"))),
        (("c",), (("more_views", 1, "model"),)),
    ]


def close_call(height: int, width: int) -> U8:
    """Return a picture whose score the exact graph puts just over the limit of 0.5, and the near one just below."""
    pixels = np.full((height, width), 150, np.uint8)
    pixels[8:12, 8:12] = 79
    pixels[8, 8:12], pixels[9, 8:10] = 78, 78
    return pixels


def write(path: Path, pixels: U8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


@pytest.mark.parametrize("frame", [(64, 64), (64, 192)], ids=["frames", "tiles"])
@pytest.mark.usefixtures("cpu_alone")
def test_a_defect_that_int8_lets_through_is_named_and_int8_refused(tmp_path: Path, frame: tuple[int, int]) -> None:
    camera = {"kind": "synthetic", "frame": {"height": frame[0], "width": frame[1], "channels": 1}}
    config = line(tmp_path, "near", camera=camera)
    for number in range(9):  # more than one question's
        write(tmp_path / f"set/OK/{number}.png", draw_tile((64, 64), 1, number))
    write(tmp_path / "set/DEFECT/sure.bmp", draw_tile((64, 64), 1, 5, spot_px=16))
    write(tmp_path / "set/DEFECT/close.png", close_call(64, 64))

    report = qualify_line(config, Wish(tmp_path / "set", pace=SHORT), lambda *_: None)

    [result] = report.results
    exact, near = result.trials
    assert [str(one) for one in exact.outcomes] == ["PASS"] * 9 + ["REJECT", "REJECT"]
    assert [str(one) for one in near.outcomes] == ["PASS"] * 9 + ["PASS", "REJECT"]
    assert near.standing is Standing.REFUSED
    assert "lets DEFECT/close.png pass" in near.why
    assert result.choice is exact


@pytest.mark.usefixtures("cpu_alone")
def test_the_line_s_own_limits_count(tmp_path: Path) -> None:
    config = line(tmp_path, "near", decide={"limits": {"DEFECT": 0.9}})
    write(tmp_path / "set/DEFECT/close.png", close_call(64, 64))
    write(tmp_path / "set/OK/good.jpg", draw_tile((64, 64), 1, 1))

    report = qualify_line(config, Wish(tmp_path / "set", pace=SHORT), lambda *_: None)

    assert [[str(one) for one in trial.outcomes] for trial in report.results[0].trials] == [["PASS", "PASS"]] * 2


def test_broken_pictures_are_all_named_before_anything_is_measured(tmp_path: Path) -> None:
    config = line(tmp_path, "")
    write(tmp_path / "set/OK/good.png", draw_tile((64, 64), 1, 1))
    write(tmp_path / "set/OK/large.png", draw_tile((96, 64), 1, 1))
    write(tmp_path / "set/DEFECT/cut.png", draw_tile((64, 64), 1, 1))
    cut = tmp_path / "set/DEFECT/cut.png"
    cut.write_bytes(cut.read_bytes()[:-20])
    steps: list[str] = []

    with pytest.raises(UsageError) as caught:
        qualify_line(config, Wish(tmp_path / "set"), lambda what, *_: steps.append(what))

    said = str(caught.value)
    assert said.startswith("2 of the labelled pictures cannot be judged")
    assert "OK/large.png: picture is 64x96, the frame is 64x64" in said
    assert "DEFECT/cut.png: cut off or damaged" in said
    assert steps == ["read the labelled pictures"]
    with pytest.raises(UsageError, match="holds no labelled picture"):
        qualify_line(config, Wish(tmp_path / "empty"), lambda *_: None)


def test_a_broken_tile_is_named_with_what_is_wrong_with_it_as_a_tile(tmp_path: Path) -> None:
    camera = {"kind": "synthetic", "frame": {"height": 64, "width": 192, "channels": 1}}
    [job] = jobs_of(prepare_settings(*load_line_with_lines(line(tmp_path, "", camera=camera)), "fp32"))
    write(tmp_path / "set/OK/cut.png", draw_tile((64, 64), 1, 1))
    cut = tmp_path / "set/OK/cut.png"
    cut.write_bytes(cut.read_bytes()[:-20])

    with pytest.raises(UsageError, match=r"OK/cut\.png: cut off or damaged"):
        find_pictures(tmp_path / "set", job.sizes)


@pytest.mark.usefixtures("cpu_alone")
def test_a_bundle_without_a_line_is_tried_on_nine_tiles(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "alone", channels=3)

    report = qualify_bundle(bundle, (), True, Wish(pace=SHORT), lambda *_: None)

    [result] = report.results
    assert result.choice is not None
    assert result.choice.facts is not None
    assert (result.choice.facts.n_tiles, result.choice.facts.chunks, result.configured) == (9, (5, 4), None)
    assert report.fit() == ""
    assert not report.settings.state_dir.exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"decide": {"deadline_ms": 5000}}, "fits the deadline of 5000 ms: p99"),
        ({"decide": {"deadline_ms": 0.001}}, "DOES NOT FIT the deadline of 0.001 ms"),
    ],
)
@pytest.mark.usefixtures("cpu_alone")
def test_the_deadline_of_the_line_is_compared(tmp_path: Path, settings: dict[str, object], words: str) -> None:
    report = qualify_line(line(tmp_path, "", **settings), Wish(pace=SHORT), lambda *_: None)

    assert words in report.fit()
    assert "keeps up with 10 parts a second" in report.fit()
