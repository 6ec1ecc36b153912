"""Settings against the facts of a bundle."""

# ruff: noqa: E501 - a row of a table stays on one line

from dataclasses import replace
from pathlib import Path

import pytest
from settings_samples import GOOD

from edge_inspector.settings.against_bundle import BundleFacts, check_against_bundle
from edge_inspector.settings.load import load_line_with_lines

FACTS = BundleFacts(
    labels=("OK", "PITTING", "CRACK"), tile_hw=(256, 256), channels=3, limits={"PITTING": 0.5, "CRACK": 0.4}
)


def told(folder: Path, text: str, facts: BundleFacts = FACTS) -> list[str]:
    """Return the mistakes of a text against a bundle, as `line: where: what`."""
    (folder / "f.yaml").write_text(text)
    settings, lines = load_line_with_lines(folder / "f.yaml")
    return [str(mistake).removeprefix(f"{folder}/f.yaml:") for mistake in check_against_bundle(settings, facts, lines)]


def test_settings_that_fit_give_no_mistake(folder: Path) -> None:
    assert told(folder, GOOD + "tiling: {overlap: 255}\ndecide: {limits: {CRACK: 1.0}, min_defect_tiles: 2}\n") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "decide: {limits: {PITING: 0.5}}\n", "10: decide.limits.PITING: the bundle has no label PITING, only PITTING and CRACK; did you mean `PITTING`?"),
        (GOOD + "decide: {limits: {OK: 0.5}}\n", "10: decide.limits.OK: OK is no defect; limits are for PITTING and CRACK"),
        (GOOD.replace("512", "255"), "5: camera.frame.width: 255 px do not hold a tile, which is 256 px wide"),
        (GOOD.replace("256", "255"), "5: camera.frame.height: 255 px do not hold a tile, which is 256 px high"),
        (GOOD + "tiling: {overlap: 256}\n", "10: tiling.overlap: 256 px leave no step for tiles of 256x256 px; at most 255"),
        (GOOD + "decide: {min_defect_tiles: 3}\n", "10: decide.min_defect_tiles: is 3, a frame has 2 tiles: no part would ever be rejected"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_bundle_is_told_at_its_line(folder: Path, text: str, expected: str) -> None:
    assert told(folder, text) == [expected]


def test_a_label_without_any_limit_is_a_mistake_because_it_would_never_reject(folder: Path) -> None:
    facts = replace(FACTS, limits={"PITTING": 0.5})

    expected = "decide.limits: CRACK has no limit, here or in the bundle: it would never reject; set one"
    assert told(folder, GOOD, facts) == [f"1: {expected}"]
    assert told(folder, GOOD + "decide: {limits: {CRACK: 0.5}}\n", facts) == []


def test_colour_does_not_fit_a_grey_model_but_grey_fits_a_colour_model(folder: Path) -> None:
    grey = replace(FACTS, channels=1)

    assert len(told(folder, GOOD, grey)) == 1
    assert "takes grey pictures" in told(folder, GOOD, grey)[0]
    assert told(folder, GOOD.replace("channels: 3", "channels: 1")) == []
