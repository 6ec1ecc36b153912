"""INT8 of a graph by ONNX Runtime's static quantization: QDQ, U8 activations, S8 weights per channel."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8
from export.ship.graph import check_graph, strip_traces

Method = Literal["MinMax", "Entropy", "Percentile"]

OPERATORS = ["Conv", "Gemm", "MatMul", "Add", "Clip", "Relu", "Pad", "MaxPool", "AveragePool"]
"""What is quantised. Scores, normalisation and calibration are a thousandth of the work, and stay float."""

PERCENTILE = 99.999
"""Share of a tensor's values that its range holds, for `Percentile`: ONNX Runtime's own default."""

STRIDE = 8
"""Tiles whose every activation is held at once: 27 MB a tile of EfficientNet-Lite0."""

PIXEL_SCALE, PIXEL_ZERO = 1 / 128, 127
"""Of the normalised pixels, (x - 127) / 128: with these each of the 256 grey values is exactly itself."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to quantise."""

    method: Method
    """How a tensor's range follows from what the calibration tiles showed."""
    first_float: int = 0
    """So many of the first convolutions stay float; most of the error was measured to come from them."""
    last_float: int = 0
    """So many of the last ones too; the very last makes the heat map."""

    @property
    def name(self) -> str:
        """For people."""
        kept = [f"{word} {n}" for word, n in (("first", self.first_float), ("last", self.last_float)) if n]
        return f"{self.method}, {' and '.join(kept)} convolution(s) float" if kept else self.method


class TileReader(CalibrationDataReader):  # type: ignore[misc]
    """Gives calibration tiles one by one, a stride at a time."""

    def __init__(self, tiles: U8) -> None:
        self._tiles = tiles
        self.set_range(0, len(tiles))

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self._tiles)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Give these tiles from here on."""
        self._rows = iter(range(start_index, end_index))

    def get_next(self) -> dict[str, U8] | None:
        """Return the input of one run; None at the end."""
        row = next(self._rows, None)
        return None if row is None else {"tiles": self._tiles[row : row + 1]}


class Ranges:
    """Keeps what the calibration tiles showed, by method: the ways of one method need it measured only once."""

    def __enter__(self) -> Self:
        """Make room for them."""
        self._folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_: object) -> None:
        """Forget them."""
        self._folder.cleanup()

    def file(self, method: Method) -> str:
        """Return where ONNX Runtime keeps the ranges of a method."""
        return str(Path(self._folder.name, f"{method}.json"))


def prepare_graph(source: Path) -> onnx.ModelProto:
    """Return a graph with every tensor's shape known and constants folded, as the quantiser wants it."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared = Path(folder, "prepared.onnx")
        # Plain shape inference knows every operator of a bundle; the symbolic one is for transformers.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        return onnx.load(str(prepared))


def quantize_graph(prepared: onnx.ModelProto, tiles: U8, recipe: Recipe, ranges: Ranges) -> onnx.ModelProto:
    """Return the graph in INT8. The number of tiles stays free; tiles, scores and heat keep their types.

    Args:
        prepared: What `prepare_graph` returned; is not changed.
        tiles: uint8 (n, side, side, 3): n a multiple of STRIDE.
        recipe: How.
        ranges: Of the same graph and tiles.

    Raises:
        UsageError: The graph uses an operator outside the allow-list after it.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        out = Path(folder, "model.int8.onnx")
        quantize_static(
            onnx.ModelProto.FromString(prepared.SerializeToString()),
            str(out),
            TileReader(tiles),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPERATORS,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_float_nodes(prepared, recipe),
            calibrate_method=CalibrationMethod[recipe.method],
            extra_options=_options(prepared, recipe.method),
            calibration_cache_path=ranges.file(recipe.method),
        )
        model = strip_traces(onnx.load(str(out)))
    try:
        check_graph(model)
    except ValueError as error:
        raise UsageError(f"the quantised graph cannot be bundled: {error}") from error
    return model


def _options(model: onnx.ModelProto, method: Method) -> dict[str, Any]:
    options: dict[str, Any] = {
        "CalibTensorRangeSymmetric": False,
        "CalibStridedMinMax": STRIDE,
        "TensorQuantOverrides": _pixels_exact(model),
    }
    return options | ({"CalibPercentile": PERCENTILE} if method == "Percentile" else {})


def _float_nodes(model: onnx.ModelProto, recipe: Recipe) -> list[str]:
    """Return the names of all nodes behind the last convolution, and of those that the recipe takes back.

    Behind it there are mean, calibration and scores: small, and where rounding would move a score most.
    """
    names = [node.name for node in model.graph.node]
    convs = [node.name for node in model.graph.node if node.op_type == "Conv"]
    end = names.index(convs[-recipe.last_float]) if recipe.last_float else names.index(convs[-1]) + 1
    return [*convs[: recipe.first_float], *names[end:]]


def _pixels_exact(model: onnx.ModelProto) -> dict[str, list[dict[str, Any]]]:
    """Return the quantisation of the first convolution's input, without loss where pixels are normalised as usual."""
    makers = {output: node for node in model.graph.node for output in node.output}
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    found, name = {}, first.input[0]
    while name in makers and makers[name].op_type == "Pad":
        found[name] = _exact()
        name = makers[name].input[0]
    if name not in makers or makers[name].op_type not in ("Div", "Mul"):
        return {}
    return found | {name: _exact()}


def _exact() -> list[dict[str, Any]]:
    return [{"scale": np.array(PIXEL_SCALE, np.float32), "zero_point": np.array(PIXEL_ZERO, np.uint8)}]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's remarks about itself off the terminal."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(before)
