"""What `doctor` says of GPUs: through the real library where a driver answers, refuses or hangs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.nvml import CRASHES, DRIVER_NOT_LOADED, GPU_IS_LOST, HANGS, FakeNvml
from test_app_doctor import configuration

from edge_inspector.app import examine_gpu
from edge_inspector.app.checkup import Asked
from edge_inspector.app.doctor import Visit
from edge_inspector.app.examine_gpu import driver_row, gpu_rows
from edge_inspector.app.patient import Patient
from edge_inspector.doctor.row import Row, Status
from edge_inspector.observe.gpu_figures import GpuFigures
from edge_inspector.simulator.build import find_compiler

COMPILER = find_compiler()
if COMPILER is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

WELL = GpuFigures(0, False, "RTX", "GPU-1", 0.4, 1_500_000_000, 6_000_000_000, 54, (), 0, True)


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    folder = tmp_path / "nvml"
    folder.mkdir()
    tmp_path.chmod(0o755)
    fake = FakeNvml(folder, COMPILER or "")
    for name, value in fake.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


def asked(folder: Path, provider: str = "cuda", **more: Any) -> Asked:
    model = {"bundle": "bundle", "unsigned": "allow", "provider": provider, **more}
    return Asked(configuration(folder, model=model))


def rows_of(given: Asked, limit_s: float | None = None) -> list[Row]:
    """Return the rows of a visit, which is made in a process of its own."""
    visit = Visit(replace(given, limit_s=limit_s), ["gpus"])
    try:
        return list(visit.rows())
    finally:
        visit.close()


@pytest.mark.parametrize("provider", ["cpu", "null"])
def test_a_line_that_computes_on_no_gpu_has_no_row_whatever_the_driver_does(
    nvml: FakeNvml, tmp_path: Path, provider: str
) -> None:
    nvml.answer(nvmlInitWithFlags=CRASHES)

    assert rows_of(asked(tmp_path, provider)) == []


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_gpu_that_is_well_is_told_with_its_driver(nvml: FakeNvml, tmp_path: Path, provider: str) -> None:
    driver, gpu = rows_of(asked(tmp_path, provider, device_id=1))

    assert (driver.name, driver.status) == ("gpu", Status.OK)
    assert driver.seen.startswith("driver 580.65.06, for CUDA up to 13.0")
    assert (gpu.name, gpu.status) == ("gpu 1", Status.OK)
    assert gpu.seen == (
        "Fake RTX 1 (GPU-fake-1); 4.5 of 6.0 GB free; 54 °C; at full speed; persistence mode on; "
        "0 uncorrected memory errors"
    )


@pytest.mark.parametrize(
    ("answers", "name", "seen", "then"),
    [
        ({"nvmlInitWithFlags": DRIVER_NOT_LOADED}, "gpu", "Driver Not Loaded", "modprobe"),
        ({"count": 1}, "gpu 1", "there is no GPU 1: NVML counts 1, from 0", "set model.device_id"),
        ({"nvmlDeviceGetMemoryInfo": GPU_IS_LOST}, "gpu 1", "does not answer its driver", "Xid"),
        ({"nvmlDeviceGetMemoryInfo": CRASHES}, "gpus", "SIGABRT", "see the library"),
    ],
)
def test_what_keeps_a_gpu_from_working_fails_with_its_next_step(
    nvml: FakeNvml, tmp_path: Path, answers: dict[str, int], name: str, seen: str, then: str
) -> None:
    nvml.answer(**answers)

    [row] = [row for row in rows_of(asked(tmp_path, device_id=1)) if row.status is not Status.OK]

    assert (row.name, row.status, row.exit_code) == (name, Status.FAILED, 70)
    assert seen in row.seen
    assert then in row.next


def test_a_driver_that_hangs_is_given_up(nvml: FakeNvml, tmp_path: Path) -> None:
    nvml.answer(nvmlInitWithFlags=HANGS)

    [row] = rows_of(asked(tmp_path), limit_s=3.0)

    assert (row.name, row.status, row.seen) == ("gpus", Status.FAILED, "no answer in 3 s: given up")
    assert "a driver" in row.next


def test_without_the_package_it_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    [row] = examine_gpu.gpus(Patient(asked(tmp_path)))

    assert (row.status, row.seen) == (
        Status.NOTE,
        "not looked at: the Python package nvidia-ml-py is not installed",
    )
    assert "edge_inspector[cuda]" in row.next


@pytest.mark.parametrize(("is_jetson", "status"), [(True, Status.NOTE), (False, Status.FAILED)])
def test_a_jetson_may_compute_without_nvml(
    nvml: FakeNvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_jetson: bool, status: Status
) -> None:
    monkeypatch.setattr(examine_gpu, "JETSON", tmp_path if is_jetson else tmp_path / "none")

    class Without:
        def __enter__(self) -> None:
            raise examine_gpu.GpuWatchError("NVML cannot be asked: NVML Shared Library Not Found; install a driver")

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(examine_gpu, "Nvml", Without)

    [row] = examine_gpu.gpus(Patient(asked(tmp_path)))

    assert (row.status, row.next) == (status, "install a driver")


@pytest.mark.parametrize(
    ("cuda", "built_for", "status", "words"),
    [
        ("13.0", "13.0", Status.OK, ""),
        ("13.0", "13.2", Status.OK, ""),  # within one major version the older driver serves
        ("14.1", "13.0", Status.OK, ""),
        ("12.9", "13.0", Status.FAILED, "driver 580 or later"),
        ("11.8", "12.8", Status.FAILED, "driver 525 or later"),
        ("13.0", "15.0", Status.FAILED, "serves CUDA 15"),
        ("12.9", "", Status.OK, ""),
    ],
)
def test_a_driver_must_serve_the_cuda_of_the_runtime(cuda: str, built_for: str, status: Status, words: str) -> None:
    row = driver_row("575.51", cuda, built_for)

    assert (row.status, words in row.next) == (status, True)
    assert cuda in row.seen
    assert built_for in row.seen


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"throttled": ("thermal_hw",)}, Status.WARNING, "by heat, at 54"),
        ({"throttled": ("thermal_sw",)}, Status.WARNING, "by heat"),
        ({"throttled": ("hw_slowdown", "power_brake")}, Status.WARNING, "by hw_slowdown, power_brake"),
        ({"memory_used_bytes": 5_800_000_000}, Status.WARNING, "97% full"),
        ({"ecc_uncorrected": 3}, Status.WARNING, "3 memory errors"),
        ({"is_persistent": False}, Status.NOTE, "unloaded"),
    ],
)
def test_each_thing_to_know_is_a_row_with_its_next_step(changes: dict[str, Any], status: Status, words: str) -> None:
    whole, row = gpu_rows(replace(WELL, **changes))

    assert whole.status is Status.OK
    assert (row.status, words in row.seen, bool(row.next)) == (status, True, True), row


@pytest.mark.parametrize("changes", [{"throttled": ("power_cap",)}, {"memory_used_bytes": 5_700_000_000}, {}])
def test_a_gpu_at_work_is_no_trouble(changes: dict[str, Any]) -> None:
    assert [row.status for row in gpu_rows(replace(WELL, **changes))] == [Status.OK]


def test_of_what_a_gpu_does_not_tell_nothing_is_said() -> None:
    [row] = gpu_rows(GpuFigures(0, name="Orin", uuid="GPU-2"))

    assert row.seen == "Orin (GPU-2); no ECC"
