"""From a network to graphs: fp32 is the same function, INT8 nearly, and both are what the line accepts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from torch import nn

from edge_inspector.bundle.graph import check_graph_bytes
from edge_inspector.core.errors import UsageError
from export.__main__ import export
from export.judge.calibrate import load_calibration
from export.run_folder import RunFolder
from export.ship import verify as verify_file
from export.ship.choose_int8 import Way, choose_int8, fastest_of_the_best
from export.ship.differ import compare
from export.ship.graph import open_session, run_tiles
from export.ship.material import Material, calibration_tiles, load_material, proof_tiles
from export.ship.quantize import Recipe
from export.ship.to_onnx import check_parity
from export.ship.verify import int8_faults, verify


def test_any_network_of_features_and_a_linear_layer_becomes_a_graph_of_the_line(
    material: Material, network: nn.Module
) -> None:
    file, pixels = material.run.model, material.pixels(material.tiles_of("test"))

    check_graph_bytes(str(file), file.read_bytes())
    assert max(check_parity(network, load_calibration(material.run.path), file, pixels)) < 1e-4


def test_a_graph_of_another_network_is_told(material: Material, network: nn.Module) -> None:
    other = type(network)().eval()

    with pytest.raises(UsageError, match="differs from the network: scores by"):
        check_parity(
            other, load_calibration(material.run.path), material.run.model, material.pixels(material.tiles_of("test"))
        )


def test_int8_is_quantised_and_agrees_and_takes_any_number_of_tiles(material: Material) -> None:
    file = material.run.model_int8
    check_graph_bytes(str(file), file.read_bytes())
    model = onnx.load(str(file))
    used = [node.op_type for node in model.graph.node]
    assert used.count("QuantizeLinear") > 4
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    kinds = {weights[node.input[0]].data_type for node in model.graph.node if node.input[0] in weights}
    assert onnx.TensorProto.INT8 in kinds
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    pixels = material.pixels(material.tiles_of("test"))
    exact = run_tiles(open_session(material.run.model), pixels)
    for chunk in (1, 3, 16):
        found = compare(exact, run_tiles(open_session(file), pixels, chunk), 0.5)
        assert found["flips"] == 0
        assert found["score_gap"] < 0.1
    written = json.loads(material.run.quantization.read_text())
    assert len(written["measured"]) == 6  # so small a network keeps no first convolution in float
    assert written["chosen"] in [{key: one[key] for key in written["chosen"]} for one in written["measured"]]


def test_the_fastest_of_those_that_are_as_good_as_the_best_is_taken() -> None:
    def way(error: float, first: int, last: int = 1) -> Way:
        return Recipe("MinMax", first, last), {"margin_rms": error}, b""

    found = [way(0.050, 0, 0), way(0.045, 0), way(0.0321, 2), way(0.0315, 2), way(0.030, 3), way(0.024, 6)]

    assert fastest_of_the_best(found) == way(0.0315, 2)


def test_quantising_again_gives_the_same_bytes(material: Material) -> None:
    first, said = material.run.model_int8.read_bytes(), list[str]()

    choose_int8(material, said.append)

    assert material.run.model_int8.read_bytes() == first
    assert len(said) == 6


def test_int8_comes_from_training_tiles_and_is_proven_on_others(material: Material) -> None:
    used, proof = calibration_tiles(material), proof_tiles(material, 100)

    assert {material.pictures[tile.picture].split for tile in used} == {"train"}
    assert {material.pictures[tile.picture].split for tile in proof.tiles} == {"test"}
    assert proof.is_held_out
    assert len({tile.is_defect for tile in proof.tiles}) == 2


def test_without_a_test_split_the_proof_says_so_and_uses_no_calibrated_tile(
    tmp_path: Path, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ship_samples import draw_dataset

    monkeypatch.setattr("export.ship.material.CALIBRATION_TILES", 16)
    material = load_material(draw_dataset(tmp_path / "all-train", n_test=0), run.path)

    proof = proof_tiles(material, 100)

    assert not proof.is_held_out
    assert "there is no test split" in proof.says
    assert not set(proof.tiles) & set(calibration_tiles(material))


def test_verify_measures_and_passes(material: Material) -> None:
    result = verify(material, rounds=3)

    assert result == json.loads(material.run.parity.read_text())
    assert result["faults"] == {"fp32": [], "int8": []}
    assert result["tiles"] == {
        "from": "the test split, which no model was trained on", "held_out": True, "n": 16, "n_defect": 4
    }  # fmt: skip
    assert result["fp32_to_int8"]["auroc_drop"] == pytest.approx(0, abs=0.005)
    assert result["speed"]["ratio"] == pytest.approx(result["speed"]["fp32_ms"] / result["speed"]["int8_ms"], rel=0.2)


@pytest.mark.parametrize(
    ("flip_share", "drop", "n_faults"), [(0.005, 0.005, 0), (0.0051, 0.0, 1), (0.0, 0.0051, 1), (float("nan"), None, 1)]
)
def test_what_is_beyond_the_bars_is_a_fault(flip_share: float, drop: float | None, n_faults: int) -> None:
    assert len(int8_faults({"flip_share": flip_share, "auroc_drop": drop})) == n_faults


def test_the_command_ends_with_1_beyond_the_tolerance_and_says_when_int8_is_slower(
    material: Material, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_file, "MOST_FLIPS", -1.0)
    slow = {"chunk": 8, "threads": 2, "fp32_ms": 1.0, "int8_ms": 2.0, "ratio": 0.5}
    monkeypatch.setattr(verify_file, "time_both", lambda *_: slow)

    said = CliRunner().invoke(export, ["verify", str(dataset), str(material.run.path)])

    assert said.exit_code == 1
    assert "beyond the tolerance: INT8 changes 0.00% of the verdicts" in said.output
    assert "INT8 IS SLOWER, 2.00 times" in said.output


def test_a_step_out_of_turn_names_the_one_before(material: Material) -> None:
    material.run.model.unlink()

    with pytest.raises(UsageError, match="run first: python -m export onnx"):
        choose_int8(material)


def test_other_data_than_the_run_was_trained_on_is_refused(dataset: Path, run: RunFolder) -> None:
    run.config.write_text(json.dumps({"train": {}, "data": {"sha256": "0" * 64}}))

    with pytest.raises(UsageError, match=r"changed since .* was trained on it"):
        load_material(dataset, run.path)


def test_pixels_stay_exact_in_int8(material: Material) -> None:
    model = onnx.load(str(material.run.model_int8))

    makers = {name: node for node in model.graph.node for name in node.output}
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    [first] = [n for n in model.graph.node if n.op_type == "QuantizeLinear" and makers[n.input[0]].op_type == "Div"]
    assert (float(weights[first.input[1]]), int(weights[first.input[2]])) == (np.float32(1 / 128), 127)
