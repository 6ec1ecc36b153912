"""What a bundle's graph may be, on the workstation's side; and asking one as the line does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from edge_inspector.bundle.operators import ALLOWED_OPERATORS
from edge_inspector.core.frame import F32, U8


def strip_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model without the source paths and stack traces of the machine that exported it."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    return model


def check_graph(model: onnx.ModelProto) -> None:
    """Raise ValueError unless the graph is valid, self-contained, and of allowed operators only."""
    onnx.checker.check_model(model, full_check=True)
    used = {node.op_type for node in model.graph.node}
    if foreign := sorted(used - ALLOWED_OPERATORS):
        raise ValueError(f"the graph uses {', '.join(foreign)}, which is not on the list of allowed operators")
    if model.functions or any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
        raise ValueError("the graph has functions or weights outside the file; a bundle's graph stands alone")


def open_session(file: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    """Return a CPU session on a graph in a file."""
    return open_bytes(file.read_bytes(), threads)


def open_bytes(graph: bytes, threads: int = 2) -> onnxruntime.InferenceSession:
    """Return a CPU session with every graph optimisation, as the line uses it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def run_tiles(session: onnxruntime.InferenceSession, tiles: U8, chunk: int = 8) -> tuple[F32, F32]:
    """Return (scores, heat) of tiles, asked in chunks as on the line."""
    answers = [
        session.run(["scores", "heat"], {"tiles": tiles[start : start + chunk]})
        for start in range(0, len(tiles), chunk)
    ]
    return np.concatenate([a[0] for a in answers]), np.concatenate([a[1] for a in answers])
