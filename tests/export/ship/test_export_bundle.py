"""A bundle is made of what was proven, is the same each time, and is there whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from ship_samples import LIMIT
from torch import nn

from edge_inspector.app.models import Place, prove
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import Trust, read_trusted
from edge_inspector.core.errors import EdgeInspectorError, KeysError, UsageError
from export.__main__ import export
from export.data.index import Cutting
from export.judge.calibrate import load_calibration
from export.ship import bundle as bundle_file
from export.ship.bundle import BundleText, created_utc, write_bundle
from export.ship.files import whole_folder
from export.ship.golden import choose_golden, spread
from export.ship.keys import make_keys, read_secret
from export.ship.material import Material, load_material
from export.ship.to_onnx import write_onnx
from export.ship.verify import verify


def test_a_bundle_is_signed_and_proves_itself_in_both_precisions(
    material: Material, text: BundleText, tmp_path: Path
) -> None:
    secret, public = make_keys("plant", tmp_path / "keys")

    write_bundle(material, tmp_path / "drawn", text, read_secret(secret), zip_file=tmp_path / "drawn.zip")

    place = Place(Trust(read_trusted([public])))
    for path in (tmp_path / "drawn", tmp_path / "drawn.zip"):
        told = " ".join(prove(path, place))
        assert "drawn@0.0.1, build 1, of 2023-11-14T22:13:20Z: signed by plant" in told
        assert "fp32:" in told
        assert "int8:" in told
    bundle = load_bundle(tmp_path / "drawn", "int8", trust=place.trust)
    assert bundle.manifest.limits == {"DEFECT": LIMIT}
    assert bundle.manifest.metrics["tile"] == {"auroc": 1.0}
    assert {tile.label for tile in bundle.golden} == {"OK", "DEFECT"}
    assert bundle.model_bytes == material.run.model_int8.read_bytes()
    exact = load_bundle(tmp_path / "drawn", "fp32", trust=place.trust).tolerance
    assert bundle.tolerance.peak == pytest.approx(5 * exact.peak, rel=1e-3)
    assert bundle.tolerance.score == exact.score


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_run_gives_the_same_bytes(material: Material, text: BundleText, tmp_path: Path) -> None:
    key = read_secret(make_keys("plant", tmp_path / "keys")[0])
    for folder in ("a", "b"):
        write_bundle(material, tmp_path / folder / "drawn", text, key, zip_file=tmp_path / folder / "drawn.zip")

    assert _bytes_of(tmp_path / "a") == _bytes_of(tmp_path / "b")
    assert {"drawn.zip", "drawn/signature.ed25519", "drawn/manifest.json"} <= _bytes_of(tmp_path / "a").keys()


def test_a_copied_run_gives_the_same_time_and_an_older_one_that_of_its_weights(material: Material) -> None:
    weights, done = material.run.final / "weights.pt", material.run.final / "done.json"

    assert created_utc(material) == "2023-11-14T22:13:20Z"
    done.write_text('{"epochs": 3}')
    assert created_utc(material) == "2023-11-14T22:13:20Z"
    done.write_text('{"finished_utc": "2026-01-31T12:00:00Z"}')
    os.utime(weights, ns=(10**18, 10**18))
    assert created_utc(material) == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize("content", ["{", "[]", '{"finished_utc": 3}', '{"finished_utc": "soon"}'])
def test_a_damaged_note_of_when_a_model_was_done_is_named_with_its_remedy(material: Material, content: str) -> None:
    (material.run.final / "done.json").write_text(content)

    with pytest.raises(
        UsageError, match=r"final/done\.json is damaged .*; delete .*/final and .*/scores\.csv, then give"
    ):
        created_utc(material)


def test_int8_is_left_out_when_asked(material: Material, text: BundleText, tmp_path: Path) -> None:
    made = write_bundle(material, tmp_path / "drawn", text, fp32_only=True)

    assert dict(made.manifest.precisions) == {"fp32": "model.onnx"}
    assert not (tmp_path / "drawn/model.int8.onnx").exists()


def _spoil_parity(material: Material) -> None:
    parity = json.loads(material.run.parity.read_text())
    parity["faults"]["int8"] = ["INT8 changes 2 % of the verdicts"]
    material.run.parity.write_text(json.dumps(parity))


def _calibrate_again(material: Material, *measured_again: str) -> None:
    """Choose another limit, which no graph shows."""
    run = material.run
    run.calibration.write_text(json.dumps(json.loads(run.calibration.read_text()) | {"limit": 0.25}))
    for name in measured_again:
        file = getattr(run, name)
        file.write_text(
            json.dumps(json.loads(file.read_text()) | {"calibration_sha256": load_calibration(run.path).sha256})
        )


def test_int8_of_another_calibration_is_not_compared(material: Material, network: nn.Module) -> None:
    run = material.run
    run.calibration.write_text(json.dumps(json.loads(run.calibration.read_text()) | {"scale": 1.01}))
    write_onnx(network, load_calibration(run.path), material.cutting.tile_hw, run.model)

    with pytest.raises(UsageError, match=r"model\.int8\.onnx was made from another model\.onnx.*export quantize"):
        verify(material, rounds=3)


def test_a_dataset_that_is_cut_otherwise_is_refused_by_the_steps_that_ship(
    dataset: Path, material: Material, tmp_path: Path
) -> None:
    cutting = {"mode": "whole", "defect_from_px": 100}
    material.run.config.write_text(json.dumps({"version": 1, "train": {"seed": 1}, "data": {"cutting": cutting}}))

    with pytest.raises(UsageError, match=r"is cut otherwise than .*: mode is 'grid', was 'whole'; name that one"):
        load_material(dataset, material.run.path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: m.run.parity.unlink(), "run first: python -m export verify"),
        (lambda m: m.run.metrics.unlink(), "run first: python -m export evaluate"),
        (lambda m: m.run.model.unlink(), "run first: python -m export onnx"),
        (lambda m: m.run.parity.write_text("{"), "is damaged"),
        (lambda m: m.run.model.write_bytes(b"other"), r"is of another model\.onnx"),
        (_calibrate_again, "metrics.json is of another calibration.*run again: export evaluate"),
        (lambda m: _calibrate_again(m, "metrics"), "parity.json is of another calibration"),
        (lambda m: m.run.calibration.write_text("{}"), "calibration.json is damaged"),
        (_spoil_parity, "is not bundled: INT8 changes 2 % of the verdicts; leave INT8 out with --fp32-only"),
    ],
)
def test_what_was_not_proven_is_not_bundled(
    material: Material, text: BundleText, tmp_path: Path, spoil: object, message: str
) -> None:
    spoil(material)  # type: ignore[operator]

    with pytest.raises(UsageError, match=message):
        write_bundle(material, tmp_path / "drawn", text)
    assert not list(tmp_path.glob("*drawn*"))


def test_a_model_of_resized_pictures_is_not_bundled(material: Material, text: BundleText, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the line does not resize"):
        write_bundle(replace(material, cutting=Cutting(mode="whole")), tmp_path / "drawn", text)


def test_a_bundle_is_never_written_over(material: Material, text: BundleText, tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()

    with pytest.raises(UsageError, match="a bundle is never written over"):
        write_bundle(material, tmp_path / "drawn", text)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])
def test_ctrl_c_and_a_full_disk_leave_no_half_bundle(
    material: Material, text: BundleText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fails(_: object) -> bytes:
        raise error

    monkeypatch.setattr(bundle_file, "sealed_json", fails)

    with pytest.raises((KeyboardInterrupt, UsageError)) as caught:
        write_bundle(material, tmp_path / "drawn", text)
    assert not list(tmp_path.glob("*drawn*"))
    if isinstance(caught.value, UsageError):
        assert "could not be written (No space left on device)" in str(caught.value)


def _words(text: BundleText) -> list[str]:
    words = ["--name", text.name, "--version", text.version, "--licence", text.licence, "--data-name", text.data_name]
    return [*words, "--data-licence", str(text.data_licence), "--data-attribution", str(text.data_attribution)]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("name", "Ksdd Steel"),
        ("name", ""),
        ("name", "a" * 65),
        ("version", "1 0"),
        ("version", "1@2"),
        ("licence", ""),
        ("licence", "two\nlines"),
    ],
)
def test_a_word_that_no_manifest_may_hold_is_refused_before_any_work(
    text: BundleText, tmp_path: Path, word: str, value: str
) -> None:
    given = _words(text)
    given[given.index(f"--{word}") + 1] = value

    said = CliRunner().invoke(export, ["bundle", str(tmp_path), str(tmp_path), str(tmp_path / "out"), *given])

    assert isinstance(said.exception, UsageError)
    assert str(said.exception).startswith(f"--{word} {value!a}"[:30])
    assert "cannot stand in a bundle; give " in str(said.exception)
    assert not (tmp_path / "out").exists()


KILLED = """
import os, signal, sys
from export.ship import bundle
bundle.sealed_json = lambda _: os.kill(os.getpid(), signal.SIGKILL)
from export.__main__ import export
export(sys.argv[1:])
"""
"""The program, which dies when all files of the bundle are written but the manifest."""


def test_what_a_killed_bundle_left_is_gone_after_the_next(
    material: Material, text: BundleText, tmp_path: Path, dataset: Path
) -> None:
    out = tmp_path / "drawn"
    words = ["bundle", str(dataset), str(material.run.path), str(out), *_words(text)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], cwd=Path(__file__).parents[3], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob("*drawn*")
    assert (left / "model.onnx").exists()

    write_bundle(material, out, text)

    assert list(tmp_path.glob("*drawn*")) == [out]


def test_a_draft_that_is_being_written_and_what_is_no_draft_are_left_alone(tmp_path: Path) -> None:
    for name in (".drawn.settings", ".drawn2.draft-abc", "drawn.draft-abc", "kept"):
        (tmp_path / name).mkdir()
    (tmp_path / ".drawn.draft-link").symlink_to(tmp_path / "kept")
    (tmp_path / ".drawn.draft-file").write_text("a file")
    before = set(tmp_path.iterdir())

    with whole_folder(tmp_path / "drawn") as first:
        with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "drawn"):
            raise KeyboardInterrupt
        assert first.exists()

    assert set(tmp_path.iterdir()) == before | {tmp_path / "drawn"}


def test_the_commands_make_a_key_and_a_signed_zip(
    material: Material, text: BundleText, tmp_path: Path, dataset: Path
) -> None:
    def call(*words: str | Path) -> str:
        said = CliRunner().invoke(export, [str(word) for word in words], catch_exceptions=False)
        assert said.exit_code == 0, said.output
        return said.output

    call("keys", "new", "plant", tmp_path / "keys")
    key = ["--sign", tmp_path / "keys/plant.key", "--zip"]
    said = call("bundle", dataset, material.run.path, tmp_path / "drawn", *_words(text), *key)

    assert "drawn@0.0.1, fp32, int8" in said
    assert "edge-inspector model import" in said
    assert load_bundle(tmp_path / "drawn.zip", trust=Trust(read_trusted([tmp_path / "keys"]))).signing.signer == "plant"


def test_golden_tiles_are_clear_borderline_and_of_every_class(material: Material) -> None:
    tiles = material.tiles_of("test")
    scores = np.linspace(0, 1, len(tiles), dtype=np.float32)

    rows = choose_golden(material.pictures, tiles, scores, 0.5)

    assert rows == list(dict.fromkeys(rows))
    for kind in (False, True):
        of_kind = [row for row, tile in enumerate(tiles) if tile.is_defect is kind]
        nearest = min(of_kind, key=lambda row: abs(scores[row] - 0.5))
        assert {of_kind[0], of_kind[-1], nearest} <= set(rows)
    assert {material.pictures[tiles[row].picture].cls for row in rows if tiles[row].is_defect} == {"pit", "scratch"}


def test_golden_tiles_are_spread_from_the_lowest_score_to_the_highest() -> None:
    assert spread(np.linspace(0, 1, 101, dtype=np.float32), range(101), 6) == [0, 20, 40, 60, 80, 100]


def test_a_secret_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    secret, public = make_keys("plant", tmp_path / "keys")

    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert b"PRIVATE" not in public.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        make_keys("plant", tmp_path / "keys")


@pytest.mark.parametrize("name", ["", "Plant", "a/b", "..", "x" * 33])
def test_a_name_that_is_none_makes_no_key(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a key"):
        make_keys(name, tmp_path)


def _public(secret: Path) -> None:
    secret.write_bytes(secret.with_suffix(".pub").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (Path.unlink, "cannot be read"),
        (lambda file: file.chmod(0o640), "is a secret that others may use"),
        (lambda file: file.write_bytes(file.read_bytes()[:50]), "is no secret key, damaged"),
        (_public, "is a public key"),
    ],
)
def test_a_secret_that_cannot_sign_is_told_with_its_file(tmp_path: Path, spoil: object, message: str) -> None:
    secret, _ = make_keys("plant", tmp_path)
    spoil(secret)  # type: ignore[operator]

    with pytest.raises(KeysError, match=f"plant.key.*{message}") as caught:
        read_secret(secret)
    assert isinstance(caught.value, EdgeInspectorError)
