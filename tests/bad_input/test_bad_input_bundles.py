"""A bundle is whole and harmless, or it is refused with 66, the file's name and the next step."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bad_bundles import BUNDLES, BadBundle, pack
from fakes.tiny_bundle import write_tiny_bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.bundle.graph import check_graph_bytes
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError

SHIPPED = Path(__file__).parents[2] / "models" / "bsdata-pitting"
STEPS = ("export", "copy the bundle", "check the path", "check `model.bundle`", "remove them", "pack", "another file?")
"""Every refusal ends with one of these."""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny")


def refusal(path: Path) -> str:
    """Return what is said about a bundle that must be refused."""
    with pytest.raises(BundleError) as refused:
        load_bundle(path, trust=ANYONE)
    assert refused.value.exit_code == 66
    return str(refused.value)


@pytest.mark.parametrize("bad", BUNDLES, ids=lambda bad: bad.what)
def test_a_bundle_that_is_not_right_is_refused_in_words(bundle: Path, bad: BadBundle) -> None:
    path = bad.spoil(bundle) or bundle

    told = refusal(path)

    assert told.startswith(str(path)), "it names the file"
    assert told.endswith(STEPS) or any(step in told.partition(";")[2] for step in STEPS), "it names the next step"


def _told(look: Callable[[], object]) -> str | None:
    """Return the refusal of a look at something; None when there was none. Any other error goes through."""
    try:
        look()
    except BundleError as error:
        return str(error)
    return None


def flips(files: list[Path], count: int) -> Iterator[tuple[Path, bytes]]:
    """Change one bit of one of the files, `count` times, by a fixed draw; the file is put right afterwards."""
    chance = random.Random(300)
    for _ in range(count):
        path = chance.choice(files)
        whole = path.read_bytes()
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        changed = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
        path.write_bytes(changed)
        yield path, changed
        path.write_bytes(whole)


@pytest.mark.fault(
    14,
    injected="300 flipped bits in any file of the bundle",
    seen="each refused (66) by hash or checksum",
    noticed="at the start",
)
def test_each_of_300_flipped_bits_in_any_file_is_seen(bundle: Path) -> None:
    for path, _ in flips(sorted(p for p in bundle.rglob("*") if p.is_file()), 300):
        assert path.name in refusal(bundle)

    assert load_bundle(bundle, trust=ANYONE).label == "tiny-spots@1.0.0"


def test_each_of_300_flipped_bits_beside_the_shipped_model_is_seen(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(SHIPPED, tmp_path / "shipped"))

    for path, _ in flips([bundle / "manifest.json", *sorted((bundle / "golden").iterdir())], 300):
        assert path.name in refusal(bundle)


@pytest.mark.fault(
    13,
    injected="each file of the bundle cut off at any percent of its length",
    seen="refused (66)",
    noticed="at the start",
)
@pytest.mark.parametrize("name", ["model.onnx", "manifest.json", "golden/expected.json"])
def test_a_file_cut_off_at_any_percent_is_seen(bundle: Path, name: str) -> None:
    whole = (bundle / name).read_bytes()
    for percent in range(100):
        (bundle / name).write_bytes(whole[: len(whole) * percent // 100])

        assert name in refusal(bundle)


def test_the_shipped_graph_cut_off_at_any_percent_is_no_graph() -> None:
    whole = (SHIPPED / "model.onnx").read_bytes()
    check_graph_bytes("model.onnx", whole)

    for percent in range(100):
        with pytest.raises(BundleError, match="is not an ONNX graph, or a damaged one"):
            check_graph_bytes("model.onnx", whole[: len(whole) * percent // 100])


def test_a_zip_with_a_flipped_bit_is_refused_or_holds_the_very_same_bundle(bundle: Path) -> None:
    packed, right = pack(bundle), load_bundle(bundle, trust=ANYONE)
    refused = 0
    for _ in flips([packed], 300):
        try:
            loaded = load_bundle(packed, trust=ANYONE)
        except BundleError:
            refused += 1
        else:  # the bit stood in a date or another field that says nothing about the contents
            assert (loaded.manifest, loaded.model_bytes) == (right.manifest, right.model_bytes)

    assert refused > 200


def test_a_zip_cut_off_at_any_percent_is_refused(bundle: Path) -> None:
    packed = pack(bundle)
    whole = packed.read_bytes()
    for percent in range(100):
        packed.write_bytes(whole[: len(whole) * percent // 100])

        assert "tiny.zip" in refusal(packed)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_the_look_at_a_graph_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "graph"
    if not folder.exists():
        write_tiny_bundle(folder)
    content = bytearray((folder / "model.onnx").read_bytes())
    for at, piece in data.draw(st.lists(st.tuples(st.integers(0, len(content)), st.binary(max_size=4)), max_size=8)):
        content[at : at + data.draw(st.integers(0, 4))] = piece

    for raw in (bytes(content), data.draw(st.binary(max_size=200))):
        told = _told(lambda raw=raw: check_graph_bytes("model.onnx", raw))  # type: ignore[misc]

        assert told is None or told.startswith("model.onnx: ")


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_the_look_at_a_zip_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "zipped"
    if not folder.exists():
        write_tiny_bundle(folder)
    packed = pack(folder, method=data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))
    content = bytearray(packed.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # Most of it in the table of contents, which is what the rest is found by.
        at = len(content) - data.draw(st.integers(1, 700)) if data.draw(st.booleans()) else 0
        content[at : at + 4] = data.draw(st.binary(min_size=0, max_size=6))
    packed.write_bytes(content)

    told = _told(lambda: load_bundle(packed, trust=ANYONE))

    assert told is None or told.startswith(str(packed))


def test_a_pipe_in_place_of_the_bundle_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bundle")

    assert "is not a plain file" in refusal(tmp_path / "bundle")


def test_a_path_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    assert "cannot be read (File name too long); check `model.bundle`" in refusal(tmp_path / ("a" * 300))
