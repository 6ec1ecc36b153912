"""The steps `evaluate` and `heat`: numbers for the manifest, a page for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor, nn

from export.__main__ import export
from export.data.index import Cutting, read_index, write_index
from export.data.picture import Picture
from export.data.scores import read_scores, write_scores
from export.data.tiles import label_tiles
from export.judge import looks
from export.judge.calibrate import load_calibration
from export.judge.parts import gather
from export.run_folder import RunFolder

MakeRun = Callable[..., Path]


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(export, [str(word) for word in words])


class Dark(nn.Module):
    """A network whose map is how dark each cell is: it finds the drawn squares without learning."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.AvgPool2d(32)
        self.linear = nn.Linear(3, 2)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        with torch.no_grad():
            self.linear.weight[1] = -1.0
            self.linear.bias[1] = 300.0

    def forward(self, tiles: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.features(tiles.permute(0, 3, 1, 2).float()).mean(dim=(2, 3)))
        return logits


@pytest.fixture
def run(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A calibrated run with mistakes of both kinds, whose fold models see darkness."""
    made = make_run(gap=2.0)
    assert call("calibrate", made, "--recall", "0.8").exit_code == 0
    for fold in range(5):
        (made / f"fold-{fold}").mkdir()
        (made / f"fold-{fold}" / "weights.pt").write_bytes(b"darkness needs none")

    def load(folder: RunFolder, fold: int) -> nn.Module | None:
        return Dark() if (folder.fold(fold) / "weights.pt").exists() else None

    monkeypatch.setattr(looks, "load_network", load)
    return made


def test_the_numbers_are_those_of_counting(run: Path, dataset: Path) -> None:
    result = call("evaluate", dataset, run)

    assert result.exit_code == 0, (result.output, result.exception)
    metrics = json.loads((run / "metrics.json").read_text())
    scores, calibration = read_scores(run / "scores.csv"), load_calibration(run)
    parts = gather(scores.folds, {"34.png#0"})
    counted = calibration.counts(parts.margin)
    at_limit = metrics["part"]["at_limit"]
    assert (metrics["groups"], metrics["folds"], metrics["parts_unclear"]) == (10, 5, 1)
    assert at_limit["escapes"] == int((parts.truth & ~counted).sum()) > 0
    assert at_limit["false_rejects"] == int((~parts.truth & counted).sum()) > 0
    assert at_limit["defect"] + at_limit["ok"] == len(parts)
    assert sum(fold["escapes"] for fold in metrics["per_fold"]) == at_limit["escapes"]
    assert sum(kind["escapes"] for kind in metrics["classes"].values()) == at_limit["escapes"]
    assert metrics["test"]["tile"]["at_limit"]["defect"] == scores.test.truth.sum() == 3
    test_parts = gather(scores.test)
    assert metrics["test"]["part"]["at_limit"]["defect"] == test_parts.truth.sum() == 3
    assert metrics["test"]["part"]["at_limit"]["ok"] == (~test_parts.truth).sum()
    assert metrics["part"]["at_1_percent_false_rejects"] == {
        "not_carried": f"{at_limit['ok']} OK parts; 300 are needed to speak of 1% false rejects"
    }
    low, high = metrics["tile"]["auroc_interval_95_by_group"]
    assert low <= metrics["tile"]["auroc"] <= high


def test_a_model_that_sees_the_squares_wins_the_pointing_game(run: Path, dataset: Path) -> None:
    call("evaluate", dataset, run)

    game = json.loads((run / "metrics.json").read_text())["pointing_game"]
    assert (game["tiles"], game["hits"], game["score"]) == (9, 9, 1.0)
    assert game["by_chance"] == 16 / 64  # four by four cells


def test_a_manifest_takes_the_numbers_as_they_are(run: Path, dataset: Path) -> None:
    call("evaluate", dataset, run)

    text = (run / "metrics.json").read_text()
    assert "null" not in text
    assert "NaN" not in text
    assert len(text) < 16_000


class Page(HTMLParser):
    """Notes every address and every element of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.elements: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        names = ("src", "href", "data", "action", "poster", "srcset")
        self.addresses += [value or "" for name, value in attrs if name in names]


def test_the_page_stands_alone_and_runs_nothing(run: Path, dataset: Path) -> None:
    call("evaluate", dataset, run)

    text = (run / "report.html").read_text()
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert "script" not in page.elements
    assert not re.search(r"url\(|@import", text)
    assert "&lt;b&gt;rust&lt;/b&gt;" in text  # a kind's name is text, not a tag
    assert "<b>rust</b>" not in text
    assert str(dataset) not in text
    assert {"svg", "img", "table"} <= set(page.elements)


def test_every_mistake_shown_has_picture_and_heat_map(run: Path, dataset: Path) -> None:
    call("evaluate", dataset, run)

    metrics, page = json.loads((run / "metrics.json").read_text()), (run / "report.html").read_text()
    limit = metrics["part"]["at_limit"]
    shown = min(limit["escapes"], looks.MOST_SHOWN) + min(limit["false_rejects"], looks.MOST_SHOWN)
    assert page.count('<div class="mistake">') == shown
    assert page.count("<img ") == 2 * shown


def test_without_weights_the_numbers_are_the_same_and_the_page_says_what_is_missing(run: Path, dataset: Path) -> None:
    call("evaluate", dataset, run)
    with_heat = json.loads((run / "metrics.json").read_text())

    call("evaluate", dataset, run, "--no-heat")

    without = json.loads((run / "metrics.json").read_text())
    assert without == {key: value for key, value in with_heat.items() if key != "pointing_game"}
    assert "no weights, no heat map" in (run / "report.html").read_text()


def test_a_run_without_test_split_and_classes_says_nothing_of_them(run: Path, dataset: Path, tmp_path: Path) -> None:
    lines = (run / "scores.csv").read_text().splitlines()
    (run / "scores.csv").write_text("\n".join(line for line in lines if ",-1," not in line) + "\n")

    result = call("evaluate", dataset, run, "--no-heat")

    assert result.exit_code == 0, result.exception
    assert "test" not in json.loads((run / "metrics.json").read_text())
    assert "test split" not in (run / "report.html").read_text()


def test_missing_steps_are_named(make_run: MakeRun, dataset: Path, tmp_path: Path) -> None:
    assert "run first: python -m export train" in str(call("evaluate", dataset, tmp_path).exception)
    assert "run first: python -m export calibrate" in str(call("evaluate", dataset, make_run()).exception)


def test_a_disk_that_is_full_leaves_the_old_report(run: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("evaluate", dataset, run, "--no-heat")
    before = (run / "metrics.json").read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("export.whole_file.os.fsync", full)
    result = call("evaluate", dataset, run, "--no-heat")

    assert "No space left on device" in str(result.exception)
    assert (run / "metrics.json").read_bytes() == before
    assert not list(run.glob("*.tmp"))


@pytest.mark.parametrize("is_path", [False, True])
def test_a_picture_is_drawn_beside_its_heat_map(run: Path, dataset: Path, tmp_path: Path, is_path: bool) -> None:
    out = tmp_path / "out.png"
    picture = next(p for p in read_index(dataset) if p.name == "00.png")

    result = call("heat", dataset, run, picture.file.resolve() if is_path else "00.png", out)

    assert result.exit_code == 0, result.exception
    assert "00.png by the model of fold 0, which did not see it" in result.output
    drawn = cv2.imread(str(out))
    assert drawn.shape == (512, 512 * 2 + 8, 3)
    left, right = drawn[:, :512].astype(int), drawn[:, 520:].astype(int)
    assert np.ptp(right[300, 300]) > np.ptp(left[300, 300]) or (right[90, 90, 2] > right[90, 90, 0] + 50)


def test_a_picture_that_is_not_there_is_named_with_its_likes(run: Path, dataset: Path, tmp_path: Path) -> None:
    result = call("heat", dataset, run, "1.png", tmp_path / "out.png")

    assert "did you mean 01.png, 11.png, 21.png?" in str(result.exception)


def test_missing_weights_are_named(run: Path, dataset: Path, tmp_path: Path) -> None:
    RunFolder(run).fold(0).joinpath("weights.pt").unlink()

    result = call("heat", dataset, run, "00.png", tmp_path / "out.png")

    assert "does not hold the weights of the model of fold 0" in str(result.exception)


def test_where_every_part_has_a_defect_the_numbers_per_tile_remain(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    run.mkdir()
    pictures, cutting = bad_pictures(data), Cutting()
    write_index(data, pictures, cutting)
    pictures = read_index(data)
    tiles = label_tiles(pictures, cutting, 0)
    margins = np.array([2.0 * tile.is_defect - 1 + 0.01 * i for i, tile in enumerate(tiles)])
    write_scores(run / "scores.csv", pictures, tiles, cutting, [tile.picture % 2 for tile in tiles], margins)

    results = [call("calibrate", run), call("evaluate", data, run)]

    assert [result.exit_code for result in results] == [0, 0], [result.exception for result in results]
    metrics = json.loads((run / "metrics.json").read_text())
    assert "auroc" not in metrics["part"]
    assert metrics["part"]["at_limit"]["ok"] == 0
    assert metrics["tile"]["auroc"] == 1.0
    assert "classes" not in metrics
    assert "There is no sound part" in (run / "report.html").read_text()


def test_whole_pictures_are_judged_and_drawn_at_their_own_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    run.mkdir()
    pictures, cutting = bad_pictures(data), Cutting("whole")
    sound = [replace(picture, mask=None, label="OK") for picture in pictures[:3]]
    write_index(data, [*sound, *pictures[3:]], cutting)
    pictures = read_index(data)
    tiles = label_tiles(pictures, cutting, 0)
    margins = np.array([1.0, -1, -1, 1, 1, -1])
    write_scores(run / "scores.csv", pictures, tiles, cutting, [tile.picture % 2 for tile in tiles], margins)
    monkeypatch.setattr(looks, "load_network", lambda _run, _fold: Dark())

    results = [call("calibrate", run, "--recall", "0.5"), call("evaluate", data, run)]

    assert [result.exit_code for result in results] == [0, 0], [result.exception for result in results]
    metrics = json.loads((run / "metrics.json").read_text())
    assert (metrics["part"]["at_limit"]["escapes"], metrics["part"]["at_limit"]["false_rejects"]) == (1, 1)
    assert metrics["pointing_game"]["hits"] == 3
    assert (run / "report.html").read_text().count("<img ") == 4


def bad_pictures(folder: Path) -> list[Picture]:
    """Draw six pictures 256x512, each with a dark square in its first tile."""
    pixels, mask = np.full((256, 512, 3), 150, np.uint8), np.zeros((256, 512), np.uint8)
    pixels[70:130, 70:130], mask[70:130, 70:130] = 10, 255
    cv2.imwrite(str(folder / "mask.png"), mask)
    for i in range(6):
        cv2.imwrite(str(folder / f"{i}.png"), pixels)
    return [Picture(folder / f"{i}.png", folder / "mask.png", "DEFECT", f"g{i}") for i in range(6)]


def test_a_dataset_that_counts_parts_otherwise_is_refused(dataset: Path, run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["data"]["cutting"] = {"part": "picture"}
    (run / "config.json").write_text(json.dumps(config))

    result = call("evaluate", dataset, run)

    assert "is cut otherwise than" in str(result.exception)
    assert "part is 'row', was 'picture'" in str(result.exception)
    assert not (run / "metrics.json").exists()
