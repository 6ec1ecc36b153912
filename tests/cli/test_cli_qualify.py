"""`model qualify` as a person calls it: the table, the choice in the file, the words, the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from cli_program import Said, Sandbox, has_all, heard
from fakes.tiny_bundle import draw_tile, write_tiny_bundle

from edge_inspector.app import qualify
from edge_inspector.cli import main
from edge_inspector.infer.candidates import Candidate

Say = Callable[..., Said]
QUICK = ("--seconds", "0.3")


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Call the program in this process, through what prints its errors; it knows the CPU alone."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(qualify, "candidates", lambda precisions: [Candidate("cpu", one) for one in sorted(precisions)])

    def say(*arguments: str | Path) -> Said:
        code = main._run(["model", "qualify", *map(str, arguments)])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return say


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


def line(sandbox: Sandbox, int8: str, **sections: Any) -> Path:
    write_tiny_bundle(sandbox.folder / "bundle", channels=3, int8=int8)
    return sandbox.config(**sections)


def test_a_slower_int8_is_named_in_80_columns_and_nothing_is_written(sandbox: Sandbox, say: Say) -> None:
    config = line(sandbox, "slow")
    before = config.read_bytes()

    told = say("--config", config, *QUICK)

    assert told.code == 0
    assert has_all(told.out, ["tiny-spots@1.0.0, camera cam0: 4 tiles a part", "int8 is slower here on cpu: 0."])
    assert "recommended: provider: cpu, precision: fp32" in told.out.splitlines()
    assert [row for row in told.out.splitlines() if len(row) > 80 and str(sandbox.folder) not in row] == []
    assert [row.split()[1:3] for row in told.out.splitlines() if row.startswith(">")] == [["cpu", "fp32"]]
    assert config.read_bytes() == before
    assert (sandbox.folder / "state/qualified.json").exists()


def test_the_choice_is_written_and_the_former_file_kept(sandbox: Sandbox, say: Say) -> None:
    config = line(sandbox, "fast")
    config.write_text(config.read_text().replace("  threads: 1\n", "  threads: 1   # one\n"))
    before = config.read_text()

    told = say("-c", config, "--write", *QUICK)

    assert told.code == 0
    assert has_all(told.out, ["written to", "line.yaml.before", "+ precision: int8", "start the line again"])
    assert config.read_text() == before.replace("bundle: bundle\n", "bundle: bundle\n  precision: int8\n")
    assert config.with_name("line.yaml.before").read_text() == before
    assert "nothing to write" in say("-c", config, "--write", *QUICK).out


def test_what_breaks_the_tolerance_is_refused_by_name(sandbox: Sandbox, say: Say) -> None:
    config = line(sandbox, "wrong", model={"bundle": "bundle", "unsigned": "allow", "precision": "int8"})

    told = say("-c", config, "--write", *QUICK)

    assert told.code == 0
    assert has_all(told.out, ["cpu int8: REFUSED", "golden/00.png (OK): score 0 should be", "names cpu int8, which is"])
    assert "precision: fp32" in config.read_text()


def test_a_bundle_of_which_nothing_is_proven_ends_with_66_and_is_not_written(sandbox: Sandbox, say: Say) -> None:
    write_tiny_bundle(sandbox.folder / "bundle", golden_shift=0.05)
    config = sandbox.config()
    before = config.read_bytes()

    told = say("-c", config, "--write", *QUICK)

    assert told.code == 66
    assert has_all(told.out, ["cpu fp32: REFUSED", "nothing of tiny-spots@1.0.0 is proven"])
    assert config.read_bytes() == before


def test_a_bundle_that_nothing_here_can_load_ends_with_70(
    sandbox: Sandbox, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = line(sandbox, "")
    monkeypatch.setattr(qualify, "candidates", lambda _: [Candidate("tensorrt", "fp32")])

    told = say("-c", config, "--write", *QUICK)

    assert told.code == 70
    assert has_all(told.out, ["tensorrt fp32: not here:", "nothing of tiny-spots@1.0.0 is proven"])


def test_labelled_pictures_that_int8_decides_otherwise(sandbox: Sandbox, say: Say) -> None:
    config = line(sandbox, "near")
    close = draw_tile((64, 64), 3, 0)
    close[:] = 150
    close[8:12, 8:12] = 79
    close[8, 8:12], close[9, 8:10] = 78, 78
    for label, pixels in (("OK", draw_tile((64, 64), 3, 1)), ("DEFECT", close)):
        (sandbox.folder / "set" / label).mkdir(parents=True)
        cv2.imwrite(str(sandbox.folder / "set" / label / "1.png"), pixels)

    told = say("-c", config, "--labelled", sandbox.folder / "set", *QUICK)

    assert told.code == 0
    assert has_all(told.out, ["2 labelled pictures: 1 OK, 1 DEFECT", "cpu int8: REFUSED: lets DEFECT/1.png pass"])
    rows = [row.split() for row in told.out.splitlines() if row.startswith("  cpu") and len(row.split()) == 6]
    assert rows == [["cpu", "fp32", "0", "0", "0", "-"], ["cpu", "int8", "1", "0", "0", "1"]]


def test_the_shape_for_programs_is_stable(sandbox: Sandbox, say: Say) -> None:
    config = line(sandbox, "slow")

    told = json.loads(say("-c", config, "--json", *QUICK).out)

    assert list(told) == [
        "schema", "line", "config", "at_utc", "here", "is_beside", "rounds", "turn_s", "labelled", "fit", "exit_code",
        "models", "kept", "written",
    ]  # fmt: skip
    [model] = told["models"]
    assert list(model) == [
        "bundle", "model_sha256", "cameras", "configured", "recommended", "said", "pictures", "trials",
    ]  # fmt: skip
    assert [list(trial) for trial in model["trials"]] == [[
        "provider", "precision", "standing", "why", "tiles_per_s", "part_ms", "ratio", "load_s", "proof_s",
        "memory_mib", "tolerance_used", "n_tiles", "chunks", "labelled",
    ]] * 2  # fmt: skip
    assert (told["schema"], told["line"], told["exit_code"], told["written"]) == ("insp-qualify/1", "cli", 0, [])
    assert model["trials"][1]["ratio"]["n"] == told["rounds"]


def test_a_bundle_alone_needs_a_key_or_the_word(tmp_path: Path, say: Say) -> None:
    bundle = write_tiny_bundle(tmp_path / "alone")

    refused, told = say(bundle), say(bundle, "--unsigned", *QUICK)

    assert (refused.code, told.code) == (66, 0)
    assert "is not signed" in refused.error
    assert "camera" not in told.out
    assert "the configuration" not in told.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "one of them"),
        (["bundle", "--config", "line.yaml"], "one of them"),
        (["bundle", "--write"], "--write and --camera are for use with --config"),
        (["--config", "line.yaml", "--unsigned"], "--keys and --unsigned are for use without --config"),
        (["bundle", "--seconds", "0"], "0.1<=x<=3600"),
    ],
)
def test_a_command_that_makes_no_sense_ends_with_64(say: Say, arguments: list[str], words: str) -> None:
    told = say(*arguments)

    assert (told.code, words in told.error) == (64, True)


def test_a_wrong_configuration_ends_with_78(sandbox: Sandbox, say: Say) -> None:
    config = sandbox.config(log="loud")

    assert say("-c", config).code == 78


def test_labelled_pictures_of_a_line_with_two_models_need_a_camera(sandbox: Sandbox, say: Say) -> None:
    view = {
        "camera": {"kind": "synthetic", "name": "b", "frame": {"width": 64, "height": 64, "channels": 3}},
        "model": {"bundle": "bundle", "unsigned": "allow", "threads": 2},
    }
    config = line(sandbox, "", more_views=[view])
    (sandbox.folder / "set/OK").mkdir(parents=True)
    cv2.imwrite(str(sandbox.folder / "set/OK/1.png"), draw_tile((64, 64), 3, 1))

    asked, told = (say("-c", config, "-l", sandbox.folder / "set", *more, *QUICK) for more in ([], ["--camera", "b"]))

    assert (asked.code, told.code) == (64, 0)
    assert "--camera cam0 or b" in asked.error
    assert "camera b: 1 tiles a part" in told.out


def test_while_the_line_inspects_it_keeps_its_cores_unless_told_otherwise(sandbox: Sandbox, say: Say) -> None:
    config = line(sandbox, "")
    with sandbox.listen() as client:
        sandbox.start("run", "--config", config)
        heard(client, lambda message: message.kind == "verdict")

        refused, beside = say("-c", config), say("-c", config, "--beside", *QUICK)
        neighbour = say(sandbox.folder / "bundle", "--unsigned", *QUICK)

    assert (refused.code, beside.code) == (64, 0)
    assert has_all(refused.error, ["line cli inspects (process", "--beside"])
    assert has_all(beside.out, ["BESIDE a running line"])
    assert "another line inspects on this computer" in neighbour.err
