"""The network: its heat map is exact, and the ONNX file is the same function."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import sklearn
import torch
from onnx import helper

from edge_inspector.bundle.operators import ALLOWED_OPERATORS
from edge_inspector.core.errors import UsageError
from export.data.index import CELL_PX
from export.learn.augment import augment
from export.learn.network import ConvBnAct, TileNet, imagenet_weights, load_imagenet
from export.ship.graph import check_graph, open_session, run_tiles
from export.ship.to_onnx import check_parity, write_onnx


@dataclass(frozen=True)
class Sigmoid:
    scale: float
    shift: float


CALIBRATION = Sigmoid(0.7, -0.4)

# Exporting takes torch some seconds, on a busy machine many.
pytestmark = pytest.mark.timeout(300)

# Numbers of two ImageNet classes; scikit-learn ships a photo of each.
PALACE, DAISY = 698, 985


@pytest.fixture(scope="module")
def network() -> TileNet:
    """ImageNet features and a head of random weights: every channel counts."""
    torch.manual_seed(0)
    made = TileNet()
    load_imagenet(made, imagenet_weights())
    torch.nn.init.normal_(made.linear.weight, std=0.05)
    torch.nn.init.normal_(made.linear.bias)
    return made.eval()


@pytest.fixture(scope="module")
def tiles() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), np.uint8)


@torch.no_grad()
def test_the_mean_of_the_heat_map_is_the_margin(network: TileNet, tiles: np.ndarray) -> None:
    asked = torch.from_numpy(tiles)

    logits, heat = network(asked), network.heat(asked)

    assert heat.shape == (3, 256 // CELL_PX, 256 // CELL_PX)
    torch.testing.assert_close(heat.mean(dim=(1, 2)), logits[:, 1] - logits[:, 0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("photo", "label"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
@torch.no_grad()
def test_the_backbone_with_its_own_imagenet_head_knows_a_photo(photo: str, label: int) -> None:
    # A wrong order of tensors, normalisation or colour order would leave the shapes right and this wrong.
    whole = TileNet(n_labels=1000)
    load_imagenet(whole, imagenet_weights())
    head = torch.load(imagenet_weights(), weights_only=True)
    whole.linear.load_state_dict({"weight": head["_fc.weight"], "bias": head["_fc.bias"]})
    bgr = cv2.imread(str(Path(sklearn.__file__).parent / "datasets/images" / photo))
    side = min(bgr.shape[:2])
    top, left = (bgr.shape[0] - side) // 2, (bgr.shape[1] - side) // 2
    rgb = cv2.cvtColor(bgr[top : top + side, left : left + side], cv2.COLOR_BGR2RGB)
    pixels = cv2.resize(rgb, (224, 224), interpolation=cv2.INTER_AREA)

    logits = whole.eval()(torch.from_numpy(pixels)[None])

    assert int(logits.argmax()) == label


@pytest.mark.parametrize("kernel", [3, 5])
@torch.no_grad()
def test_a_step_of_two_looks_one_pixel_further_right_and_down_as_the_weights_were_trained(kernel: int) -> None:
    layer = ConvBnAct(1, 1, kernel, stride=2, has_act=False).eval()
    conv = next(part for part in layer if isinstance(part, torch.nn.Conv2d))
    torch.nn.init.ones_(conv.weight)
    pixels = torch.zeros(8, 1, 8, 8)
    pixels[range(8), 0, range(8), 0] = 1.0  # one picture for each row

    first_window_sees = (layer(pixels)[:, 0, 0, 0] > 0.5).nonzero()[:, 0].tolist()

    rows_above = (kernel - 2) // 2
    assert first_window_sees == list(range(kernel - rows_above))


@pytest.fixture(scope="module")
def exported(network: TileNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    write_onnx(network, CALIBRATION, (256, 256), file)
    return file


def test_the_onnx_file_gives_the_networks_answers_for_any_number_of_tiles(
    network: TileNet, tiles: np.ndarray, exported: Path
) -> None:
    score_gap, heat_gap = check_parity(network, CALIBRATION, exported, tiles)

    assert score_gap < 1e-4
    assert heat_gap < 1e-3
    one_by_one = run_tiles(open_session(exported), tiles, chunk=1)
    at_once = run_tiles(open_session(exported), tiles, chunk=3)
    np.testing.assert_allclose(one_by_one[0], at_once[0], atol=1e-5)
    np.testing.assert_allclose(at_once[0].sum(axis=1), 1.0, atol=1e-6)
    margin = at_once[1].mean(axis=(1, 2))
    expected = 1 / (1 + np.exp(-(CALIBRATION.scale * margin + CALIBRATION.shift)))
    np.testing.assert_allclose(at_once[0][:, 1], expected, atol=1e-5)


def test_the_onnx_file_is_plain_arithmetic_and_tells_nothing_of_the_machine_that_made_it(exported: Path) -> None:
    model = onnx.load(exported)

    assert {node.op_type for node in model.graph.node} <= ALLOWED_OPERATORS
    assert not [node for node in model.graph.node if node.metadata_props or node.doc_string]
    assert exported.stat().st_size < 15e6


def test_a_changed_calibration_is_noticed(network: TileNet, tiles: np.ndarray, exported: Path) -> None:
    other = Sigmoid(0.7, 0.4)

    with pytest.raises(UsageError, match="differs from"):
        check_parity(network, other, exported, tiles)


def test_an_operator_outside_the_list_is_refused() -> None:
    info = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Round", ["x"], ["y"])], "g", info[:1], info[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)

    with pytest.raises(ValueError, match="the graph uses Round"):
        check_graph(model)


def test_a_share_of_the_tiles_is_out_of_focus_where_that_is_asked_for() -> None:
    edge = torch.full((200, 64, 64, 3), 60, dtype=torch.uint8)
    edge[:, :, 32:] = 160

    sharp, mixed = (augment(edge, torch.Generator().manual_seed(1), blur) for blur in (0.0, 0.4))

    steepest = mixed.float().diff(dim=2).abs().amax(dim=(1, 2, 3)) / sharp.float().diff(dim=2).abs().amax(dim=(1, 2, 3))
    is_blurred = steepest < 0.9
    assert 60 < int(is_blurred.sum()) < 100
    assert torch.equal(mixed[~is_blurred], sharp[~is_blurred])  # the rest is what it was
    assert 0.05 < float(steepest[is_blurred].min()) < 0.2


def test_augmentation_keeps_a_defect_visible_and_in_its_tile() -> None:
    sound = torch.full((64, 256, 256, 3), 150, dtype=torch.uint8)
    pitted = sound.clone()
    pitted[:, 10:30, 40:60] = 90

    lit = augment(pitted, torch.Generator().manual_seed(1)).float()

    dark = lit < lit.amax(dim=(1, 2, 3), keepdim=True) - 0.6 * 60
    assert dark.sum(dim=(1, 2, 3)).tolist() == [20 * 20 * 3] * 64
