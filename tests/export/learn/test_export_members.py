"""Models of several members: one network whose margin is their mean, trained apart, stopped and taken up again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from test_export_train import PLAIN, _train, _untimed

from edge_inspector.core.errors import UsageError
from export.learn.network import TileNet, build, join, load_network, split_network
from export.ship.to_onnx import check_parity, write_onnx

if TYPE_CHECKING:
    from conftest import Draw

    from export.learn.config import NetworkName

pytestmark = pytest.mark.timeout(300)  # trains on whatever core is free
TWO = (*PLAIN, "--members", "2")
SHARED = 6


@dataclass(frozen=True)
class Sigmoid:
    scale: float = 0.7
    shift: float = -0.4


@pytest.fixture(scope="module")
def data(draw: Draw) -> Path:
    return draw(n_groups=8, n_test=2)


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("alone") / "run"
    _train(data, run, *PLAIN)
    return run


@pytest.fixture(scope="module")
def joined(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("joined") / "run"
    output = _train(data, run, *TWO).output
    assert "fold 1 of 2, member 2 of 2, epoch 1" in output
    return run


def drawn(name: NetworkName, shared: int) -> list[TileNet]:
    """Return two networks that differ behind their shared stages."""
    members = [build(name).eval() for _ in range(2)]
    if name == "plain":
        members[1].features[:shared].load_state_dict(members[0].features[:shared].state_dict())
    for number, member in enumerate(members):
        torch.manual_seed(number)
        torch.nn.init.normal_(member.linear.weight, std=0.05)
        torch.nn.init.normal_(member.linear.bias)
        with torch.no_grad():
            for weights in split_network(member, shared)[1].parameters():
                weights.mul_(1 + 0.05 * torch.rand_like(weights))
    return members


@torch.no_grad()
@pytest.mark.parametrize(("name", "shared"), [("lite0", SHARED), ("plain", 0), ("plain", 2)])
def test_logits_of_the_whole_are_the_mean_of_its_members(name: NetworkName, shared: int) -> None:
    tiles = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), np.uint8))
    members = drawn(name, shared)
    each = torch.stack([member(tiles) for member in members])

    whole = join(members, shared).eval()

    logits = whole(tiles)
    assert (each[0] - each[1]).abs().min() > 1e-2
    torch.testing.assert_close(logits, each.mean(dim=0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(whole.heat(tiles).mean(dim=(1, 2)), logits[:, 1] - logits[:, 0], rtol=1e-4, atol=1e-4)
    again = TileNet(name=name, members=2, shared=shared).eval()
    again.load_state_dict(whole.state_dict())
    torch.testing.assert_close(again(tiles), logits)


def test_the_line_asks_what_members_share_once(tmp_path: Path) -> None:
    members = drawn("lite0", SHARED)
    whole = join(members, SHARED)
    tiles = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), np.uint8)

    write_onnx(whole, Sigmoid(), (256, 256), tmp_path / "whole.onnx")
    write_onnx(members[0], Sigmoid(), (256, 256), tmp_path / "one.onnx")

    score_gap, heat_gap = check_parity(whole, Sigmoid(), tmp_path / "whole.onnx", tiles)
    assert (score_gap, heat_gap) < (1e-4, 1e-3)
    two, one = (
        sum(node.op_type == "Conv" for node in onnx.load(tmp_path / f"{name}.onnx").graph.node)
        for name in ("whole", "one")
    )
    own = sum(isinstance(part, torch.nn.Conv2d) for part in split_network(members[0], SHARED)[1].modules())
    assert two == one + own


def test_the_first_member_learns_as_one_alone_and_the_second_otherwise(alone: Path, joined: Path) -> None:
    for place in ("fold-0", "fold-1", "final"):
        first = (joined / place / "log.csv").read_text()
        assert first == (alone / place / "log.csv").read_text()
        assert first != (joined / place / "log-2.csv").read_text()
    assert sorted(path.name for path in (joined / "fold-0").iterdir()) == [
        "done.json", "log-2.csv", "log.csv", "weights.pt",
    ]  # fmt: skip
    theirs, ours = load_network(alone, 0).state_dict(), load_network(joined, 0).state_dict()
    # Nothing is frozen in the plain network, so the whole of it is a member's.
    for key, tensor in theirs.items():
        if key.startswith("features."):
            name = key.replace("features.", "features.0.members.0.")
            torch.testing.assert_close(ours[name], tensor, rtol=0, atol=0)


def test_a_run_killed_in_its_second_member_ends_with_the_same_bytes(data: Path, joined: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "export", "train", str(data), str(run), *TWO]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.DEVNULL) as process:
        while not (run / "fold-0/state-2.pt").exists():
            assert process.poll() is None
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert not (run / "fold-0/done.json").exists()

    output = _train(data, run, *TWO).output

    assert "fold 1 of 2, member 1 of 2, epoch" not in output
    assert _untimed(run) == _untimed(joined)


def test_members_are_refused_where_nothing_is_left_to_chance(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="frozen mode learns without chance, so --members changes nothing"):
        _train(data, tmp_path, "--mode", "frozen", "--members", "2")
