"""Whatever NVML does, main waits for nothing, shows nothing that is no longer true, and says so once."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from app_samples import changed, settings_of, values
from fakes.child import FakeSpawner
from fakes.nvml import CRASHES, DRIVER_NOT_LOADED, GPU_IS_LOST, HANGS, FakeNvml

from edge_inspector.app import gpu_watch
from edge_inspector.app.gpu_watch import AGAIN_S, SILENT_S, TRUE_S, GpuWatch, new_gpu_watch
from edge_inspector.observe.gpu_figures import GpuFigures, GpuWatchFigures
from edge_inspector.run.handover import handover_pair
from edge_inspector.simulator.build import find_compiler

COMPILER = find_compiler()
if COMPILER is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

WELL = GpuFigures(0, name="Fake RTX 0", utilization=0.25)
LOST = GpuFigures(0, is_lost=True)


class Heard:
    """Hears what is announced."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.standing: set[str] = set()
        self.details: list[str] = []

    def announce(self, name: str, severity: str, detail: str, *, stands: bool = False) -> None:
        self.events.append((name, severity))
        self.details.append(detail)
        if stands:
            self.standing.add(name)

    def withdraw(self, name: str) -> None:
        self.standing.discard(name)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class Notes:
    """What the process has sent."""

    def __init__(self) -> None:
        self.waiting: list[dict[str, Any]] = []

    def take(self) -> tuple[dict[str, Any], None] | None:
        return (self.waiting.pop(0), None) if self.waiting else None


