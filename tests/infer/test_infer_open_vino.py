"""What is OpenVINO's own: it is asked for by name, makes code, and is told how to compute."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import FrameShape
from edge_inspector.infer import open_vino
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.load import OPENVINO, load_runtime
from edge_inspector.infer.open_vino import OpenVinoBatch, OpenVinoRuntime
from edge_inspector.infer.providers import usable_cores
from edge_inspector.infer.runtime import Hardware, RunFailed

ROOT = Path(__file__).resolve().parents[2]
HERE = Hardware("openvino", threads=1)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), trust=ANYONE)


class _Silent:
    """Stands for a compiled graph and its request: every run returns at once; some outputs are written."""

    def __init__(self, written: tuple[str, ...]) -> None:
        self.written = written
        self.tensors: dict[str, Any] = {}

    def create_infer_request(self) -> _Silent:
        return self

    def set_input_tensor(self, _tensor: object) -> None: ...

    def set_tensor(self, name: str, tensor: Any) -> None:
        self.tensors[name] = tensor

    def infer(self, share_outputs: bool) -> None:
        assert share_outputs
        for name in self.written:
            self.tensors[name].data[:] = np.nan


def _ask(silent: _Silent) -> OpenVinoBatch:
    outputs = {"scores": np.zeros((2, 2), np.float32), "heat": np.zeros((2, 8, 8), np.float32)}
    return OpenVinoBatch(silent, np.zeros((2, 64, 64, 3), np.uint8), outputs)


@pytest.mark.parametrize("written", [(), ("scores",), ("heat",)])
def test_a_run_that_writes_no_answer_has_failed_whatever_it_says(written: tuple[str, ...]) -> None:
    batch = _ask(_Silent(written))

    with pytest.raises(RunFailed, match="without an answer"):
        batch.run()

    assert all(np.isnan(array).all() for array in batch.outputs)


def test_nan_that_was_written_is_an_answer() -> None:
    batch = _ask(_Silent(("scores", "heat")))

    batch.run()

    assert all(np.isnan(array).all() for array in batch.outputs)


def test_it_computes_in_float32_on_the_cpu_whatever_the_cpu_likes_better(bundle: Bundle) -> None:
    runtime = load_runtime(bundle, HERE, {8})
    assert isinstance(runtime, OpenVinoRuntime)

    compiled = runtime._compiled

    assert compiled.get_property("EXECUTION_DEVICES") == ["CPU"]
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("EXECUTION_DEVICES", ["GPU.0"], r"openvino \(CPU, f32\), but it came up on GPU\.0, f32;"),
        ("EXECUTION_DEVICES", [], "came up on nothing"),
        ("INFERENCE_PRECISION_HINT", "bf16", "came up on CPU, bf16;"),
    ],
)
def test_a_graph_that_came_up_elsewhere_or_in_another_precision_is_refused(
    bundle: Bundle, name: str, value: object, message: str
) -> None:
    class Other:
        def get_property(self, asked: str) -> Any:
            told = {"EXECUTION_DEVICES": ["CPU"], "INFERENCE_PRECISION_HINT": "f32"} | {name: value}
            return told[asked] if asked == "EXECUTION_DEVICES" else _Type(str(told[asked]))

    runtime = OpenVinoRuntime(bundle.model_bytes, HERE)
    runtime._compiled = Other()

    with pytest.raises(EngineError, match=message):
        runtime.assert_place()


class _Type(str):
    def get_type_name(self) -> str:
        return str(self)


@pytest.mark.parametrize("threads", [None, 1])
def test_it_has_as_many_threads_as_it_was_given_and_pins_none(bundle: Bundle, threads: int | None) -> None:
    compiled = OpenVinoRuntime(bundle.model_bytes, Hardware("openvino", threads=threads))._compiled

    assert compiled.get_property("INFERENCE_NUM_THREADS") == (threads or usable_cores())
    assert compiled.get_property("NUM_STREAMS") == 1
    assert compiled.get_property("ENABLE_CPU_PINNING") is False


def test_each_twin_has_a_compiled_graph_of_its_own(bundle: Bundle) -> None:
    runtime = OpenVinoRuntime(bundle.model_bytes, HERE)

    assert runtime.twin()._compiled is not runtime._compiled


def test_where_no_code_may_be_made_the_error_names_the_drop_in(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_words: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(open_vino.mmap, "mmap", refused)

    with pytest.raises(EngineError, match=r"openvino\.conf.*MemoryDenyWriteExecute=no.*model\.provider: cpu"):
        load_runtime(bundle, HERE, {8})


def _installed(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def told(name: str) -> str:
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", told)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, r"package openvino \(2026\.4 or newer\) is not installed: pip install 'edge_inspector\[openvino\]'"),
        ("2025.4.1", r"openvino 2025\.4\.1 is older than 2026\.4: pip install 'edge_inspector\[openvino\]'"),
        ("2026.3.9", r"older than 2026\.4"),
    ],
)
def test_an_openvino_that_is_missing_or_too_old_is_named_with_what_brings_it(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, version: str | None, message: str
) -> None:
    _installed(monkeypatch, version)

    with pytest.raises(EngineError, match=rf"{message}.*or set model\.provider: cpu"):
        load_runtime(bundle, HERE, {8})


def test_an_openvino_that_cannot_be_loaded_is_named(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "edge_inspector.infer.open_vino")
    monkeypatch.setitem(sys.modules, "openvino", None)

    with pytest.raises(EngineError, match=r"openvino \d+\.\d+\.\d+ is installed, but cannot be loaded: .*openvino"):
        load_runtime(bundle, HERE, {8})


def test_the_extra_brings_the_version_that_the_program_asks_for() -> None:
    rows = {row.strip() for row in (ROOT / "setup.cfg").read_text().splitlines() if row.strip().startswith("openvino~")}

    assert rows == {f"openvino~={'.'.join(map(str, OPENVINO))}"}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_shipped_bundle_proves_itself(precision: str) -> None:
    shipped = load_bundle(ROOT / "models" / "bsdata-pitting", precision, trust=ANYONE)
    engine = OnnxEngine(shipped, FrameShape(256, 256 * 9, 3), hardware=Hardware("openvino"))

    engine.verify()

    assert set(engine.chunk_sizes) == {5, 4}
