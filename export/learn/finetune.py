"""Fine-tuning one model: later stages and the linear layer learn, the best epoch is kept. Resumable at each epoch."""

from __future__ import annotations

import csv
import io
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, logsigmoid

from edge_inspector.core.errors import UsageError
from export.learn.ahead import made_ahead, share_threads
from export.learn.augment import seeded
from export.learn.config import TrainConfig
from export.learn.draw import draw_epoch, draw_grounds
from export.learn.files import UNREADABLE, check_sums, write_tensors, write_whole
from export.learn.folds import check_groups
from export.learn.frozen import Features, fit_linear, read_features, set_head
from export.learn.job import Done, Job, Margins
from export.learn.material import Material, Rows
from export.learn.network import TileNet, build, split_network
from export.learn.progress import Teller
from export.learn.sources import Source
from export.run_folder import WEIGHTS_FILE

STATE_FILE = "state.pt"
LOG_COLUMNS = ("epoch", "rate", "loss", "stop_loss", "stop_auroc")


@dataclass(slots=True)
class _Best:
    """The best epoch so far."""

    epochs: int = 0
    rank: tuple[float, float] = (-1.0, -math.inf)
    """(AUROC in thousandths, minus the loss) on the stop part."""
    weights: dict[str, Tensor] = field(default_factory=dict)


class Finetuner:
    """Trains one model after the other; the table of tiles and the features that their heads start from are shared."""

    def __init__(self, material: Material, config: TrainConfig, run: Path, teller: Teller) -> None:
        self._material, self._config, self._teller = material, config, teller
        torch.manual_seed(config.seed)
        network = build(config.network, config.device)
        self._source = Source(material, network, config, run, teller)
        self._features = read_features(material, network, config, run, teller) if config.frozen_stages else None
        if config.frozen_stages:  # ONNX Runtime is asked in the other threads
            torch.set_num_threads(share_threads(config.threads)[0])

    def fit(self, job: Job) -> Done:
        """Train a model, leave weights.pt and log.csv in its folder, and score its held tiles."""
        model = _Model(self._material, self._config, self._source, job, self._features)
        while not model.is_done:
            since = time.monotonic()
            told = model.learn_epoch(self._teller)
            self._teller.learned(model.n_drawn, since)
            left = self._teller.left((job.epochs - model.epoch) * model.n_drawn + job.tiles_after)
            self._teller.say(f"{job.name}, epoch {model.epoch} of at most {job.epochs}: {told}, {left}")
        network = model.finish()
        return Done(model.best.epochs, margins(network, self._config, self._source, job.held))


