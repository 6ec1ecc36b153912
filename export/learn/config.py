"""Every number of a training, with its reason, and the file that keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge_inspector.core.errors import UsageError
from export.learn.files import write_json
from export.run_folder import RunFolder

NetworkName = Literal["lite0", "plain"]
Mode = Literal["frozen", "finetune"]
Loss = Literal["weighted", "focal"]

STOP_PARTS = 5
"""A model that stops early keeps one in so many of its groups for that."""
DROPOUT = 0.2
"""As in the paper for B0."""
HEAD_STEPS, HEAD_TOLERANCE = 300, 1e-3
"""Of the linear layer's solver: a fit that is not quite at its end by then is regularised a little more, no harm."""
SCALE_STRENGTH = 100.0
"""C of the fit that puts two folds' margins on one scale: a weak prior, two numbers are learned from hundreds."""
SHARE_ATTEMPTS = 20
"""Draws before one fold fewer is tried; a draw can leave a fold without one of the labels when groups are few."""
FIXED = {
    "dropout": DROPOUT,
    "head_steps": HEAD_STEPS,
    "head_tolerance": HEAD_TOLERANCE,
    "scale_strength": SCALE_STRENGTH,
    "share_attempts": SHARE_ATTEMPTS,
}
"""What no option changes but a later version may: it stands in config.json, so that runs of two do not mix."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Every number of a run. Saved next to the weights it made."""

    network: NetworkName = "lite0"
    mode: Mode = "frozen"
    folds: int = 5
    """Parts that the groups are shared out to; 0: only the final model, and no number that can be believed."""
    loss: Loss = "weighted"
    epochs: int = 6
    """At most; an early stop usually comes before."""
    seed: int = 1
    threads: int = 2
    device: Literal["cpu", "cuda"] = "cpu"
    overlap: int = 128
    """Pixels that training tiles share, half of a tile: three to four times as many, and a defect is seen in several
    places."""
    ok_per_defect: int = 2
    """OK tiles per DEFECT tile and epoch; the loss weighs them back to equal, calibration puts the true share back."""
    least_tiles: int = 2400
    """Tiles an epoch shows at least: few defects are shown several times, varied. Six epochs of 960, which are 180
    steps, left KolektorSDD half learned."""
    batch: int = 32
    """More does not run faster on two cores."""
    frozen_stages: int = 6
    """Stem and stages 1 to 5 keep their ImageNet filters: edges and textures suit surfaces, ONNX Runtime asks them six
    times as fast as torch would, and what learns is a third of the network's work. 0: everything learns."""
    moved: float = 0.0
    """Share of the DEFECT tiles shown whose masked defect is moved onto a sound tile. With few places photographed a
    network learns the places; but the more are moved, the more fibres and dirt it calls DEFECT."""
    blur: float = 0.0
    """Share of the varied tiles that are out of focus. None by itself: blurred far enough, a thin crack is gone, and
    the network would learn to reject what nobody sees."""
    lr_backbone: float = 5e-4
    lr_head: float = 1e-3
    """The head must travel further than the backbone."""
    head_strength: float = 1e-3
    """C of the logistic regression on the frozen features that the head starts from, where there are frozen stages: a
    head that knows nothing would first undo what the stages know."""
    strengths: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    """Values of C that frozen mode tries, from much regularisation to little. With 1280 features a few hundred tiles
    can be learned by heart."""
    strength_tolerance: float = 0.005
    """AUROC below the best at which more regularisation is preferred: the inner folds tell no finer than that."""
    inner_folds: int = 3
    """Folds of a model's own groups that choose the C."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises, then it falls along a cosine to zero at the last epoch."""
    weight_decay: float = 0.1
    """High, since a few hundred defects can be learned by heart in three epochs."""
    label_smoothing: float = 0.1
    """Mask borders are drawn by hand; without it the margin grows without bound on the tiles known by heart."""
    focal_gamma: float = 2.0
    """Of the focal loss: how fast a tile that is already right loses its say."""
    stop_parts: int = 0
    """One in so many groups, of a model's own, tells when to stop; 0: none, all are learned from. With few epochs and a
    rate that falls to zero there is little to stop, and each place that is not learned from is missed."""
    patience: int = 3
    """Epochs without a better stop part after which a model is done."""

    def __post_init__(self) -> None:
        """Make a tuple of what was one before it went through config.json, so that what is read equals what was kept.

        Raises:
            TypeError: It is no list of numbers but something else.
        """
        object.__setattr__(self, "strengths", tuple(self.strengths))


def recipe(network: NetworkName, mode: Mode, tile_px: int = 256) -> TrainConfig:
    """Return the numbers for a network, a mode and the side of the dataset's tiles.

    Raises:
        UsageError: The plain network has no trained stages that could be frozen.
    """
    if network == "lite0" and mode == "frozen":
        return TrainConfig(network=network, mode=mode, overlap=0)  # minutes: each tile of the line's grid once
    if network == "lite0":
        return TrainConfig(network=network, mode=mode, overlap=tile_px // 2)
    if mode == "frozen":
        raise UsageError("the plain network starts untrained, so nothing can be frozen; add --mode finetune")
    # From nothing: more epochs, a higher rate for all layers, and patience, since the first epochs know little.
    return TrainConfig(
        network=network,
        mode=mode,
        overlap=tile_px // 2,
        epochs=40,
        least_tiles=0,
        frozen_stages=0,
        lr_backbone=3e-3,
        lr_head=3e-3,
        weight_decay=0.05,
        stop_parts=STOP_PARTS,
        patience=10,
    )


def keep_config(run: RunFolder, config: TrainConfig, data: dict[str, object], software: dict[str, str]) -> None:
    """Write config.json, or compare with the one that is there.

    Raises:
        UsageError: The folder is of another configuration or other data; what differs is named.
    """
    values = {"version": 1, "train": asdict(config), "fixed": FIXED, "data": data, "software": software}
    values = json.loads(json.dumps(values))  # as the file gives it back: a tuple is a list there
    if not run.config.exists():
        write_json(run.config, values)
        return
    theirs, ours = _flat(_read(run.config)), _flat(values)
    if gaps := [key for key in sorted(theirs | ours) if theirs.get(key) != ours.get(key)]:
        said = "; ".join(f"{key} is {theirs.get(key)!r} there, {ours.get(key)!r} here" for key in gaps)
        raise UsageError(f"{run.path} holds another run: {said}. Name another folder, or ask for the same")


def load_config(run: Path) -> TrainConfig:
    """Return the numbers a run was trained with."""
    file = RunFolder(run).need(RunFolder(run).config, "train")
    try:
        return TrainConfig(**_read(file)["train"])
    except (TypeError, KeyError) as error:
        raise UsageError(f"{file} is not a run's configuration ({error}); train again in another folder") from error


def with_choices(config: TrainConfig, epochs: int | None, is_stopped_early: bool | None) -> TrainConfig:
    """Return the configuration with what a person chose; None leaves the recipe's."""
    if epochs is not None:
        config = replace(config, epochs=epochs)
    if is_stopped_early is None:
        return config
    return replace(config, stop_parts=STOP_PARTS if is_stopped_early else 0)


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("no object")
        return values
    except ValueError as error:
        raise UsageError(f"{file} is damaged ({error}); train again in another folder") from error


def _flat(values: dict[str, Any], above: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat
