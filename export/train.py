"""Train the tile classifier: ImageNet weights, early stages frozen, a few short epochs. Read it top to bottom."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from edge_inspector.core.frame import U8
from export.dataset import Picture, Tile, label_tiles, read_index, read_tiles, split_by_group
from export.network import TileNet, imagenet_weights, load_imagenet, normalise

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
    is_defect = np.array([tile.is_defect for tile in tiles])

    network = TileNet()
    load_imagenet(network, imagenet_weights())
    fast_layout(network)
    frozen, learning = split_network(network, config.frozen_stages)
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for part in learning for p in part.parameters()], "lr": config.lr_backbone},
            {"params": list(network.linear.parameters()), "lr": config.lr_head},
        ],
        weight_decay=config.weight_decay,
    )
    order = _order(is_defect, config)
    steps = -(-len(order) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=[config.lr_backbone, config.lr_head], total_steps=steps, pct_start=config.warmup
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    # Batch norm keeps its ImageNet statistics: with 32 tiles of few pictures, its own would follow the picture.
    network.eval()
    network.dropout.train()
    generator = torch.Generator().manual_seed(config.seed)
    with (run / "log.csv").open("w", encoding="utf-8", newline="") as log, _bar() as bar:
        writer = csv.writer(log)
        writer.writerow(["step", "seconds", "loss"])
        task = bar.add_task(f"train, {len(tiles)} tiles", total=steps, note="")
        started = time.monotonic()
        for step in range(steps):
            rows = order[step * config.batch : (step + 1) * config.batch]
            batch = augment(torch.from_numpy(pixels[rows]), generator)
            truth = torch.from_numpy(is_defect[rows]).long()
            with torch.no_grad():
                features = normalise(batch).contiguous(memory_format=torch.channels_last)
                features = frozen(features)
            logits = network.linear(network.dropout(learning(features).mean(dim=(2, 3))))
            loss = loss_of(logits, truth)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            writer.writerow([step, f"{time.monotonic() - started:.1f}", f"{loss.item():.5f}"])
            log.flush()
            bar.update(task, advance=1, note=f"loss {loss.item():.3f}")
    torch.save(network.state_dict(), run / WEIGHTS_FILE)


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
    # Contrast of 0.8 at least: a pit of 60 grey levels keeps 48. Light of +-20 grey levels, as lamps age.
    gain = 0.8 + 0.4 * torch.rand(n, 1, 1, 1, generator=generator)
    light = 40.0 * torch.rand(n, 1, 1, 1, generator=generator) - 20.0
    pixels = tiles.float()
    centre = pixels.mean(dim=(1, 2, 3), keepdim=True)
    return ((pixels - centre) * gain + centre + light).clamp(0.0, 255.0).to(torch.uint8)


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


def _order(is_defect: npt.NDArray[np.bool_], config: TrainConfig) -> npt.NDArray[np.intp]:
    """Return rows of all epochs in the order they are shown: every defect each epoch, OK tiles in turn."""
    chance = np.random.default_rng(config.seed)
    defects, sound = np.flatnonzero(is_defect), chance.permutation(np.flatnonzero(~is_defect))
    epochs = []
    for epoch in range(config.epochs):
        n_ok = len(defects) * config.ok_per_defect
        rows = np.concatenate([defects, np.take(sound, range(epoch * n_ok, (epoch + 1) * n_ok), mode="wrap")])
        epochs.append(chance.permutation(rows))
    return np.concatenate(epochs)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