class Bench:
    """A watch with a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        monkeypatch.setattr(gpu_watch, "monotonic_ns", lambda: round(self.now_s * 1e9))
        self.spawner, self.notes, self.heard = FakeSpawner(), Notes(), Heard()
        self.watch = GpuWatch(self.spawner, self.notes, self.heard)  # type: ignore[arg-type]

    def after(self, seconds: float) -> GpuWatchFigures:
        self.now_s += seconds
        return self.watch.turn()

    def sample(self, *gpus: GpuFigures) -> GpuWatchFigures:
        told = [asdict(figures) for figures in gpus]
        note = {"kind": "sample", "at_ns": round(self.now_s * 1e9), "driver": "580.65", "cuda": "13.0", "gpus": told}
        self.notes.waiting.append(note)
        return self.watch.turn()

    def absent(self, why: str) -> GpuWatchFigures:
        self.notes.waiting.append({"kind": "absent", "why": why})
        return self.watch.turn()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_the_first_turn_starts_the_process_and_the_age_counts_from_there(bench: Bench) -> None:
    assert bench.after(0) == GpuWatchFigures((), 0.0)
    assert bench.after(3) == GpuWatchFigures((), 3.0)
    assert len(bench.spawner.children) == 1


def test_a_sample_is_shown_while_it_is_true_and_its_age_for_ever(bench: Bench) -> None:
    assert bench.sample(WELL) == GpuWatchFigures([WELL], 0.0, "580.65", "13.0")
    assert bench.after(TRUE_S).gpus == [WELL]

    old = bench.after(1)

    assert (old.gpus, old.age_s) == ((), TRUE_S + 1)


def test_a_process_that_hangs_is_told_once_killed_and_not_replaced_before_it_has_ended(bench: Bench) -> None:
    bench.sample(WELL)
    assert bench.after(SILENT_S).age_s == SILENT_S
    assert (bench.heard.events, bench.spawner.newest.kills) == ([], 0)

    for _ in range(20):
        bench.after(AGAIN_S)

    assert bench.heard.events == [("gpu_watch_stale", "warning")]
    assert bench.heard.standing == {"gpu_watch_stale"}
    assert len(bench.spawner.children) == 1  # the kernel does not let go of it
    hung = bench.spawner.newest
    hung.status = -9
    bench.after(1)
    bench.after(AGAIN_S)
    assert (len(bench.spawner.children), hung.is_closed) == (2, True)

    bench.sample(WELL)

    assert bench.heard.names == ["gpu_watch_stale", "gpu_watch_back"]
    assert bench.heard.standing == set()


def test_a_driver_that_hangs_from_the_start_is_told_too(bench: Bench) -> None:
    bench.after(0)
    bench.after(SILENT_S + 1)

    assert bench.heard.names == ["gpu_watch_stale"]
    assert bench.spawner.newest.kills == 1


def test_a_process_that_ended_is_started_again_but_not_at_once(bench: Bench) -> None:
    bench.sample(WELL)
    bench.spawner.newest.status = -signal.SIGSEGV

    bench.after(1)
    bench.after(AGAIN_S - 1)
    assert len(bench.spawner.children) == 1

    bench.after(1)
    assert len(bench.spawner.children) == 2


def test_a_computer_that_gives_no_process_is_asked_again(bench: Bench) -> None:
    bench.spawner.refusals = 1

    bench.after(0)
    assert bench.spawner.children == []

    bench.after(AGAIN_S)
    assert len(bench.spawner.children) == 1


def test_where_nvml_is_absent_there_is_no_number_and_it_is_said_once_as_a_note(bench: Bench) -> None:
    for _ in range(3):
        assert bench.absent("no driver") == GpuWatchFigures((), None)
    assert bench.after(10 * SILENT_S) == GpuWatchFigures((), None)
    assert bench.heard.events == [("gpu_not_watched", "info")]

    assert bench.sample(WELL).gpus == [WELL]
    bench.absent("no driver")

    assert bench.heard.names == ["gpu_not_watched"] * 2


def test_where_it_never_comes_nothing_is_started_again(bench: Bench) -> None:
    bench.absent("the package is not installed")
    bench.spawner.newest.status = 0
    for _ in range(5):
        bench.after(AGAIN_S)

    assert len(bench.spawner.children) == 1


def test_a_lost_gpu_is_told_once_and_shown_until_it_is_back(bench: Bench) -> None:
    other = GpuFigures(1, name="Fake RTX 1")
    bench.sample(WELL, other)
    for _ in range(3):
        bench.sample(LOST, other)
    assert bench.after(AGAIN_S).gpus == [LOST, other]  # it is asked so seldom
    assert bench.heard.events == [("gpu_lost", "error")]

    bench.sample(LOST, GpuFigures(1, is_lost=True))
    assert [detail.split(";")[0] for detail in bench.heard.details] == [
        "GPU 0 does not answer its driver", "GPU 0, 1 does not answer its driver",
    ]  # fmt: skip
    assert bench.heard.standing == {"gpu_lost"}

    bench.sample(WELL, other)
    assert bench.heard.names[2:] == ["gpu_back"]
    assert bench.heard.standing == set()


def test_after_the_end_nothing_is_started(bench: Bench) -> None:
    bench.after(0)
    bench.watch.close()
    bench.spawner.newest.status = -9
    for _ in range(3):
        bench.after(AGAIN_S)

    assert (len(bench.spawner.children), bench.spawner.newest.kills) == (1, 1)


def test_a_line_that_computes_on_no_gpu_watches_none() -> None:
    assert new_gpu_watch(settings_of(values()), Heard()) is None
    assert new_gpu_watch(settings_of(changed(values(), "model.provider", "null")), Heard()) is None


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNvml]:
    """Give the library that the watch's process will load; that is replaced soon when it ends."""
    fake = FakeNvml(tmp_path, COMPILER or "")
    for name, value in fake.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu_watch, "AGAIN_S", 0.1)
    pairs = []

    def remembered() -> tuple[socket.socket, socket.socket]:
        pairs.append(handover_pair())
        return pairs[-1]

    monkeypatch.setattr(gpu_watch, "handover_pair", remembered)
    yield fake
    for end in (end for pair in pairs for end in pair):  # a daemon's stay open to its end
        end.close()


