"""Frozen stages give the same answers by ONNX Runtime as by torch."""

from __future__ import annotations

import numpy as np
import pytest

from export.learn.network import build, split_network
from export.learn.stages import FEW, fast_stages


@pytest.mark.timeout(300)  # the conversion takes torch some seconds, on a busy machine many
@pytest.mark.parametrize("side", [64, 256, 320])
def test_frozen_stages_answer_the_same_whoever_is_asked(side: int) -> None:
    network = build("lite0").eval()
    frozen, _ = split_network(network, 5)
    tiles = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)

    slow = fast_stages(network, frozen, (FEW, side, side, 3), threads=1)(tiles)
    fast = fast_stages(network, frozen, (FEW + 1, side, side, 3), threads=1)(tiles)

    assert slow.shape == (3, 80, side // 16, side // 16)
    np.testing.assert_allclose(fast, slow, atol=1e-3)
    assert np.abs(slow).max() > 1
