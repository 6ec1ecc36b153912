"""What a manifest may say."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle.document import MAX_DOCUMENT_BYTES
from edge_inspector.bundle.manifest import parse_manifest
from edge_inspector.core.errors import BundleError

SHA = "0" * 64


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = write_tiny_bundle(tmp_path_factory.mktemp("manifest") / "tiny")
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def test_a_right_manifest_is_read(right: dict[str, Any]) -> None:
    manifest = parse_manifest("manifest.json", json.dumps(right).encode())

    assert manifest.labels == ("OK", "DEFECT")
    assert manifest.heat_hw == (8, 8)
    assert (manifest.input_name, manifest.scores_name, manifest.heat_name) == ("tiles", "scores", "heat")
    assert set(manifest.files) == set(right["files"])


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("format", "insp-model/2", "format: must be 'insp-model/1', but is 'insp-model/2'"),
        ("name", "../x", "name: must be text"),
        ("name", 5, "name: must be text"),
        ("version", "", "version: must be text"),
        ("build", -1, "build: must be a whole number"),
        ("build", True, "build: must be a whole number"),
        ("build", 1.0, "build: must be a whole number"),
        ("created_utc", "2026-13-01T00:00:00Z", "created_utc: must be a time"),
        ("labels", ["DEFECT", "OK"], r"labels\[0\]: must be 'OK', but is 'DEFECT'"),
        ("labels", ["OK"], "labels: must be a list of 2 to 64"),
        ("labels", ["OK", "DEFECT", "DEFECT"], r"labels\[2\]: stands there twice"),
        ("labels", ["OK", "DEFECT", "SCRATCH"], "limits.SCRATCH: is missing"),
        ("labels", ["OK", ["DEFECT"]], r"labels\[1\]: must be text"),
        ("limits", {"DEFECT": 0.5, "SCRATCH": 0.5}, "limits.'SCRATCH': is not a key"),
        ("limits", {"DEFECT": 1.5}, "limits.DEFECT: must be a number from 0 to 1, but is 1.5"),
        ("limits", {"DEFECT": 0}, "limits.DEFECT: is 0, which rejects every tile"),
        ("limits", {"DEFECT": "0.5"}, "limits.DEFECT: must be a number"),
        ("limits", {"DEFECT": True}, "limits.DEFECT: must be a number"),
        ("tile", {"height": 15, "width": 64}, "tile.height: must be a whole number from 16"),
        ("tile", {"height": 64}, "tile.width: is missing"),
        ("tile", [64, 64], "tile: must be an object"),
        ("channels", 2, "channels: must be 1"),
        ("channels", 4, "channels: must be a whole number from 1 to 3"),
        ("overlap", 64, "overlap: must be a whole number from 0 to 63"),
        ("heat", {"height": 0, "width": 8}, "heat.height"),
        ("outputs", {"scores": "scores"}, "outputs.heat: is missing"),
        ("precisions", {}, "precisions.fp32: is missing"),
        ("precisions", {"fp32": "other.onnx"}, "precisions.fp32: names 'other.onnx', which `files` does not list"),
        ("files", {}, "files: must name 1 to 1024 files"),
        ("files", {"../model.onnx": {"sha256": SHA, "size": 1}}, "files.'../model.onnx': is no path"),
        ("files", {"/etc/passwd": {"sha256": SHA, "size": 1}}, "files.'/etc/passwd': is no path"),
        ("files", {"golden/../x": {"sha256": SHA, "size": 1}}, "is no path"),
        ("files", {"golden\\x": {"sha256": SHA, "size": 1}}, "is no path"),
        ("files", {"manifest.json": {"sha256": SHA, "size": 1}}, "is no path"),
        ("files", {"model.onnx": {"sha256": SHA, "size": (512 << 20) + 1}}, "size: must be a whole number from 0 to"),
        ("files", {"model.onnx": {"sha256": "abc", "size": 1}}, "sha256: must be text"),
        ("files", {"model.onnx": {"size": 1}}, "sha256: is missing"),
    ],
)
def test_a_wrong_value_is_refused_and_named(right: dict[str, Any], keys: str, value: object, message: str) -> None:
    wrong = copy.deepcopy(right) | {keys: value}

    with pytest.raises(BundleError, match=r"^manifest\.json: ") as refusal:
        parse_manifest("manifest.json", json.dumps(wrong).encode())

    assert refusal.match(message)
    assert "copy the bundle again" in str(refusal.value)


def test_a_misspelt_or_missing_key_is_refused(right: dict[str, Any]) -> None:
    misspelt = {key: value for key, value in right.items() if key != "limits"} | {"limit": right["limits"]}

    with pytest.raises(BundleError, match="limits: is missing"):
        parse_manifest("manifest.json", json.dumps(misspelt).encode())
    with pytest.raises(BundleError, match="'limit': is not a key of this format"):
        parse_manifest("manifest.json", json.dumps(right | {"limit": {}}).encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not the JSON of a bundle"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"[]", "must hold one JSON object, but holds a list of 0"),
        (b"null", "must hold one JSON object"),
        (b'{"format": NaN}', "NaN is no number of JSON"),
        (b'{"format": -Infinity}', "-Infinity is no number of JSON"),
        (b'{"format": 1e999}', "1e999 is too large"),
        (b'{"a": 1, "a": 2}', "the key 'a' stands there twice"),
        (b"[" * 100_000, "is nested too deep"),
        (b'{"a":' * 100_000, "is nested too deep"),
        (b'{"build": ' + b"9" * 5000 + b"}", "is not the JSON of a bundle"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "bytes, more than the"),
        (b"{}", "format: must be 'insp-model/1', but is None"),
    ],
)
def test_what_is_no_plain_json_object_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        parse_manifest("manifest.json", content)


def test_an_error_shows_only_a_short_printable_piece_of_a_strange_value(right: dict[str, Any]) -> None:
    with pytest.raises(BundleError) as refusal:
        parse_manifest("manifest.json", json.dumps(right | {"name": "\x1b[2J" + "x" * 10_000}).encode())

    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


def test_a_manifest_is_complete_on_disk(right: dict[str, Any], tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / "again")

    assert set(json.loads((folder / "manifest.json").read_text())) == set(right)
