"""The run: one folder that the steps fill, one after the other. Who writes which file, who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.errors import UsageError

WEIGHTS_FILE = "weights.pt"
"""In the folder of each model."""

DONE_FILE = "done.json"
"""In the same, written last: its groups, its epochs, its margins, and when it was done."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Names of the files of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """Every number the run was trained with, seed and hash of the data included; `train`."""
        return self.path / "config.json"

    def fold(self, number: int) -> Path:
        """Folder of one fold's model: weights.pt, log.csv, done.json, and state.pt until that is written; `train`."""
        return self.path / f"fold-{number}"

    @property
    def final(self) -> Path:
        """Folder of the model trained on all train groups, which is what ships: the same files; `train`."""
        return self.path / "final"

    @property
    def scores(self) -> Path:
        """Table of `export.data.scores`; `train`."""
        return self.path / "scores.csv"

    @property
    def calibration(self) -> Path:
        """Margin to probability, and the limit; `calibrate`."""
        return self.path / "calibration.json"

    @property
    def metrics(self) -> Path:
        """Numbers of the out-of-fold and test tiles and parts; `evaluate`."""
        return self.path / "metrics.json"

    @property
    def report(self) -> Path:
        """The same for people, one self-contained page; `evaluate`."""
        return self.path / "report.html"

    @property
    def model(self) -> Path:
        """The graph, fp32; `onnx`."""
        return self.path / "model.onnx"

    @property
    def model_int8(self) -> Path:
        """The graph, INT8 QDQ; `quantize`."""
        return self.path / "model.int8.onnx"

    @property
    def quantization(self) -> Path:
        """How INT8 was made, and what every other way would have changed; `quantize`."""
        return self.path / "quantization.json"

    @property
    def parity(self) -> Path:
        """How far torch, fp32 and INT8 lie apart, and how fast the two graphs are; `verify`."""
        return self.path / "parity.json"

    def anew(self, folder: Path) -> str:
        """Return what a person does to have one model of this run trained once more, for a message."""
        return (
            f"delete {folder} and {self.scores}, then give the same `train` command: this model alone is trained anew"
        )

    def need(self, file: Path, step: str) -> Path:
        """Return a file of the run, which must be there.

        Raises:
            UsageError: It is not; the message names the step that makes it.
        """
        if not file.exists():
            raise UsageError(f"{file} does not exist; run first: python -m export {step}")
        return file
