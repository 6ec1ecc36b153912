"""A bundle as one .zip: the same as the folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny")


def _packed(folder: Path, prefix: str, method: int) -> Path:
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return packed


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("prefix", ["", "tiny/", "press-3_v1.2/"])
def test_a_zip_is_read_like_the_folder_it_was_made_of(bundle: Path, prefix: str, method: int) -> None:
    folder = load_bundle(bundle, trust=ANYONE)

    packed = load_bundle(_packed(bundle, prefix, method), trust=ANYONE)

    assert packed.path == bundle.with_suffix(".zip")
    assert (packed.manifest, packed.model_bytes, packed.tolerance) == (
        folder.manifest,
        folder.model_bytes,
        folder.tolerance,
    )
    assert all((one.pixels == other.pixels).all() for one, other in zip(packed.golden, folder.golden, strict=True))


def test_nothing_is_unpacked_to_the_disk(bundle: Path) -> None:
    packed = _packed(bundle, "tiny/", zipfile.ZIP_DEFLATED)
    before = sorted(bundle.parent.rglob("*"))

    load_bundle(packed, trust=ANYONE)

    assert sorted(bundle.parent.rglob("*")) == before


def test_the_name_of_the_file_does_not_matter_and_it_may_be_a_link(bundle: Path) -> None:
    packed = _packed(bundle, "", zipfile.ZIP_DEFLATED).rename(bundle.parent / "model-1.0.0")
    (bundle.parent / "active").symlink_to(packed)

    assert load_bundle(bundle.parent / "active", trust=ANYONE).label == "tiny-spots@1.0.0"


def test_damage_inside_a_zip_names_the_zip_and_the_file(bundle: Path) -> None:
    (bundle / "golden" / "00.png").write_bytes((bundle / "golden" / "01.png").read_bytes())
    packed = _packed(bundle, "tiny/", zipfile.ZIP_STORED)

    with pytest.raises(BundleError, match=r"tiny\.zip/tiny/golden/00\.png: has "):
        load_bundle(packed, trust=ANYONE)


def test_a_zip_with_a_comment_is_read(bundle: Path) -> None:
    packed = _packed(bundle, "tiny/", zipfile.ZIP_STORED)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.comment = b"made for press 3"

    assert load_bundle(packed, trust=ANYONE).label == "tiny-spots@1.0.0"
