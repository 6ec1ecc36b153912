"""What ONNX Runtime raises, and what of it a person should read."""

from __future__ import annotations

import re

from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    # ONNX Runtime's own errors have no common base below Exception.
    ort_state.DeviceReset,
    ort_state.EPFail,
    ort_state.EngineError,
    ort_state.Fail,
    ort_state.InvalidArgument,
    ort_state.InvalidGraph,
    ort_state.InvalidProtobuf,
    ort_state.ModelLoadCanceled,
    ort_state.ModelLoaded,
    ort_state.ModelRequiresCompilation,
    ort_state.NoModel,
    ort_state.NoSuchFile,
    ort_state.NotFound,
    ort_state.NotImplemented,
    ort_state.RuntimeException,
    RuntimeError,
    ValueError,
)
"""Everything a session may raise while it is made or run."""


def first_line(error: Exception) -> str:
    """Return the first line of a runtime's error, without the places in its source that some hold."""
    return first_words(str(error)) or type(error).__name__


def first_words(text: str) -> str:
    """Return the first line of what a runtime says, the same way; empty for nothing."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return re.sub(r"/\S+:\d+ .*?\)\s+", "", line).rstrip(" .")
