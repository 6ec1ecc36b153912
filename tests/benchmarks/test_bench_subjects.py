"""What is measured on: the net made on the fly, the frames, and the graph that peers get."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest

from benchmarks.peers.core_graph import write_core
from benchmarks.subject import N_FRAMES, Subject, make_subject
from benchmarks.tiny_net import write_tiny_net
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.frame import FrameShape
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.runtime import Hardware


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("subject")
    return make_subject("tiny net", write_tiny_net(folder / "bundle"), folder / "frames")


def test_the_net_made_on_the_fly_is_a_bundle_that_proves_itself(subject: Subject) -> None:
    engine = OnnxEngine(
        load_bundle(subject.bundle, trust=ANYONE), FrameShape(*subject.frame_hwc), hardware=Hardware(threads=1)
    )

    engine.verify()

    results = engine.run(np.load(subject.array)[0], lambda: None)
    assert len(results.scores) == subject.n_tiles == 7
    assert results.scores[:, 1].max() < 0.5  # as good surfaces are on a line: nothing to box


def test_the_line_and_its_contenders_get_the_same_frames(subject: Subject) -> None:
    frames = np.load(subject.array)

    pictures = sorted(subject.pictures.iterdir())

    assert len(pictures) == len(frames) == N_FRAMES
    assert len({frame.tobytes() for frame in frames}) == N_FRAMES
    assert all(
        (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) == frame[:, :, 0]).all()
        for path, frame in zip(pictures, frames, strict=True)
    )


def test_a_contender_cuts_the_tiles_that_the_line_cuts(subject: Subject) -> None:
    frame = np.load(subject.array)[3]

    tiles = subject.task().cut(frame)

    assert [tile.shape for tile in tiles] == [(256, 256, 1)] * 7
    assert (tiles[6] == frame[:, 1344:1600]).all()


def test_the_graph_behind_the_uint8_input_answers_the_same(subject: Subject, tmp_path: Path) -> None:
    model, core = subject.bundle / "model.onnx", tmp_path / "core.onnx"
    tiles = np.stack(subject.task().cut(np.load(subject.array)[0]))

    write_core(model, core, after="Cast", outputs=("scores", "heat"))

    whole, part = (ort.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (model, core))
    floats = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2), np.float32)
    expected, _ = whole.run(["scores", "heat"], {"tiles": tiles})
    scores, _ = part.run(["scores", "heat"], {part.get_inputs()[0].name: floats})
    assert np.allclose(scores, expected, atol=1e-5)


def test_a_graph_that_begins_otherwise_is_refused(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no Gather"):
        write_core(subject.bundle / "model.onnx", tmp_path / "core.onnx", after="Gather", outputs=("scores",))
