"""Bundles that cannot be used, for `check` and for `run`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_program import Sandbox, has_all
from fakes.tiny_bundle import write_tiny_bundle

Break = Callable[[Path], object]


def _flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _rewrite(folder: Path, **options: object) -> None:
    shutil.rmtree(folder)
    write_tiny_bundle(folder, tile=(64, 64), channels=3, **options)  # type: ignore[arg-type]


BREAKS: dict[str, tuple[Break, list[str]]] = {
    "missing": (shutil.rmtree, ["bundle"]),
    "file-instead-of-folder": (lambda b: (shutil.rmtree(b), b.write_text("")), ["bundle"]),
    "no-manifest": (lambda b: (b / "manifest.json").unlink(), ["manifest.json"]),
    "manifest-truncated": (lambda b: _truncate(b / "manifest.json"), ["manifest.json"]),
    "manifest-no-object": (lambda b: (b / "manifest.json").write_text("[]"), ["manifest.json"]),
    "model-missing": (lambda b: (b / "model.onnx").unlink(), ["model.onnx"]),
    "model-truncated": (lambda b: _truncate(b / "model.onnx"), ["model.onnx"]),
    "model-flipped": (lambda b: _flip_bit(b / "model.onnx"), ["model.onnx", "sha256"]),
    "golden-flipped": (lambda b: _flip_bit(b / "golden" / "01.png"), ["01.png", "sha256"]),
    "first-label-not-ok": (lambda b: _rewrite(b, labels=("GOOD", "DEFECT")), ["label", "OK"]),
    "labels-without-column": (lambda b: _rewrite(b, labels=("OK", "DENT", "CRACK")), ["scores", "[3]", "[2]"]),
    "graph-of-another-tile": (lambda b: _rewrite(b, graph_tile=(32, 32)), ["64", "32"]),
    "graph-of-another-colour": (lambda b: _rewrite(b, graph_channels=1), ["tiles"]),
    "graph-of-floats": (lambda b: _rewrite(b, float_input=True), ["uint8", "float32"]),
    "no-graph": (lambda b: _rewrite(b, graph_bytes=b"no graph at all"), ["model"]),
}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize("name", BREAKS)
def test_a_bundle_that_cannot_be_used_ends_with_66_and_words(sandbox: Sandbox, verb: str, name: str) -> None:
    config = sandbox.config()
    spoil, words = BREAKS[name]
    spoil(sandbox.folder / "bundle")

    said = sandbox.say(verb, "--config", config)

    assert said.code == 66, said.err
    assert has_all(said.error, words)


def test_a_model_that_does_not_replay_its_golden_tiles_is_told_by_check(sandbox: Sandbox) -> None:
    config = sandbox.config()
    _rewrite(sandbox.folder / "bundle", golden_shift=0.3)

    said = sandbox.say("check", "--config", config)

    assert said.code == 70
    assert has_all(said.error, ["golden"])


def test_limits_for_labels_of_another_bundle_are_a_mistake_of_the_configuration(sandbox: Sandbox) -> None:
    config = sandbox.config(decide={"limits": {"SCRATCH": 0.5}})
    line = next(i for i, text in enumerate(config.read_text().splitlines(), 1) if "SCRATCH" in text)

    for verb in ("check", "run"):
        said = sandbox.say(verb, "--config", config)

        assert said.code == 78
        assert has_all(said.error, [f"{config}:{line}: decide.limits.SCRATCH", "DEFECT"])


def test_the_manifest_of_the_samples_is_whole(sandbox: Sandbox) -> None:
    sandbox.config()

    assert json.loads((sandbox.folder / "bundle" / "manifest.json").read_text())["labels"] == ["OK", "DEFECT"]