class _Model:
    """The state of one training: everything that a resumed one needs, and nothing else."""

    def __init__(
        self, material: Material, config: TrainConfig, source: Source, job: Job, features: Features | None
    ) -> None:
        self._material, self._config, self._source, self._job = material, config, source, job
        check_groups(material.groups[job.learn], material.truth[job.learn], 1)
        torch.manual_seed(config.seed * 1009 + job.number)
        self.network = build(config.network, config.device)
        _, learning = split_network(self.network, config.frozen_stages)
        self._parts = nn.ModuleList([learning, self.network.linear])
        self._rates = (config.lr_backbone, config.lr_head)
        self._optimiser = torch.optim.AdamW(
            [{"params": list(p.parameters()), "lr": r} for p, r in zip(self._parts, self._rates, strict=True)],
            weight_decay=config.weight_decay,
        )
        self._truth = material.truth[job.learn]
        self._counts = draw_counts(material.count_defects(job.learn), config)
        self.n_drawn = sum(self._counts)
        self.epoch, self.best, self._log = 0, _Best(), list[list[str]]()
        if features is not None:
            found = features[job.learn].astype(np.float64)
            set_head(self.network, *fit_linear(found, material.groups[job.learn], self._truth, config.head_strength))
        self._resume()

    @property
    def is_done(self) -> bool:
        """Whether no further epoch is due."""
        is_stopped = bool(len(self._job.stop)) and self.epoch - self.best.epochs >= self._config.patience
        return self.epoch >= self._job.epochs or is_stopped

    def learn_epoch(self, teller: Teller) -> str:
        """Learn one epoch and save the state; return what there is to say about it."""
        config, job = self._config, self._job
        chance = np.random.default_rng([config.seed, job.number, self.epoch])
        groups = self._material.groups[job.learn]
        drawn = draw_epoch(groups, self._truth, self._counts, chance)
        grounds = draw_grounds(groups, self._truth, drawn, config.moved, chance)
        varied = seeded(config.seed, job.number, self.epoch)
        torch.manual_seed(varied.initial_seed())  # of the dropout
        batches = [slice(start, start + config.batch) for start in range(0, len(drawn), config.batch)]
        set_learning(self.network, config, True)
        told, losses = teller.bar(f"{job.name}, epoch {self.epoch + 1}", len(drawn)), []
        rows, onto = job.learn[drawn], np.where(grounds < 0, -1, job.learn[grounds])
        made = (self._source.varied(rows[batch], onto[batch], varied) for batch in batches)
        entered = made_ahead(made) if config.threads > 1 else made
        for number, (batch, tiles) in enumerate(zip(batches, entered, strict=True)):
            self._set_rate((self.epoch + (number + 0.5) / len(batches)) / config.epochs)
            losses.append(self._step(rows[batch], tiles))
            told(len(rows[batch]))
        self.epoch += 1
        return self._keep(float(np.mean(losses)))

    def finish(self) -> TileNet:
        """Write weights and log; return the network with the best weights."""
        self.network.load_state_dict(self.best.weights)
        write_tensors(self._job.folder / WEIGHTS_FILE, self.best.weights)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([LOG_COLUMNS, *self._log])
        write_whole(self._job.folder / "log.csv", text.getvalue().encode())
        return self.network

    def _step(self, rows: Rows, tiles: Tensor) -> float:
        """Learn from a batch: rows of the material, and what the learning stages take of them."""
        pooled = self._parts[0](tiles).mean(dim=(2, 3))
        logits = self.network.linear(self.network.dropout(pooled))
        truth = torch.from_numpy(self._material.truth[rows]).long().to(logits.device)
        loss = loss_of(logits, truth, self._config)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return float(loss.item())

    def _set_rate(self, progress: float) -> None:
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * rate_share(progress, self._config.warmup)

    def _keep(self, loss: float) -> str:
        if not math.isfinite(loss):
            raise UsageError(f"{self._job.name}: the loss is {loss}; train with another --seed or fewer threads")
        told, stop_loss, auroc = f"loss {loss:.4f}", math.nan, math.nan
        if len(self._job.stop):
            truth = self._material.truth[self._job.stop]
            found = margins(self.network, self._config, self._source, self._job.stop)
            stop_loss, auroc = balanced_loss(found, truth), float(roc_auc_score(truth, found))
            told += f", on its stop groups {stop_loss:.4f}, AUROC {auroc:.4f}"
        rank = (round(auroc, 3), -stop_loss)
        if not len(self._job.stop) or rank > self.best.rank:
            self.best = _Best(self.epoch, rank, _on_cpu(self.network))
        rate = self._optimiser.param_groups[0]["lr"]
        self._log.append([str(self.epoch), *(f"{value:.6g}" for value in (rate, loss, stop_loss, auroc))])
        values = {"epoch": self.epoch, "log": self._log, "network": _on_cpu(self.network)}
        best = {"epochs": self.best.epochs, "rank": self.best.rank, "weights": self.best.weights}
        optimiser = self._optimiser.state_dict()
        write_tensors(self._job.folder / STATE_FILE, values | {"best": best, "optimiser": optimiser})
        return told

    def _resume(self) -> None:
        file = self._job.folder / STATE_FILE
        if not file.exists():
            return
        try:
            check_sums(file)
            state = torch.load(file, map_location="cpu", weights_only=True)
            self.network.load_state_dict(state["network"])
            self._optimiser.load_state_dict(state["optimiser"])
            self.epoch, self._log = state["epoch"], state["log"]
            best = state["best"]
            self.best = _Best(best["epochs"], tuple(best["rank"]), best["weights"])
        except UNREADABLE as error:
            raise UsageError(f"{file} is damaged or cut off; delete it, this model starts anew") from error


def draw_counts(n_defect: int, config: TrainConfig) -> tuple[int, int]:
    """Return how many OK and DEFECT tiles an epoch shows: each DEFECT about once, more often up to `least_tiles`."""
    shown = max(n_defect, -(-config.least_tiles // (1 + config.ok_per_defect)))
    return shown * config.ok_per_defect, shown


def set_learning(network: TileNet, config: TrainConfig, is_learning: bool) -> None:
    """Switch dropout, and batch norm where it learns.

    With frozen stages batch norm keeps its ImageNet statistics: with 32 tiles of few pictures, its own would follow the
    picture.
    """
    network.train(is_learning and config.frozen_stages == 0)
    network.dropout.train(is_learning)


@torch.no_grad()
def margins(network: TileNet, config: TrainConfig, source: Source, rows: Rows) -> Margins:
    """Return z_defect - z_ok of tiles as they are, shape (n,)."""
    set_learning(network, config, False)
    _, learning = split_network(network, config.frozen_stages)
    parts = [np.empty(0)]
    for start in range(0, len(rows), config.batch):
        logits = network.linear(learning(source.as_they_are(rows[start : start + config.batch])).mean(dim=(2, 3)))
        parts.append((logits[:, 1] - logits[:, 0]).double().cpu().numpy())
    return np.concatenate(parts)


def loss_of(logits: Tensor, truth: Tensor, config: TrainConfig) -> Tensor:
    """Return the loss of a batch; both labels weigh the same, however many OK tiles are drawn per DEFECT."""
    weight = torch.tensor([1.0, float(config.ok_per_defect)], device=logits.device)
    if config.loss == "weighted":
        return cross_entropy(logits, truth, weight, label_smoothing=config.label_smoothing)
    margin = (logits[:, 1] - logits[:, 0]) * (2.0 * truth - 1.0)  # above 0: right
    each = -logsigmoid(margin) * torch.sigmoid(-margin) ** config.focal_gamma
    return (each * weight[truth]).sum() / weight[truth].sum()


def rate_share(progress: float, warmup: float) -> float:
    """Return the share of the full rate at a progress of 0 to 1: up in a line, then down along a cosine."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (progress - warmup) / (1.0 - warmup)))


def balanced_loss(found: Margins, truth: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the log loss of margins, both labels weighing the same."""
    each = np.logaddexp(0.0, np.where(truth, -found, found))
    return float((each[truth].mean() + each[~truth].mean()) / 2)


def _on_cpu(network: TileNet) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
