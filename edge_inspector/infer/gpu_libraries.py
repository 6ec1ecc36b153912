"""The libraries that a GPU needs beside ONNX Runtime: loading them, and naming those that are not there."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from edge_inspector.infer.gpu_errors import OLDEST_DRIVER
from edge_inspector.infer.runtime import ProviderName

Load = Callable[[str], object]
"""Loads a library by name or path; raises OSError."""


@dataclass(frozen=True, slots=True)
class Library:
    """One library that must be there."""

    name: str
    """File name without the number: `libnvinfer.so`."""
    major: int
    """The only number that fits this ONNX Runtime."""
    what: str
    """What it is of."""
    remedy: str
    """What brings it."""

    @property
    def file(self) -> str:
        """File name: `libnvinfer.so.10`."""
        return f"{self.name}.{self.major}"


_CUDA_EXTRA = "pip install 'edge_inspector[cuda]'"
_TENSORRT_EXTRA = "pip install 'edge_inspector[tensorrt]'"

CUDA_LIBRARIES = (
    Library("libcuda.so", 1, "the NVIDIA driver", f"install NVIDIA's driver {OLDEST_DRIVER} or newer, then nvidia-smi"),
    Library("libcudart.so", 13, "CUDA 13", _CUDA_EXTRA),
    # cuBLAS comes as a dependency of cuDNN alone: the extra asks ONNX Runtime for both.
    Library("libcublasLt.so", 13, "cuBLAS of CUDA 13", _CUDA_EXTRA),
    Library("libcublas.so", 13, "cuBLAS of CUDA 13", _CUDA_EXTRA),
    Library("libcurand.so", 10, "cuRAND of CUDA 13", _CUDA_EXTRA),
    Library("libcudnn.so", 9, "cuDNN 9", _CUDA_EXTRA),
)
TENSORRT_LIBRARIES = (
    Library("libnvinfer.so", 10, "TensorRT 10", _TENSORRT_EXTRA),
    Library("libnvonnxparser.so", 10, "TensorRT 10", _TENSORRT_EXTRA),
)
NEEDED: dict[ProviderName, tuple[Library, ...]] = {
    "cuda": CUDA_LIBRARIES,
    "tensorrt": CUDA_LIBRARIES + TENSORRT_LIBRARIES,
}
"""What each provider loads; a test compares it with what ONNX Runtime's own files ask for."""

_TENSORRT_WHEEL = "tensorrt_libs"
"""Folder of the wheel's libraries in site-packages. ONNX Runtime's own `preload_dlls` does not look there."""


def load_libraries(provider: ProviderName, load: Load | None = None) -> tuple[str, ...]:
    """Load what a provider needs, so that ONNX Runtime finds it wherever pip has put it.

    Args:
        provider: `cpu` needs nothing.
        load: For tests.

    Returns:
        A sentence for each remedy: which libraries are not there, of which version, and what brings them. A session
        may still come to be without one that the model does not use, so this is no error by itself.
    """
    if provider not in NEEDED:
        return ()
    # CUDA's own order is by speed, nvidia-smi's by place: a person who reads one number must not mean another GPU.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    if load is None:
        with contextlib.redirect_stdout(io.StringIO()):  # it tells what is missing with print, and in no other way
            ort.preload_dlls()
        load = _load
    folder = _wheel_folder()
    missing: dict[str, list[str]] = {}
    for library in NEEDED[provider]:
        if why := _why_missing(library, load, folder):
            missing.setdefault(library.remedy, []).append(why)
    return tuple(f"{', '.join(whys)}: {remedy}" for remedy, whys in missing.items())


def _load(name: str) -> object:
    return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec(_TENSORRT_WHEEL)
    places = None if spec is None else spec.submodule_search_locations
    return Path(places[0]) if places else None


def _why_missing(library: Library, load: Load, folder: Path | None) -> str:
    """Return why a library cannot be used; empty when it is loaded."""
    if folder is not None and (at := folder / library.file).exists():
        name = str(at)
    else:
        name = library.file
    try:
        load(name)
    except OSError as error:
        what = f"{library.file} ({library.what}) was not found"
        if library.file not in str(error):  # it is there, and something that it needs itself is not
            what = f"{library.file} ({library.what}) cannot be loaded: {_without_paths(error)}"
        elif (other := _other_major(library, load, folder)) is not None:
            what += f", only {library.name}.{other}, which ONNX Runtime {ort.__version__} cannot use"
        return what
    return ""


def _other_major(library: Library, load: Load, folder: Path | None) -> int | None:
    """Return another version of a library that is there: newer ones first."""
    for major in range(library.major + 3, max(0, library.major - 4), -1):
        other = f"{library.name}.{major}"
        if major == library.major:
            continue
        if folder is not None and (folder / other).exists():
            return major
        try:
            load(other)
        except OSError:
            continue
        return major
    return None


def _without_paths(error: OSError) -> str:
    return " ".join(Path(word).name if word.startswith("/") else word for word in str(error).split())
