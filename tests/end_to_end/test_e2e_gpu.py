"""A real daemon beside NVIDIA's library as it can be: it watches, and whatever that library does costs it nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from daemon import START_S, Line, StartLine, wait_until
from fakes.nvml import CRASHES, GPU_IS_LOST, HANGS, FakeNvml

from edge_inspector.simulator.build import find_compiler

COMPILER = find_compiler()
if COMPILER is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

pytestmark = pytest.mark.timeout(120)
SHORT = {"camera": {"rate_hz": 50.0}}


@pytest.fixture
def nvml(tmp_path_factory: pytest.TempPathFactory) -> FakeNvml:
    return FakeNvml(tmp_path_factory.mktemp("nvml"), COMPILER or "")


def gpu(line: Line, name: str, more: str = "") -> float | None:
    """Return a number of GPU 1 on the page; None while it is not there."""
    found = re.search(rf'^edge_inspector_gpu_{name}{{gpu="1"{more}}} (\S+)$', line.page(), re.M)
    return None if found is None else float(found[1])


def has_loaded(pid: int) -> bool:
    """Return whether a process has loaded the library."""
    return "libnvidia-ml" in Path(f"/proc/{pid}/maps").read_text()


def test_a_line_on_a_gpu_shows_it_and_says_once_that_it_is_lost(make_line: StartLine, nvml: FakeNvml) -> None:
    line = make_line(**SHORT, model={"provider": "cuda", "device_id": 1})
    witness = line.listen()
    line.start(nvml.environment)
    wait_until(lambda: gpu(line, "utilization_ratio") == 0.25, START_S, "the GPU on the page")
    loaded = {name: has_loaded(line.child(name)) for name in ("gpu", "inspect", "camera")} | {
        "main": has_loaded(line.pid)
    }
    assert loaded == {"gpu": True, "inspect": False, "camera": False, "main": False}
    held = [os.readlink(link) for link in Path(f"/proc/{line.child('gpu')}/fd").iterdir()]
    assert [what for what in held if "memfd" in what or "eventfd" in what] == []  # it cannot touch a part
    assert (gpu(line, "temperature_celsius"), gpu(line, "throttled", ',reason="thermal_hw"')) == (54, 0)

    nvml.answer(nvmlDeviceGetHandleByIndex_v2=GPU_IS_LOST)
    wait_until(lambda: gpu(line, "lost") == 1, START_S, "the loss on the page")
    witness.wait_for("event", lambda message: message.body["name"] == "gpu_lost")
    n = len(witness.messages("verdict"))
    witness.wait_for_verdicts(n + 50)
    code = line.stop()

    told = [message.body for message in witness.messages("event") if message.body["name"].startswith("gpu_")]
    assert [(body["name"], body["severity"]) for body in told] == [("gpu_lost", "error")]
    assert gpu(line, "utilization_ratio") is None
    assert (code, witness.violations(drained=True)) == (0, [])


def test_a_driver_that_hangs_costs_the_line_no_part_and_no_good_end(make_line: StartLine, nvml: FakeNvml) -> None:
    nvml.answer(nvmlDeviceGetMemoryInfo=HANGS)
    line = make_line(**SHORT, model={"provider": "cuda", "device_id": 1})
    witness = line.listen()
    line.start(nvml.environment)

    wait_until(lambda: (line.figure("gpu_sample_age_seconds") or 0) > 6, START_S, "the age of nothing")
    n = len(witness.wait_for_verdicts(1))
    witness.wait_for_verdicts(n + 50)
    assert has_loaded(line.child("gpu"))
    assert (line.figure("heartbeat_age_seconds") or 9) < 1
    code = line.stop()

    assert (code, witness.violations(drained=True)) == (0, [])


def test_a_line_on_the_cpu_asks_no_gpu(make_line: StartLine, nvml: FakeNvml) -> None:
    nvml.answer(nvmlInitWithFlags=CRASHES)
    line = make_line(**SHORT)
    witness = line.listen()
    line.start(nvml.environment)
    witness.wait_for_verdicts(20)
    wait_until(lambda: line.page(), START_S, "the page")

    assert set(line.children()) == {"camera", "inspect"}
    assert "edge_inspector_gpu_" not in "".join(row for row in line.page().splitlines(True) if not row.startswith("#"))
    assert line.stop() == 0
