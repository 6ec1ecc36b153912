from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from genicam import gentl

from edge_inspector.acquire import genicam
from edge_inspector.core.errors import CameraNotFoundError


@dataclass
class FakeTime:
    """Stands for the module `time`."""

    now_s: float = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class FakeAcquirer:
    """Of a camera with a description; stands for its own remote device and node map too."""

    device: object
    remote_device: Any = None
    node_map: Any = None

    def __post_init__(self) -> None:
        self.remote_device = self.node_map = self

    def has_node(self, _name: str) -> bool:
        return True


@dataclass
class HeldHarvester:
    """Refuses a camera until its heartbeat timeout has passed."""

    time: FakeTime
    free_at_s: float
    configs: list[Any] = field(default_factory=list)

    def create(self, device: object, config: object) -> FakeAcquirer:
        self.configs.append(config)
        if self.time.now_s < self.free_at_s:
            raise gentl.AccessDeniedException("held")
        return FakeAcquirer(device)


def test_a_camera_that_a_killed_process_still_holds_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeTime()
    monkeypatch.setattr(genicam, "time", clock)
    harvester = HeldHarvester(clock, free_at_s=clock.now_s + 3.0)

    assert genicam.open_device(harvester, "S1", "cam0").device == "S1"


def test_a_camera_that_stays_held_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeTime()
    monkeypatch.setattr(genicam, "time", clock)
    harvester = HeldHarvester(clock, free_at_s=clock.now_s + 3600.0)

    with pytest.raises(
        CameraNotFoundError, match=r"cam0 is in use by another program: it denied access for 4 s \(held\); end"
    ):
        genicam.open_device(harvester, "S1", "cam0")


def test_each_try_gets_settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeTime()
    monkeypatch.setattr(genicam, "time", clock)
    harvester = HeldHarvester(clock, free_at_s=clock.now_s + 1.0)

    genicam.open_device(harvester, "S1", "cam0")

    assert len({id(config) for config in harvester.configs}) == len(harvester.configs)  # Harvesters alters them
