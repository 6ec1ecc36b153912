"""How the cores are shared out: what cannot work is told at its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from settings_samples import GOOD

from edge_inspector.settings.performance import CoreSettings, PerformanceSettings, missing_cores

Complaints = Callable[[str], list[str]]

TURN = "turning threads would take time from them; leave `spin` out"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{workers: 2}", "workers: 2 workers are for `profile: throughput`; with latency leave the key out"),
        ("{cores: {camera: [1, 2, 1]}}", "cores.camera: core 1 stands twice; once is enough"),
        ("{spin: true}", f"spin: cores.inspect names no cores, so it shares all: {TURN}"),
        ("{spin: true, cores: {inspect: [1], main: [0]}}",
         f"spin: cores.camera names no cores, so it may use those of inspect: {TURN}"),
        ("{spin: true, cores: {inspect: [1, 2], main: [2, 0, 1], camera: [0]}}",
         f"spin: core 1, 2 belongs to inspect and main: {TURN}"),
        ("{nice: {inspect: -21}}", "nice.inspect: must be a whole number from -20 to 19, not -21"),
    ],
)  # fmt: skip
def test_cores_that_cannot_be_shared_out_like_that_are_told(complaints: Complaints, given: str, expected: str) -> None:
    assert complaints(f"{GOOD}performance: {given}\n") == [f"10: performance.{expected}"]


@pytest.mark.parametrize("cores", ["[]", "[-1]", "[1.5]", "3", "['0']", "[9999]"])
def test_what_is_no_list_of_cores_is_a_mistake(complaints: Complaints, cores: str) -> None:
    [told] = complaints(f"{GOOD}performance: {{cores: {{inspect: {cores}}}}}\n")

    assert told.startswith("10: performance.cores.inspect")


@pytest.mark.parametrize(
    "given",
    [
        "{}",
        "{profile: throughput, workers: 2}",
        "{spin: true, cores: {inspect: [2, 3], camera: [0], main: [0, 1]}}",
        "{nice: {inspect: -10, camera: 3}}",
    ],
)
def test_cores_that_can_be_shared_out_like_that_are_no_mistake(complaints: Complaints, given: str) -> None:
    assert complaints(f"{GOOD}performance: {given}\n") == []


def test_threads_that_spin_are_refused_where_the_library_has_no_such_switch(complaints: Complaints) -> None:
    spin = "performance: {spin: true, cores: {inspect: [2, 3], camera: [0], main: [0, 1]}}\n"
    text = GOOD.replace("bundle: bundle", "bundle: bundle\n  provider: openvino") + spin

    assert complaints(text) == [
        "9: model.provider: openvino decides by itself how its threads wait: leave performance.spin out, or write cpu"
    ]


def test_a_core_that_is_not_there_is_named_with_those_that_are() -> None:
    given = PerformanceSettings(cores=CoreSettings(inspect=[3, 9], main=[0], camera=[1]))

    assert list(missing_cores(given, {0, 1, 2})) == [
        (
            ("performance", "cores", "inspect"),
            "this program may not use core 3, 9 here, only 0, 1, 2; see `lscpu -e` and the service's CPUAffinity",
        )
    ]
