"""What an engine depends on is asked of the libraries and the kernel."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import cast

import pytest

from edge_inspector.core.errors import EngineError
from edge_inspector.infer import gpu_facts
from edge_inspector.infer.gpu_facts import driver_version, read_facts, tensorrt_version

OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)  Sun Jul 27\n"
    "GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n"
)
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version: 11.4.0\n"
)


class Nvinfer:
    """Says its version."""

    def __init__(self, number: int) -> None:
        self.number = number

    def getInferLibVersion(self) -> int:  # noqa: N802
        return self.number


class Cuda:
    """Has one GPU."""

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return 0

    def cuDeviceGet(self, device: object, number: int) -> int:  # noqa: N802
        return 0 if number == 0 else 101

    def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], size: int, device: object) -> int:  # noqa: N802
        name.value = b"NVIDIA RTX A2000"
        return 0

    def cuDeviceGetAttribute(self, value: object, which: int, device: object) -> int:  # noqa: N802
        value._obj.value = {75: 8, 76: 6}[which]  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetUuid(self, which: ctypes.Array[ctypes.c_ubyte], device: object) -> int:  # noqa: N802
        which[:] = list(range(16))
        return 0


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_facts, "load_libraries", lambda _: ())
    there = {"libcuda.so.1": Cuda(), "libnvinfer.so.10": Nvinfer(101601)}
    monkeypatch.setattr(ctypes, "CDLL", there.__getitem__)


@pytest.mark.parametrize(("number", "version"), [(101601, "10.16.1"), (100000, "10.0.0"), (110400, "11.4.0")])
def test_tensorrt_says_its_version(number: int, version: str) -> None:
    assert tensorrt_version(cast("ctypes.CDLL", Nvinfer(number))) == version


@pytest.mark.parametrize(("content", "version"), [(OPEN, "580.65.06"), (CLOSED, "535.183.01")])
def test_the_kernel_says_which_driver_it_runs(tmp_path: Path, content: str, version: str) -> None:
    (tmp_path / "version").write_text(content)

    assert driver_version(tmp_path / "version") == version


def test_without_a_driver_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no NVIDIA driver is loaded .*install it and restart"):
        driver_version(tmp_path / "version")


def test_a_driver_that_names_no_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("nothing\n")

    with pytest.raises(EngineError, match="names no version"):
        driver_version(tmp_path / "version")


@pytest.mark.usefixtures("libraries")
def test_the_facts_of_a_pc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version").write_text(OPEN)
    monkeypatch.setattr(gpu_facts, "_DRIVER", tmp_path / "version")

    facts = read_facts(0)

    assert (facts.tensorrt, facts.driver) == ("10.16.1", "580.65.06")
    assert (facts.gpu, facts.compute) == ("NVIDIA RTX A2000", "8.6")
    assert facts.uuid == "00010203-0405-0607-0809-0a0b0c0d0e0f"


@pytest.mark.usefixtures("libraries")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match=r"GPU 3 cannot be used: there is no GPU of that number"):
        read_facts(3)


def test_missing_libraries_are_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_facts, "load_libraries", lambda _: ("libnvinfer.so.10 (TensorRT 10) was not found: x",))

    with pytest.raises(EngineError, match=r"was to run on tensorrt, but libnvinfer\.so\.10"):
        read_facts(0)
