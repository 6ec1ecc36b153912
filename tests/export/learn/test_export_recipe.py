"""The numbers inside: what is drawn, what the losses weigh, what a network is kept for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_inspector.core.errors import UsageError
from export.learn.config import FIXED, TrainConfig, keep_config
from export.learn.draw import draw_epoch, draw_grounds
from export.learn.finetune import balanced_loss, loss_of, rate_share
from export.learn.frozen import choose_strength, fit_linear, fit_scale
from export.learn.network import build
from export.run_folder import RunFolder


def test_an_epoch_shows_each_defect_about_once_and_small_groups_more_often() -> None:
    groups = np.array(["series"] * 90 + ["single"] * 10 + ["sound"] * 400)
    truth = np.array([True] * 100 + [False] * 400)

    drawn = draw_epoch(groups, truth, (200, 100), np.random.default_rng(1))

    assert Counter(truth[drawn].tolist()) == {True: 100, False: 200}
    count = Counter(groups[drawn].tolist())
    assert count["single"] / 10 > 1.5 * count["series"] / 90


def test_half_of_the_defects_are_moved_and_onto_sound_tiles_alone() -> None:
    groups = np.array(["series"] * 90 + ["single"] * 10 + ["sound"] * 400)
    truth = np.array([True] * 100 + [False] * 400)
    drawn = np.random.default_rng(0).permutation(np.arange(500))

    grounds = draw_grounds(groups, truth, drawn, 0.5, np.random.default_rng(1))

    assert (grounds[~truth[drawn]] == -1).all()
    onto = grounds[truth[drawn]]
    assert 35 < np.count_nonzero(onto >= 0) < 65
    assert not truth[onto[onto >= 0]].any()
    assert (draw_grounds(groups, truth, drawn, 0.0, np.random.default_rng(1)) == -1).all()


@pytest.mark.parametrize("loss", ["weighted", "focal"])
def test_both_labels_weigh_the_same_though_ok_is_drawn_more_often(loss: str) -> None:
    config = TrainConfig(loss=loss, label_smoothing=0.0)  # type: ignore[arg-type]
    truth = torch.tensor([0, 0, 1])
    logits = torch.zeros(3, 2, requires_grad=True)

    loss_of(logits, truth, config).backward()

    assert logits.grad is not None
    margin_pull = logits.grad[:, 1]
    assert float(margin_pull[:2].sum()) == pytest.approx(-float(margin_pull[2]))


def test_a_tile_that_is_right_says_less_in_the_focal_loss() -> None:
    right, truth = torch.tensor([[0.0, 3.0]]), torch.tensor([1])

    focal = loss_of(right, truth, TrainConfig(loss="focal"))
    weighted = loss_of(right, truth, TrainConfig(label_smoothing=0.0))

    assert float(focal) < 0.01 * float(weighted)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    shares = [rate_share(progress, 0.1) for progress in (0.0, 0.05, 0.1, 0.55, 1.0)]

    assert shares == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0])


def test_the_loss_that_stops_a_training_counts_both_labels_alike() -> None:
    truth = np.array([True] + [False] * 99)

    assert balanced_loss(np.where(truth, -3.0, -3.0), truth) == pytest.approx(
        (np.log1p(np.e**3) + np.log1p(np.e**-3)) / 2
    )


def test_more_regularisation_is_preferred_where_the_inner_folds_cannot_tell() -> None:
    config = TrainConfig(strengths=(1.0, 2.0, 3.0, 4.0, 5.0))

    assert choose_strength(np.array([0.80, 0.897, 0.90, 0.901, 0.88]), config) == 2.0


def test_margins_of_two_folds_mean_the_same_however_they_were_regularised() -> None:
    chance = np.random.default_rng(0)
    truth = np.arange(4000) % 8 == 0
    margins = chance.normal(np.where(truth, 1.0, -1.0), 1.0)  # log-odds 2 * margin when both labels are as likely

    for shrunk in (1.0, 0.01):
        scale, shift = fit_scale(margins * shrunk + 0.3 * shrunk, truth)

        assert scale * shrunk == pytest.approx(2.0, rel=0.15)
        assert scale * 0.3 * shrunk + shift == pytest.approx(0.0, abs=0.3)


def test_the_linear_layer_undoes_its_scaling() -> None:
    chance = np.random.default_rng(0)
    truth = np.arange(200) % 5 == 0
    features = chance.normal(50, 20, (200, 6))
    features[truth, 2] += 40

    weight, bias = fit_linear(features, np.array([f"g{i}" for i in range(200)]), truth, 1.0)

    margin = features @ weight + bias
    assert np.argmax(np.abs(weight)) == 2
    assert (margin > 0)[truth].mean() > 0.8
    assert (margin > 0)[~truth].mean() < 0.2


def test_a_run_of_a_version_with_other_fixed_numbers_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path)
    keep_config(run, TrainConfig(), {}, {})
    monkeypatch.setitem(FIXED, "dropout", 0.5)

    with pytest.raises(UsageError, match=r"fixed\.dropout is 0\.2 there, 0\.5 here"):
        keep_config(run, TrainConfig(), {}, {})


def test_the_dropout_that_config_json_names_is_the_networks() -> None:
    assert build("plain").dropout.p == FIXED["dropout"]
