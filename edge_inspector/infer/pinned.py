"""Memory of this computer that a GPU reads by itself, without a copy in between."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable

from edge_inspector.core.frame import U8
from edge_inspector.core.logs import get_log

log = get_log(__name__)

Pin = Callable[[U8], bool]
"""Pins an array for as long as it lives; False where that was refused, and uploads are slower by a copy."""

_CUDART = "libcudart.so.13"
"""The runtime library that ONNX Runtime loaded; by its name the loader gives the same one again."""


def pin(array: U8) -> bool:
    """Pin an array's memory for CUDA. ONNX Runtime's Python has no pinned buffer for its own CUDA provider.

    A refusal is no error: pageable memory gives the same answers, and the log says so.
    """
    try:
        cudart = ctypes.CDLL(_CUDART)
        status = cudart.cudaHostRegister(ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), 0)
    except (OSError, AttributeError) as error:
        log.warning("not_pinned", detail=f"uploads to the GPU take one copy more: {error}")
        return False
    if status:
        cudart.cudaGetLastError()  # taken back: ONNX Runtime would take it for the error of its next call
        log.warning("not_pinned", detail=f"uploads to the GPU take one copy more: CUDA error {status}")
        return False
    # Before the memory is given back: who gets it next could not pin it again.
    weakref.finalize(array, cudart.cudaHostUnregister, ctypes.c_void_p(array.ctypes.data)).atexit = False
    return True


def no_pin(_: U8) -> bool:
    """Leave an array as it is: for a device that is this computer's own memory."""
    return False
