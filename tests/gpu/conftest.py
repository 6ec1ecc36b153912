"""These tests need a GPU: `scripts/test -m gpu`. Where there is none they fail, and say why; nothing is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError
from edge_inspector.infer.gpu_libraries import load_libraries
from edge_inspector.infer.providers import make_session
from edge_inspector.infer.runtime import Hardware


@pytest.fixture(scope="session", autouse=True)
def _gpu(tmp_path_factory: pytest.TempPathFactory) -> None:
    """End each of these tests with the reason where no GPU can be used."""
    graph = (write_tiny_bundle(tmp_path_factory.mktemp("probe")) / "model.onnx").read_bytes()
    try:
        make_session(graph, Hardware("cuda"))
    except EngineError as error:
        pytest.fail(f"these tests need a GPU: {error}", pytrace=False)


@pytest.fixture(autouse=True)
def _tensorrt(request: pytest.FixtureRequest) -> None:
    """End a test of TensorRT with the reason where that cannot be used."""
    if "tensorrt" in request.node.name and (missing := load_libraries("tensorrt")):
        pytest.fail(f"this test needs TensorRT: {'; '.join(missing)}", pytrace=False)


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of compiled engines that all tests share: each takes a minute or more."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("tiny")), trust=ANYONE)