class RealWatch:
    """A watch with a real process, which is ended with the test."""

    def __init__(self, provider: str = "cuda", silent_s: float = SILENT_S) -> None:
        given = changed(changed(values(), "model.provider", provider), "model.device_id", 1)
        self.heard = Heard()
        watch = new_gpu_watch(settings_of(given), self.heard, silent_s)
        assert watch is not None
        self.watch = watch

    def until(self, is_true: Callable[[GpuWatchFigures], Any], what: str) -> GpuWatchFigures:
        """Take turns until one is as wanted."""
        ends = time.monotonic() + 40
        while not is_true(figures := self.watch.turn()):
            assert time.monotonic() < ends, f"waited for {what}: {figures}, {self.heard.events}"
            time.sleep(0.05)
        return figures

    def close(self) -> None:
        """End the process, and reap it."""
        self.watch.close()
        self.until(lambda _: self.watch._child is None, "its end")


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_the_gpu_of_the_configuration_is_asked_through_the_real_library(nvml: FakeNvml, provider: str) -> None:
    with closing(RealWatch(provider)) as real:
        [gpu] = real.until(lambda figures: figures.gpus, "a sample").gpus
        assert (gpu.gpu, gpu.name, gpu.utilization) == (1, "Fake RTX 1", 0.25)

        nvml.answer(utilization=90, reasons=0x40)
        [gpu] = real.until(lambda figures: figures.gpus and figures.gpus[0].utilization == 0.9, "the next").gpus

        assert list(gpu.throttled or ()) == ["thermal_hw"]
        assert real.heard.events == []


def test_a_call_that_hangs_costs_its_process_alone_and_ends_when_the_driver_answers(nvml: FakeNvml) -> None:
    with closing(RealWatch(silent_s=6.0)) as real:
        real.until(lambda figures: figures.gpus, "a sample")
        first = real.watch._child
        assert first is not None
        nvml.answer(nvmlDeviceGetMemoryInfo=HANGS)

        real.until(lambda _: real.heard.names == ["gpu_watch_stale"], "the hang to be said")
        figures = real.until(lambda _: first.poll() is not None, "the end of the process that hangs")
        assert (first.poll(), figures.gpus) == (-signal.SIGKILL, ())

        nvml.answer(nvmlDeviceGetMemoryInfo=0)
        real.until(lambda _: real.heard.names == ["gpu_watch_stale", "gpu_watch_back"], "samples again")


def test_a_library_that_crashes_ends_its_process_alone(nvml: FakeNvml) -> None:
    with closing(RealWatch()) as real:
        real.until(lambda figures: figures.gpus, "a sample")
        first = real.watch._child
        assert first is not None
        nvml.answer(nvmlDeviceGetTemperatureV=CRASHES)
        real.until(lambda _: first.poll() is not None, "the crash")
        assert first.poll() == -signal.SIGABRT

        nvml.answer(nvmlDeviceGetTemperatureV=0)
        real.until(lambda _: real.watch._child not in (None, first), "another process")
        real.until(lambda figures: figures.gpus and (figures.age_s or 9) < 1, "a new sample")


def test_a_gpu_that_falls_off_the_bus_is_told_by_the_process(nvml: FakeNvml) -> None:
    with closing(RealWatch()) as real:
        real.until(lambda figures: figures.gpus, "a sample")
        nvml.answer(nvmlDeviceGetHandleByIndex_v2=GPU_IS_LOST)

        [gpu] = real.until(lambda figures: figures.gpus and figures.gpus[0].is_lost, "the loss").gpus

        assert gpu == GpuFigures(1, is_lost=True)
        assert real.heard.events == [("gpu_lost", "error")]


def test_a_driver_that_comes_later_is_found(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml.answer(nvmlInitWithFlags=DRIVER_NOT_LOADED)
    with closing(RealWatch()) as real:
        real.until(lambda _: real.heard.names == ["gpu_not_watched"], "the note")
        assert "Driver Not Loaded; load the driver" in real.heard.details[0]
        first = real.watch._child
        nvml.answer(nvmlInitWithFlags=0)

        assert real.until(lambda figures: figures.gpus, "a sample").gpus[0].name == "Fake RTX 1"
        assert real.watch._child is first  # where there never is a driver, no interpreter starts again and again


def test_without_the_package_the_process_ends_for_good(nvml: FakeNvml, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (tmp_path / "pynvml.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    with closing(RealWatch()) as real:
        seen: list[Any] = []  # it may be gone by the turn that brings its note
        real.until(lambda _: seen.append(real.watch._child) or real.heard.names == ["gpu_not_watched"], "the note")
        real.until(lambda _: real.watch._child is None, "its end")

        first = next(child for child in seen if child is not None)
        assert first.poll() == 0
        assert real.watch.turn().age_s is None
        assert "nvidia-ml-py is not installed" in real.heard.details[0]
