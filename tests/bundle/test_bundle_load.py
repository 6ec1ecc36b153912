"""Reading a bundle whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.tiny_bundle import write_manifest, write_tiny_bundle
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.seal import sealed_json
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("pristine") / "tiny")


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "tiny"))


def test_a_bundle_is_read_with_the_bytes_that_were_hashed(bundle: Path) -> None:
    loaded = load_bundle(bundle, trust=ANYONE)

    assert loaded.label == "tiny-spots@1.0.0"
    assert loaded.model_bytes == (bundle / "model.onnx").read_bytes()
    assert loaded.model_sha256 == hashlib.sha256(loaded.model_bytes).hexdigest()
    assert loaded.manifest.tile_hwc == (64, 64, 3)
    assert dict(loaded.manifest.limits) == {"DEFECT": 0.5}
    assert [tile.label for tile in loaded.golden] == ["OK", "DEFECT", "OK", "DEFECT"]


def test_nothing_is_read_from_the_folder_after_loading(bundle: Path) -> None:
    loaded = load_bundle(bundle, trust=ANYONE)

    shutil.rmtree(bundle)

    assert hashlib.sha256(loaded.model_bytes).hexdigest() == loaded.model_sha256
    assert loaded.golden[0].pixels.shape == (64, 64, 3)


def test_the_folder_itself_may_be_a_link(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "active").symlink_to(bundle)

    assert load_bundle(tmp_path / "active", trust=ANYONE).label == "tiny-spots@1.0.0"


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _cut(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def _grow(name: str) -> Callable[[Path], None]:
    return lambda folder: _write(folder / name, (folder / name).read_bytes() + b"\0")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _link_model(folder: Path) -> None:
    (folder / "model.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(folder.parent / "elsewhere.onnx")


def _link_golden(folder: Path) -> None:
    (folder / "golden").rename(folder.parent / "elsewhere")
    (folder / "golden").symlink_to(folder.parent / "elsewhere")


def _pipe_for_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")


def _link_manifest(folder: Path) -> None:
    (folder / "manifest.json").rename(folder.parent / "m.json")
    (folder / "manifest.json").symlink_to(folder.parent / "m.json")


@pytest.mark.fault(
    13,
    injected="files of the bundle removed, emptied, replaced",
    seen="refused (66), with the file and what is wrong",
    noticed="at the start",
)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "tiny: the model bundle does not exist; check `model.bundle`"),
        (_remove("manifest.json"), r"manifest\.json: cannot be read \(No such file"),
        (_remove("model.onnx"), "lacks 1 of 6 files, first model.onnx"),
        (_remove("golden/01.png"), "lacks 1 of 6 files, first golden/01.png"),
        (_cut("model.onnx"), r"model\.onnx: has \d+ bytes, but the manifest says \d+"),
        (_cut("manifest.json"), r"manifest\.json: is not the JSON of a bundle"),
        (_grow("golden/00.png"), r"00\.png: has more than (\d+) bytes, but the manifest says \1;"),
        (
            lambda folder: _write(folder / "notes.txt", b""),
            "1 files that the manifest does not list, first 'notes.txt'",
        ),
        (_link_model, r"model\.onnx: is a link"),
        (_link_golden, r"golden: is a link"),
        (_link_manifest, r"manifest\.json: cannot be read"),
        (_pipe_for_manifest, r"manifest\.json: is not a plain file"),
    ],
)
def test_a_damaged_folder_is_refused_and_says_what_is_wrong(
    bundle: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(bundle)

    with pytest.raises(BundleError, match=message) as refusal:
        load_bundle(bundle, trust=ANYONE)

    assert refusal.value.exit_code == 66


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny").write_text("not a folder")

    with pytest.raises(BundleError, match=r"neither the folder of a model bundle nor a \.zip"):
        load_bundle(tmp_path / "tiny", trust=ANYONE)


def test_a_precision_that_is_not_there_names_those_that_are(bundle: Path) -> None:
    with pytest.raises(BundleError, match="no graph of precision 'int8', only fp32"):
        load_bundle(bundle, precision="int8", trust=ANYONE)


def test_the_other_precisions_are_hashed_too(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    expected = json.loads((bundle / "golden/expected.json").read_text())
    (bundle / "golden/expected.json").write_text(json.dumps(expected | {"int8": expected["fp32"]}))
    shutil.copy(bundle / "model.onnx", bundle / "model.int8.onnx")
    write_manifest(bundle, manifest | {"precisions": {"fp32": "model.onnx", "int8": "model.int8.onnx"}})
    assert load_bundle(bundle, "int8", trust=ANYONE).precision == "int8"

    damaged = bytearray((bundle / "model.int8.onnx").read_bytes())
    damaged[-1] ^= 1
    (bundle / "model.int8.onnx").write_bytes(damaged)

    with pytest.raises(BundleError, match=r"model\.int8\.onnx: is damaged"):
        load_bundle(bundle, trust=ANYONE)


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_one_flipped_byte_in_any_listed_file_is_refused(pristine: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(load_bundle(pristine, trust=ANYONE).manifest.files)))
    original = (pristine / name).read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    bits = data.draw(st.integers(1, 255))
    (pristine / name).write_bytes(original[:at] + bytes([original[at] ^ bits]) + original[at + 1 :])

    try:
        with pytest.raises(BundleError, match="is damaged"):
            load_bundle(pristine, trust=ANYONE)
    finally:
        (pristine / name).write_bytes(original)


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_no_change_of_the_manifest_goes_unseen(pristine: Path, data: st.DataObject) -> None:
    path = pristine / "manifest.json"
    original = path.read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    changed = original[:at] + data.draw(st.binary(max_size=3)) + original[at + 1 :]
    assume(changed != original)
    path.write_bytes(changed)

    try:
        with pytest.raises(BundleError, match=r"manifest\.json"):
            load_bundle(pristine, trust=ANYONE)
    finally:
        path.write_bytes(original)


def test_another_limit_in_the_manifest_is_refused_and_sent_to_the_configuration(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"DEFECT": 0.5', b'"DEFECT": 0.9'))

    with pytest.raises(BundleError, match=r"was changed after .*decide\.limits"):
        load_bundle(bundle, trust=ANYONE)


def test_a_bundle_larger_than_any_is_refused_before_it_is_read(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    for name in ("a.bin", "b.bin", "c.bin"):
        manifest["files"][name] = {"sha256": "0" * 64, "size": 400 << 20}
    (bundle / "manifest.json").write_bytes(sealed_json(manifest))

    with pytest.raises(BundleError, match=r"files: have 12583[0-9]+ bytes together, a bundle at most 1073741824"):
        load_bundle(bundle, trust=ANYONE)
