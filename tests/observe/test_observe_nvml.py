"""What the real `pynvml` makes of a library that answers as NVIDIA's does: in a process of its own, as in a line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.nvml import (
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    NO_PERMISSION,
    NOT_SUPPORTED,
    VERSION_MISMATCH,
    FakeNvml,
)

from edge_inspector.core.errors import NvmlMissingError
from edge_inspector.observe.gpu_figures import OTHER_REASON, THROTTLE_REASONS
from edge_inspector.observe.nvml import Nvml
from edge_inspector.simulator.build import find_compiler

COMPILER = find_compiler()
if COMPILER is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

LOOK = """
import json, sys
from dataclasses import asdict
from edge_inspector.core.errors import GpuWatchError
from edge_inspector.observe.nvml import Nvml
try:
    with Nvml() as nvml:
        print(json.dumps([nvml.driver, nvml.cuda, *(asdict(nvml.look(int(at))) for at in sys.argv[1:])]))
except GpuWatchError as error:
    print(json.dumps(str(error)))
"""


@pytest.fixture
def nvml(tmp_path: Path) -> FakeNvml:
    return FakeNvml(tmp_path, COMPILER or "")


def ask(nvml: FakeNvml, *device_ids: int, **environment: str) -> Any:
    """Return driver, CUDA and the figures of GPUs; or the error in words."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CUDA_")}
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *map(str, device_ids)],
        env=clean | nvml.environment | environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_every_number_of_a_gpu_is_that_of_its_library(nvml: FakeNvml) -> None:
    nvml.answer(driver=581, cuda=13010, utilization=40, used=5, total=8, celsius=71, ecc=2, persistence=0, reasons=0x01)

    assert ask(nvml, 1) == [
        "581.65.06",
        "13.1",
        {
            "gpu": 1, "is_lost": False, "name": "Fake RTX 1", "uuid": "GPU-fake-1", "utilization": 0.4,
            "memory_used_bytes": 5, "memory_total_bytes": 8, "temperature_c": 71, "throttled": [],
            "ecc_uncorrected": 2, "is_persistent": False,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0, []),
        (0x01 | 0x02 | 0x100, []),  # idle, clocks that somebody set: nothing is wrong
        *((bit, [name]) for name, bit in THROTTLE_REASONS.items()),
        (0x08 | 0x40, ["hw_slowdown", "thermal_hw"]),
        (0x400, [OTHER_REASON]),
    ],
)
def test_each_reason_why_it_is_slow_has_its_name(nvml: FakeNvml, bits: int, names: list[str]) -> None:
    nvml.answer(reasons=bits)

    assert ask(nvml, 0)[2]["throttled"] == names


@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND])
def test_what_a_gpu_does_not_have_is_not_known_and_costs_nothing_else(nvml: FakeNvml, code: int) -> None:
    optional = {
        "nvmlDeviceGetUtilizationRates": "utilization",
        "nvmlDeviceGetMemoryInfo": "memory_used_bytes",
        "nvmlDeviceGetCurrentClocksEventReasons": "throttled",
        "nvmlDeviceGetTotalEccErrors": "ecc_uncorrected",
        "nvmlDeviceGetPersistenceMode": "is_persistent",
    }
    nvml.answer(**dict.fromkeys(optional, code))

    figures = ask(nvml, 0)[2]

    assert {key for key, value in figures.items() if value is None} == {*optional.values(), "memory_total_bytes"}
    assert figures["temperature_c"] == 54


def test_an_older_driver_tells_the_temperature_in_its_own_way(nvml: FakeNvml) -> None:
    nvml.answer(nvmlDeviceGetTemperatureV=FUNCTION_NOT_FOUND, celsius=61)

    assert ask(nvml, 0)[2]["temperature_c"] == 61


@pytest.mark.parametrize("function", ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetMemoryInfo"])
def test_a_lost_gpu_is_a_figure_and_no_error(nvml: FakeNvml, function: str) -> None:
    nvml.answer(**{function: GPU_IS_LOST})

    figures = ask(nvml, 0)[2]

    assert (figures["gpu"], figures["is_lost"], figures["name"]) == (0, True, "")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"nvmlInitWithFlags": DRIVER_NOT_LOADED}, ("Driver Not Loaded", "; load the driver")),
        ({"nvmlInitWithFlags": VERSION_MISMATCH}, ("mismatch", "restart the computer")),
        ({"nvmlInitWithFlags": NO_PERMISSION}, ("Insufficient Permissions", "gpu.conf")),
        ({"nvmlDeviceGetName": 999}, ("GPU 0 cannot be asked: Unknown Error", "dmesg")),
        ({"nvmlDeviceGetName": 4711}, ("an error of the fake", "nvidia-smi")),
        ({"count": 0}, ("there is no GPU 0: NVML counts 0", "model.device_id")),
    ],
)
def test_what_cannot_be_asked_says_why_and_what_to_do(
    nvml: FakeNvml, answers: dict[str, int], words: tuple[str, str]
) -> None:
    nvml.answer(**answers)

    said = ask(nvml, 0)

    assert [word for word in words if word not in said] == [], said


def test_without_a_driver_there_is_no_library_and_it_says_so(nvml: FakeNvml, tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")  # found before one that this computer may have

    assert ask(nvml, 0) == (
        "NVML cannot be asked: NVML Shared Library Not Found; install NVIDIA's driver, and try `nvidia-smi`"
    )


@pytest.mark.parametrize(
    ("shown", "device_id", "name"),
    [("1", 0, "Fake RTX 1"), ("1,0", 1, "Fake RTX 0"), ("GPU-fake-1, 0", 0, "Fake RTX 1")],
)
def test_the_gpu_is_the_one_that_cuda_counts(nvml: FakeNvml, shown: str, device_id: int, name: str) -> None:
    figures = ask(nvml, device_id, CUDA_VISIBLE_DEVICES=shown)[2]

    assert (figures["gpu"], figures["name"]) == (device_id, name)


@pytest.mark.parametrize(("shown", "device_id"), [("", 0), ("-1", 0), ("0", 1)])
def test_a_gpu_that_is_hidden_from_cuda_is_none(nvml: FakeNvml, shown: str, device_id: int) -> None:
    said = ask(nvml, device_id, CUDA_VISIBLE_DEVICES=shown)

    assert said.startswith(f"CUDA_VISIBLE_DEVICES={shown} shows no GPU {device_id}; ")


def test_without_the_package_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(NvmlMissingError, match=r"nvidia-ml-py is not installed; .*edge_inspector\[cuda\]"), Nvml():
        pass
