"""Frozen mode: ImageNet features of each tile once, then the linear layer by logistic regression. Minutes."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

from export.learn.config import HEAD_STEPS, HEAD_TOLERANCE, SCALE_STRENGTH, TrainConfig
from export.learn.draw import group_shares
from export.learn.files import write_tensors, write_whole
from export.learn.folds import share_out
from export.learn.job import Done, Job
from export.learn.material import Material
from export.learn.network import TileNet, build
from export.learn.progress import Teller
from export.learn.sources import CACHE_FOLDER
from export.learn.stages import fast_stages
from export.learn.table import fill_table
from export.run_folder import WEIGHTS_FILE

Numbers = npt.NDArray[np.float64]
Features = npt.NDArray[np.generic]


class FrozenFitter:
    """Fits one linear layer after the other to the same features."""

    def __init__(self, material: Material, config: TrainConfig, run: Path, teller: Teller) -> None:
        self._material, self._config, self._teller = material, config, teller
        self._network = build(config.network, config.device).eval()
        self._features = read_features(material, self._network, config, run, teller)

    def fit(self, job: Job) -> Done:
        """Fit a model, leave weights.pt and log.csv in its folder, and score its held tiles."""
        config, strengths = self._config, self._config.strengths
        told = self._teller.bar(job.name, config.inner_folds * len(strengths) + 1)
        rows = np.concatenate([job.learn, job.stop])  # nothing stops early here
        features = self._features[rows].astype(np.float64)
        groups, truth = self._material.groups[rows], self._material.truth[rows]
        areas, inner = self._try_strengths(features, groups, truth, job.number, told)
        strength = choose_strength(areas, config) if areas.any() else config.head_strength
        weight, bias = fit_linear(features, groups, truth, strength)
        if areas.any():
            scale, shift = fit_scale(inner[strengths.index(strength)], truth)
            weight, bias = weight * scale, bias * scale + shift
        set_head(self._network, weight, bias)
        state = {name: tensor.cpu().contiguous() for name, tensor in self._network.state_dict().items()}
        write_tensors(job.folder / WEIGHTS_FILE, state)
        text = io.StringIO()
        lines = [(f"{c:g}", f"{area:.6f}", int(c == strength)) for c, area in zip(strengths, areas, strict=True)]
        csv.writer(text, lineterminator="\n").writerows([("c", "inner_auroc", "chosen"), *lines])
        write_whole(job.folder / "log.csv", text.getvalue().encode())
        self._teller.say(f"{job.name}: C {strength:g}, AUROC at best {max(areas):.4f} in folds of its own groups")
        held = self._features[job.held].astype(np.float32) @ weight.astype(np.float32) + np.float32(bias)
        return Done(0, held.astype(np.float64))

    def _try_strengths(
        self,
        features: Numbers,
        groups: npt.NDArray[np.str_],
        truth: npt.NDArray[np.bool_],
        number: int,
        told: Callable[[int], None],
    ) -> tuple[Numbers, Numbers]:
        """Return, for each strength, the mean AUROC in folds of these groups and the tiles' margins there.

        Zeros where the groups are too few for folds.
        """
        config, strengths = self._config, self._config.strengths
        areas, found = np.zeros(len(strengths)), np.zeros((len(strengths), len(truth)))
        if min(len(set(groups[truth])), len(set(groups[~truth]))) < 2:
            return areas, found
        fold = share_out(groups, truth, config.inner_folds, config.seed * 1009 + number)
        n_folds = int(fold.max()) + 1
        for inner in range(n_folds):
            ours, theirs = fold != inner, fold == inner
            for i, strength in enumerate(strengths):
                weight, bias = fit_linear(features[ours], groups[ours], truth[ours], strength)
                found[i, theirs] = features[theirs] @ weight + bias
                areas[i] += roc_auc_score(truth[theirs], found[i, theirs]) / n_folds
                told(1)
        return areas, found


def read_features(material: Material, network: TileNet, config: TrainConfig, run: Path, teller: Teller) -> Features:
    """Return the pooled features of every tile as it is, float32 (n, channels); computed once for a run."""
    n = len(material.tiles)
    tiles = (n, *material.cutting.tile_hw, 3)
    asked = fast_stages(network.eval(), network.features, tiles, config.threads, is_pooled=True)
    return fill_table(
        run / CACHE_FOLDER / f"features-{material.sha256[:12]}",
        (n, network.linear.in_features),
        np.float32,
        lambda rows: asked(material.pixels(list(rows))),
        teller.bar("features", n),
    )


@torch.no_grad()
def set_head(network: TileNet, weight: Numbers, bias: float) -> None:
    """Make `weight` and `bias` those of the network's margin."""
    network.linear.weight.copy_(torch.from_numpy(np.stack([np.zeros_like(weight), weight])))
    network.linear.bias.copy_(torch.tensor([0.0, bias]))


def choose_strength(areas: Numbers, config: TrainConfig) -> float:
    """Return the most regularised of the strengths that are about as good as the best.

    Args:
        areas: AUROC of each of `config.strengths`.
        config: Names them, and what counts as about as good.
    """
    return config.strengths[int(np.flatnonzero(areas >= areas.max() - config.strength_tolerance)[0])]


def fit_scale(found: Numbers, truth: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return scale and shift that make margins log-odds, both labels equally likely.

    The more a layer is regularised, the smaller are its margins; without this those of two folds could not be compared.
    """
    width = float(found.std()) + 1e-12  # the weak prior C must weigh small margins like large ones
    model = LogisticRegression(C=SCALE_STRENGTH, class_weight="balanced").fit(found[:, None] / width, truth)
    scale = float(model.coef_[0, 0]) / width
    return (scale, float(model.intercept_[0])) if scale > 0 else (1.0, 0.0)


def fit_linear(
    features: Numbers, groups: npt.NDArray[np.str_], truth: npt.NDArray[np.bool_], strength: float
) -> tuple[Numbers, float]:
    """Return weight and bias of the margin; both labels weigh the same, and no large group outweighs the others."""
    centre, width = features.mean(axis=0), features.std(axis=0) + 1e-6
    shares = group_shares(groups, truth)
    weights = np.where(truth, shares / shares[truth].sum(), shares / shares[~truth].sum()) * len(truth) / 2
    model = LogisticRegression(C=strength, max_iter=HEAD_STEPS, tol=HEAD_TOLERANCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((features - centre) / width, truth, weights)
    weight = model.coef_[0] / width
    return weight, float(model.intercept_[0] - weight @ centre)
