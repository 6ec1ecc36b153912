"""A library that is missing is named, with its version and with what brings it."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import onnxruntime as ort
import pytest

from edge_inspector.infer import gpu_libraries
from edge_inspector.infer.gpu_libraries import CUDA_LIBRARIES, NEEDED, TENSORRT_LIBRARIES, load_libraries

ALL = {library.file for library in (*CUDA_LIBRARIES, *TENSORRT_LIBRARIES)}


class Computer:
    """Has some libraries, and loads them by name or path."""

    def __init__(self, *files: str, broken: str = "") -> None:
        self.files, self.broken = set(files), broken
        self.loaded: list[str] = []

    def load(self, name: str) -> object:
        file = Path(name).name
        if file == self.broken:
            raise OSError("libz.so.9: cannot open shared object file: No such file or directory")
        if file not in self.files:
            raise OSError(f"{file}: cannot open shared object file: No such file or directory")
        self.loaded.append(name)
        return object()


@pytest.fixture(autouse=True)
def _no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_libraries, "_wheel_folder", lambda: None)


def test_with_all_libraries_nothing_is_missing() -> None:
    assert load_libraries("tensorrt", Computer(*ALL).load) == ()
    assert load_libraries("cpu", Computer().load) == ()


@pytest.mark.parametrize("library", [*CUDA_LIBRARIES, *TENSORRT_LIBRARIES], ids=lambda library: library.file)
def test_each_missing_library_is_named_with_its_version_and_what_brings_it(library: gpu_libraries.Library) -> None:
    [said] = load_libraries("tensorrt", Computer(*(ALL - {library.file})).load)

    assert said.startswith(f"{library.file} ({library.what}) was not found: ")
    assert library.remedy in said


@pytest.mark.parametrize(
    ("needed", "there"), [("libnvinfer.so.10", "libnvinfer.so.11"), ("libcudart.so.13", "libcudart.so.12")]
)
def test_another_version_of_a_library_is_told_of(needed: str, there: str) -> None:
    [said] = load_libraries("tensorrt", Computer(*(ALL - {needed}), there).load)

    assert f"{needed} (" in said
    assert f"was not found, only {there}, which ONNX Runtime {ort.__version__} cannot use" in said


def test_libraries_that_one_command_brings_are_named_together() -> None:
    driver, cuda, tensorrt = load_libraries("tensorrt", Computer().load)

    assert driver.startswith("libcuda.so.1 (the NVIDIA driver) was not found: install NVIDIA's driver 580")
    assert cuda.count(" was not found") == len(CUDA_LIBRARIES) - 1
    assert cuda.endswith(": pip install 'edge_inspector[cuda]'")
    assert tensorrt.endswith(": pip install 'edge_inspector[tensorrt]'")


def test_a_library_whose_own_needs_are_missing_says_which() -> None:
    [said] = load_libraries("cuda", Computer(*ALL, broken="libcudnn.so.9").load)

    assert said.startswith("libcudnn.so.9 (cuDNN 9) cannot be loaded: libz.so.9: cannot open")


def test_tensorrt_is_found_where_its_wheel_puts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu_libraries, "_wheel_folder", lambda: tmp_path)
    (tmp_path / "libnvinfer.so.10").touch()
    computer = Computer(*ALL)

    assert load_libraries("tensorrt", computer.load) == ()
    assert str(tmp_path / "libnvinfer.so.10") in computer.loaded
    assert "libnvonnxparser.so.10" in computer.loaded  # not in the wheel's folder: wherever the system has it


def test_tensorrt_11_in_the_wheel_s_folder_is_not_loaded_to_be_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu_libraries, "_wheel_folder", lambda: tmp_path)
    (tmp_path / "libnvinfer.so.11").touch()
    computer = Computer(*(ALL - {"libnvinfer.so.10"}))

    [said] = load_libraries("tensorrt", computer.load)

    assert "only libnvinfer.so.11" in said
    assert not [name for name in computer.loaded if "so.11" in name]


def test_the_list_is_what_onnx_runtime_s_own_files_ask_for() -> None:
    cuda, tensorrt = (_asked(name) for name in ("cuda", "tensorrt"))

    assert {each.file for each in NEEDED["tensorrt"]} <= cuda | tensorrt
    assert tensorrt <= {each.file for each in NEEDED["tensorrt"]}
    # cuDNN is loaded while a convolution runs, by a name that is put together then.
    assert {each.file for each in NEEDED["cuda"]} - cuda <= {"libcudnn.so.9"}


def _asked(provider: str) -> set[str]:
    library = Path(ort.__file__).parent / "capi" / f"libonnxruntime_providers_{provider}.so"
    pattern = rb"\0(lib(?:cuda|cudart|cublas|cublasLt|curand|cudnn|nvinfer|nvonnxparser)\.so\.\d+)(?=\0)"

    with library.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {found.decode() for found in re.findall(pattern, content)}
