"""Train the tile classifier: ImageNet weights, early stages frozen, a few short epochs. Read it top to bottom."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from edge_inspector.core.frame import U8
from export.data.dataset import Picture, Tile, label_tiles, read_index, read_tiles, split_by_group
from export.learn.network import TileNet, imagenet_weights, load_imagenet, normalise

WEIGHTS_FILE = "weights.pt"
CONFIG_FILE = "config.json"


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Every number of a run. Saved next to the weights it made."""

    seed: int = 1
    epochs: int = 3
    overlap: int = 128
    """Training tiles overlap by half: three to four times as many, and a defect is seen in several places."""
    ok_per_defect: int = 2
    """OK tiles per DEFECT tile and epoch. Defects are 1 in 9 tiles; calibration puts the true share back."""
    batch: int = 32
    """More does not run faster on two cores."""
    frozen_stages: int = 4
    """Stem and stages 1 to 3 keep their ImageNet filters: edges and textures suit steel, and half the time is saved."""
    lr_backbone: float = 3e-4
    lr_head: float = 3e-3
    """The head starts at zero and must travel further than the backbone."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises, then it falls along a cosine to zero."""
    weight_decay: float = 0.01
    label_smoothing: float = 0.02
    """Mask borders are drawn by hand; without it the margin grows without bound on the clear tiles."""
    threads: int = 2


def train(data: Path, run: Path, config: TrainConfig) -> None:
    """Train on the train groups of `data`; leave weights, configuration and a log of every step in `run`."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    run.mkdir(parents=True, exist_ok=True)
    (run / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")
    pictures = split_by_group(read_index(data), config.seed).train
    tiles = label_tiles(pictures, config.overlap)
    pixels = read_tiles(pictures, tiles)  # 196 kB a tile: 2 GB for ten thousand
    truth = torch.tensor([tile.is_defect for tile in tiles]).long()
    order = draw_order(tiles, config)

    network = TileNet()
    load_imagenet(network, imagenet_weights())
    fast_layout(network)
    # Batch norm keeps its ImageNet statistics: with 32 tiles of few pictures, its own would follow the picture.
    network.eval()
    network.dropout.train()

    batches = [order[start : start + config.batch] for start in range(0, len(order), config.batch)]
    step = _Step(network, config, len(batches))
    generator = torch.Generator().manual_seed(config.seed)
    started = time.monotonic()
    with (run / "log.csv").open("w", encoding="utf-8", newline="") as log, _bar() as bar:
        log.write("step,seconds,loss\n")
        task = bar.add_task(f"train, {len(tiles)} tiles", total=len(batches), note="")
        for number, rows in enumerate(batches):
            loss = step(augment(torch.from_numpy(pixels[rows]), generator), truth[rows])
            log.write(f"{number},{time.monotonic() - started:.1f},{loss:.5f}\n")
            log.flush()
            bar.update(task, advance=1, note=f"loss {loss:.3f}")
    torch.save(network.state_dict(), run / WEIGHTS_FILE)


class _Step:
    """One step of gradient descent; frozen stages cost only their way forward."""

    def __init__(self, network: TileNet, config: TrainConfig, steps: int) -> None:
        self._network = network
        self._frozen, self._learning = split_network(network, config.frozen_stages)
        rates = [config.lr_backbone, config.lr_head]
        parts = [list(self._learning.parameters()), list(network.linear.parameters())]
        self._optimiser = torch.optim.AdamW(
            [{"params": part, "lr": rate} for part, rate in zip(parts, rates, strict=True)],
            weight_decay=config.weight_decay,
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, max_lr=rates, total_steps=steps, pct_start=config.warmup
        )
        self._loss_of = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)

    def __call__(self, tiles: Tensor, truth: Tensor) -> float:
        """Learn from one batch, uint8 (n, 256, 256, 3) and its truth (n,); return the loss."""
        with torch.no_grad():
            features = self._frozen(normalise(tiles).contiguous(memory_format=torch.channels_last))
        pooled = self._learning(features).mean(dim=(2, 3))
        loss = self._loss_of(self._network.linear(self._network.dropout(pooled)), truth)
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self._schedule.step()
        return float(loss.item())


def split_network(network: TileNet, frozen_stages: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Return the stages that stay as they are and those that learn; both share the network's weights."""
    stages = list(network.features)
    return nn.Sequential(*stages[:frozen_stages]), nn.Sequential(*stages[frozen_stages:])


