"""Bundles that are damaged, made of the wrong parts, or meant to do harm."""

from __future__ import annotations

import json
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from fakes.tiny_bundle import write_manifest, write_tiny_bundle
from onnx import TensorProto, helper

from edge_inspector.bundle.seal import sealed_json

Spoil = Callable[[Path], Path | None]


@dataclass(frozen=True)
class BadBundle:
    """One way to spoil a bundle."""

    what: str
    """In words, for the table."""
    spoil: Spoil
    """Gets the folder of a right bundle; returns the path to load where it is another."""


def graph_of(folder: Path) -> onnx.ModelProto:
    return onnx.load_model_from_string((folder / "model.onnx").read_bytes())


def _with_graph(change: Callable[[onnx.ModelProto], object]) -> Spoil:
    """Return a spoiler that changes the graph, and then everything that must agree with it."""

    def spoil(folder: Path) -> None:
        model = graph_of(folder)
        change(model)
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        write_manifest(folder, json.loads((folder / "manifest.json").read_text()))

    return spoil


def _with_bytes(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(content)
        write_manifest(folder, json.loads((folder / "manifest.json").read_text()))

    return spoil


def _with_manifest(change: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        change(manifest)
        (folder / "manifest.json").write_bytes(sealed_json(manifest))

    return spoil


def add_node(name: str, domain: str = "", **attributes: Any) -> Callable[[onnx.ModelProto], None]:
    """Return a change that adds a node to a graph."""
    node = helper.make_node(name, ["one"], ["unused"], domain=domain, **attributes)
    return lambda model: model.graph.node.append(node)


def _external(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../etc/passwd")


def _external_in_a_node(model: onnx.ModelProto) -> None:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.bin")
    model.graph.node.append(helper.make_node("Constant", [], ["unused"], value=tensor))


def _function(model: onnx.ModelProto) -> None:
    inner = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "Twice", ["x"], ["y"], [inner], [helper.make_opsetid("", 17)]))


def _opset(version: int) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = version

    return change


def _branch() -> onnx.GraphProto:
    return helper.make_graph([], "branch", [], [helper.make_tensor_value_info("one", TensorProto.FLOAT, [])])


def _swap(one: str, other: str) -> Spoil:
    def spoil(folder: Path) -> None:
        first, second = (folder / one).read_bytes(), (folder / other).read_bytes()
        (folder / one).write_bytes(second)
        (folder / other).write_bytes(first)

    return spoil


def _of_another_bundle(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        other = write_tiny_bundle(folder.parent / "other", nan_on_white=True, golden_shift=0.1)
        shutil.copy(other / name, folder / name)

    return spoil


def _rewrite(**options: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        shutil.rmtree(folder)
        write_tiny_bundle(folder, **options)

    return spoil


def pack(folder: Path, prefix: str = "", method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write the folder as a .zip beside it, as the zip programs do."""
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return packed


def _zip_with(name: str, content: bytes = b"", mode: int = stat.S_IFREG | 0o644, prefix: str = "") -> Spoil:
    """Return a spoiler that packs the bundle, and one entry more."""

    def spoil(folder: Path) -> Path:
        packed = pack(folder, prefix)
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        with zipfile.ZipFile(packed, "a") as archive:
            archive.writestr(entry, content)
        return packed

    return spoil


def _twice(folder: Path) -> Path:
    """The same content twice under one name: only the name is wrong."""
    packed = pack(folder)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.write(folder / "golden/00.png", "golden/0x.png")
    packed.write_bytes(packed.read_bytes().replace(b"golden/0x.png", b"golden/00.png"))
    return packed


def _linked(folder: Path) -> Path:
    """A listed file with its right content, which the zip calls a link."""
    content = (folder / "golden/00.png").read_bytes()
    (folder / "golden/00.png").unlink()
    return _zip_with("golden/00.png", content, stat.S_IFLNK | 0o777)(folder) or folder


def _encrypted(folder: Path) -> Path:
    packed = pack(folder)
    raw = bytearray(packed.read_bytes())
    at = raw.find(b"PK\x01\x02")
    while at >= 0:  # the flags of every entry in the table of contents
        raw[at + 8] |= 1
        at = raw.find(b"PK\x01\x02", at + 1)
    packed.write_bytes(raw)
    return packed


def _bomb(folder: Path) -> Path:
    """A model of 100 MB zeros, packed into 100 KB, of which the manifest knows nothing."""
    (folder / "model.onnx").unlink()
    packed = pack(folder)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("model.onnx", "w") as file:
        for _ in range(10):
            file.write(bytes(10 << 20))
    return packed


def _lying_bomb(folder: Path) -> Path:
    """An entry that says it unpacks to the size of the manifest, and unpacks to more."""
    size = (folder / "model.onnx").stat().st_size
    (folder / "model.onnx").write_bytes(bytes(50 << 20))
    packed = pack(folder)
    packed.write_bytes(packed.read_bytes().replace(struct.pack("<I", 50 << 20), struct.pack("<I", size)))
    return packed


def _many_entries(folder: Path) -> Path:
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(3000):
            archive.writestr(f"{number}", b"")
    return packed


def _cut_zip(folder: Path) -> Path:
    packed = pack(folder)
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    return packed


def _no_zip(folder: Path) -> Path:
    packed = folder.with_suffix(".zip")
    packed.write_bytes(np.random.default_rng(3).bytes(5000))
    return packed


def _two_bundles(folder: Path) -> Path:
    packed = pack(folder, "a/")
    with zipfile.ZipFile(packed, "a") as archive:
        archive.write(folder / "manifest.json", "b/manifest.json")
    return packed


def _replace(folder: Path, name: str, make: Callable[[Path], object]) -> None:
    (folder / name).unlink()
    make(folder / name)


def _lists_signature(manifest: dict[str, Any]) -> None:
    manifest["files"]["signature.ed25519"] = {"sha256": "0" * 64, "size": 1}


_HALF_SIGNED = json.dumps({"format": "insp-signature/1", "key": "0" * 64, "signature": "ab" * 32})

BUNDLES: tuple[BadBundle, ...] = (
    BadBundle("no such folder", lambda b: b.parent / "gone"),
    BadBundle("an empty folder", lambda b: shutil.rmtree(b) or b.mkdir()),  # type: ignore[func-returns-value]
    BadBundle("a file is missing", lambda b: (b / "golden/01.png").unlink()),
    BadBundle("a file too many", lambda b: (b / "notes.txt").write_text("") and None),
    BadBundle("two golden tiles swapped", _swap("golden/00.png", "golden/01.png")),
    BadBundle("the model of another bundle", _of_another_bundle("model.onnx")),
    BadBundle("the golden answers of another bundle", _of_another_bundle("golden/expected.json")),
    BadBundle("a link in place of the model", lambda b: _replace(b, "model.onnx", lambda p: p.symlink_to("m"))),
    BadBundle("an empty signature", lambda b: (b / "signature.ed25519").write_text("") and None),
    BadBundle("half a signature", lambda b: (b / "signature.ed25519").write_text(_HALF_SIGNED) and None),
    BadBundle("a manifest that lists the signature", _with_manifest(_lists_signature)),
    BadBundle("the manifest is a list", lambda b: (b / "manifest.json").write_text("[]") and None),
    BadBundle(
        "the manifest is nested 100,000 deep", lambda b: (b / "manifest.json").write_text("[" * 100_000) and None
    ),
    BadBundle("another limit typed into the manifest", lambda b: _typed(b, '"DEFECT": 0.5', '"DEFECT": 0.9')),
    BadBundle("a key twice in the manifest", lambda b: _typed(b, '"build": 1', '"build": 1, "build": 2')),
    BadBundle("a path out of the bundle in the manifest", _with_manifest(lambda m: m["files"].update({"../x": {}}))),
    BadBundle("a file of a terabyte in the manifest", _with_manifest(lambda m: _huge(m, 1 << 40))),
    BadBundle("another format", _with_manifest(lambda m: m.update(format="insp-model/2"))),
    BadBundle("labels that begin with another than OK", _rewrite(labels=("GOOD", "DEFECT"))),
    BadBundle("a label without a limit", _with_manifest(lambda m: m["labels"].append("DENT"))),
    BadBundle("a limit for a label that is not there", _with_manifest(lambda m: m["limits"].update(DENT=0.5))),
    BadBundle("text in place of the model", _with_bytes(b"this is no model at all")),
    BadBundle("an empty model", _with_bytes(b"")),
    BadBundle("a model in the runtime's own format", _with_bytes(b"\x18\0\0\0ORTM" + bytes(100))),
    BadBundle("a model of 600,000 empty parts", _with_bytes(b"\x72\0" * 600_000)),
    BadBundle("opset 9", _with_graph(_opset(9))),
    BadBundle("opset 99", _with_graph(_opset(99))),
    BadBundle("the operator If", _with_graph(add_node("If", then_branch=_branch(), else_branch=_branch()))),
    BadBundle("the operator RandomNormal", _with_graph(add_node("RandomNormal", shape=[1]))),
    BadBundle("an allowed operator that holds a graph", _with_graph(add_node("Relu", body=_branch()))),
    BadBundle("an operator of another domain", _with_graph(add_node("EPContext", domain="com.microsoft"))),
    BadBundle("weights in another file", _with_graph(_external)),
    BadBundle("weights in another file, inside a node", _with_graph(_external_in_a_node)),
    BadBundle("a function of its own", _with_graph(_function)),
    BadBundle("a .zip cut off in its middle", _cut_zip),
    BadBundle("random bytes named .zip", _no_zip),
    BadBundle("a .zip with a path out of it", _zip_with("../../etc/cron.d/x", b"x")),
    BadBundle("a .zip with a path from the root", _zip_with("/etc/cron.d/x", b"x")),
    BadBundle("a .zip with a path of Windows", _zip_with("golden\\..\\..\\x", b"x")),
    BadBundle("a .zip with a link", _linked),
    BadBundle("a .zip with a file too many", _zip_with("notes.txt", b"x")),
    BadBundle("a .zip with a file beside the bundle's folder", _zip_with("notes.txt", b"x", prefix="tiny/")),
    BadBundle("a .zip with a name twice", _twice),
    BadBundle("a .zip with two bundles", _two_bundles),
    BadBundle("a .zip with a password", _encrypted),
    BadBundle("a .zip packed by LZMA", lambda b: pack(b, method=zipfile.ZIP_LZMA)),
    BadBundle("a .zip whose model unpacks to 100 MB", _bomb),
    BadBundle("a .zip whose model unpacks to more than it says", _lying_bomb),
    BadBundle("a .zip of 3,000 files", _many_entries),
)


def _typed(folder: Path, old: str, new: str) -> None:
    text = (folder / "manifest.json").read_text()
    assert old in text
    (folder / "manifest.json").write_text(text.replace(old, new))


def _huge(manifest: dict[str, Any], size: int) -> None:
    manifest["files"]["model.onnx"]["size"] = size
