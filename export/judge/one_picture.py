"""One picture beside its heat map, for who trains."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.core.errors import UsageError
from export.data.scores import TEST_FOLD
from export.judge.looks import FoldModels, look
from export.judge.material import Material, read_material
from export.judge.parts import checked_scores
from export.run_folder import RunFolder
from export.whole_file import write_whole

GAP_PX = 8


def draw(dataset: Path, run: Path, name: str, out: Path) -> str:
    """Write a PNG: the picture with its mask's outline, and its heat map. Return what was drawn, in words.

    A picture that has no scores is drawn by the final model. `name` is as index.csv has it, or a path.

    Raises:
        UsageError: No such picture, or the run does not hold the weights.
    """
    folder = RunFolder(run)
    scores = checked_scores(folder.need(folder.scores, "train"))
    material = read_material(dataset, folder, scores)
    name = _named(material, name, dataset)
    if out.suffix.lower() != ".png":
        raise UsageError(f"{out} must end in .png")
    mine = scores.of(scores.picture == name)
    fold = int(mine.fold[0]) if len(mine.fold) else TEST_FOLD
    drawn, heat = look(material, name, None, fold, FoldModels(folder))
    model = "the final model" if fold == TEST_FOLD else f"the model of fold {fold}"
    if heat is None:
        raise UsageError(f"{run} does not hold the weights of {model}; train again, or bring the folder whole")
    gap = np.full((drawn.shape[0], GAP_PX, 3), 255, np.uint8)
    sides = np.concatenate([drawn, gap, heat[0]], axis=1)
    ok, code = cv2.imencode(".png", cv2.cvtColor(sides, cv2.COLOR_RGB2BGR))
    assert ok, "OpenCV encodes any uint8 picture"
    write_whole(out, code.tobytes())
    unseen = "which did not see it" if len(mine.fold) else "which may have been trained on it"
    margin = f"highest margin {mine.margin.max():+.2f}" if len(mine.fold) else f"hottest cell {heat[1]:+.2f}"
    return f"{out}: {name} by {model}, {unseen}; {margin}"


def _named(material: Material, name: str, dataset: Path) -> str:
    if name in material.number:
        return name
    file = os.path.realpath(name)  # as resolve() does, but a link that leads to itself raises nothing
    if same := [picture.name for picture in material.pictures if os.path.realpath(picture.file) == file]:
        return same[0]
    near = [known for known in material.number if name in known][:3]
    hint = f"did you mean {', '.join(near)}?" if near else "give it as index.csv names it, or its path"
    raise UsageError(f"{dataset} has no picture {name}; {hint}")