def fast_layout(network: TileNet) -> None:
    """Lay the weights out channels last, in place: measured twice as fast on a CPU."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def augment(tiles: Tensor, generator: torch.Generator) -> Tensor:
    """Return the tiles flipped and lit otherwise. Neither moves a defect out of its tile nor hides it.

    Args:
        tiles: uint8 (n, h, w, 3).
        generator: Source of chance.
    """
    n = len(tiles)
    for axis in (1, 2):  # both flips together are half a turn; a quarter turn would turn the grinding direction
        flip = torch.rand(n, generator=generator) < 0.5
        tiles = torch.where(flip.view(n, 1, 1, 1), tiles.flip(axis), tiles)
    # Light and white balance as lamps and oil change them. Multiplied, not added: what is darker than its
    # surroundings stays so, even in a picture that is nearly black.
    exposure = 0.7 + 0.65 * torch.rand(n, 1, 1, 1, generator=generator)
    tint = 0.93 + 0.14 * torch.rand(n, 1, 1, 3, generator=generator)
    return (tiles.float() * exposure * tint).clamp(0.0, 255.0).to(torch.uint8)


def load_network(run: Path) -> TileNet:
    """Return the trained network of a run, ready to be asked."""
    network = TileNet()
    network.load_state_dict(torch.load(run / WEIGHTS_FILE, map_location="cpu", weights_only=True))
    fast_layout(network)
    network.eval()
    return network


def load_config(run: Path) -> TrainConfig:
    """Return the numbers a run was trained with."""
    return TrainConfig(**json.loads((run / CONFIG_FILE).read_text(encoding="utf-8")))


def margins(network: TileNet, pixels: U8, batch: int = 32) -> npt.NDArray[np.float64]:
    """Return z_defect - z_ok of tiles uint8 (n, 256, 256, 3), shape (n,)."""
    parts = []
    with torch.no_grad(), _bar() as bar:
        task = bar.add_task(f"score, {len(pixels)} tiles", total=-(-len(pixels) // batch), note="")
        for start in range(0, len(pixels), batch):
            logits = network(torch.from_numpy(pixels[start : start + batch]))
            parts.append((logits[:, 1] - logits[:, 0]).double().numpy())
            bar.update(task, advance=1)
    return np.concatenate(parts)


def scored_tiles(
    network: TileNet, pictures: tuple[Picture, ...], overlap: int = 0
) -> tuple[list[Tile], npt.NDArray[np.float64]]:
    """Return the labelled tiles of pictures, cut as on the line, and their margins."""
    tiles = label_tiles(pictures, overlap)
    return tiles, margins(network, read_tiles(pictures, tiles))


def draw_order(tiles: Sequence[Tile], config: TrainConfig) -> npt.NDArray[np.intp]:
    """Return rows of all epochs in the order they are shown, groups with few tiles more often than their share."""
    chance = np.random.default_rng(config.seed)
    is_defect = np.array([tile.is_defect for tile in tiles])
    shares = group_shares(tiles)
    n_defect = int(is_defect.sum())
    epochs = []
    for _ in range(config.epochs):
        drawn = [
            chance.choice(len(tiles), count, p=np.where(kind, shares, 0.0) / shares[kind].sum())
            for kind, count in ((is_defect, n_defect), (~is_defect, n_defect * config.ok_per_defect))
        ]
        epochs.append(chance.permutation(np.concatenate(drawn)))
    return np.concatenate(epochs)


def group_shares(tiles: Sequence[Tile]) -> npt.NDArray[np.float64]:
    """Return how often each tile is drawn, against others of its label: 1 / root of its group's count.

    A series of thirty pictures of one place teaches less than thirty places: without this, eight series would make
    up three quarters of the defects that the network sees.
    """
    count = Counter((tile.group, tile.is_defect) for tile in tiles)
    return np.array([count[tile.group, tile.is_defect] ** -0.5 for tile in tiles])


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
