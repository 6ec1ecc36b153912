"""The part of a bundle's graph that starts at floats, for programs that cannot read pixels from a uint8 input."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.utils


def write_core(model: Path, out: Path, *, after: str, outputs: tuple[str, ...]) -> None:
    """Cut the graph behind the last of its first nodes of one kind, and write what follows.

    Args:
        model: Bundle's graph: Transpose, Cast, Sub, Div, network.
        out: Where to write.
        after: Operator whose output becomes the input: `Cast` for pixels as floats, `Div` for normalised ones.
        outputs: Outputs to keep.

    Raises:
        ValueError: The graph begins otherwise.
    """
    graph = onnx.load(model)
    cut = next((node.output[0] for node in graph.graph.node[:6] if node.op_type == after), None)
    if cut is None:
        raise ValueError(f"the graph has no {after} among its first nodes")
    n, height, width, channels = graph.graph.input[0].type.tensor_type.shape.dim
    onnx.utils.extract_model(model, out, [cut], list(outputs), infer_shapes=True)
    core = onnx.load(out)
    shape = core.graph.input[0].type.tensor_type.shape
    del shape.dim[:]
    shape.dim.extend([n, channels, height, width])
    onnx.save(core, out)
