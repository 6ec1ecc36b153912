"""Whose bundles a line takes: at its start, and again in the process that judges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from app_samples import FRAME, bundle_in
from fakes.signed_bundle import Signer

from edge_inspector.app.judges import make_judges
from edge_inspector.app.planning import inspect_plan
from edge_inspector.app.start import prepare
from edge_inspector.app.trust import unsigned_of
from edge_inspector.core.errors import BundleError, KeysError


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer("plant", tmp_path / "trusted")


@pytest.fixture
def bundle(tmp_path: Path, signer: Signer) -> Path:
    return signer.sign(bundle_in(tmp_path / "bundle"))


def _config(folder: Path, *further: dict[str, Any], **model: Any) -> Path:
    given: dict[str, Any] = {
        "line": "press-3",
        "camera": {"kind": "synthetic", "frame": FRAME},
        "model": {"bundle": "bundle", "threads": 1} | model,
        "state_dir": "state",
    }
    if further:
        cameras = [{"kind": "synthetic", "name": f"cam{n}", "frame": FRAME} for n in range(1, len(further) + 1)]
        given["more_views"] = [{"camera": c, "model": m} for c, m in zip(cameras, further, strict=True)]
    file = folder / "line.yaml"
    file.write_text(json.dumps(given))
    return file


def test_a_signed_bundle_is_taken(bundle: Path, tmp_path: Path) -> None:
    ready = prepare(_config(tmp_path, trusted_keys=["trusted"]))

    assert ready.views[0].bundle.signing.signer == "plant"
    assert unsigned_of(ready.views) == ()


def test_without_a_word_in_the_configuration_nothing_unsigned_is_taken(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"signed by a key that is not trusted here.*no key is trusted here"):
        prepare(_config(tmp_path))


def test_a_missing_key_is_told(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=r"gone\.pub cannot be read"):
        prepare(_config(tmp_path, trusted_keys=["gone.pub"]))


def test_each_camera_has_its_own_trust_and_an_unsigned_bundle_is_named_once(bundle: Path, tmp_path: Path) -> None:
    other = {"bundle": "bundle", "unsigned": "allow", "threads": 1}

    ready = prepare(_config(tmp_path, other, other, trusted_keys=["trusted"]))

    assert [view.bundle.signing.is_trusted for view in ready.views] == [True, False, False]
    assert unsigned_of(ready.views) == ("tiny-spots@1.0.0",)


def test_the_process_that_judges_asks_for_the_signature_again(bundle: Path, tmp_path: Path) -> None:
    config = _config(tmp_path, trusted_keys=["trusted"])
    ready = prepare(config)
    plan = inspect_plan(ready.settings, ready.views, config)
    # Not even another key in the folder helps: the plan holds the keys that main read.
    (tmp_path / "trusted/plant.pub").unlink()
    Signer("plant", tmp_path / "trusted").sign(bundle)

    with pytest.raises(BundleError, match="signed by a key that is not trusted here"):
        make_judges(plan, is_first=True)


def test_a_precision_that_the_bundle_does_not_have_is_told(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds no graph of precision 'int8', only fp32"):
        prepare(_config(tmp_path, trusted_keys=["trusted"], precision="int8"))
