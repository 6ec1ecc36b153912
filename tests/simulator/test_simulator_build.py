"""Building the producer, and a whole simulation at once."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import sim_pictures
from fakes.alone import run_alone
from sim_child import require_compiler

from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.simulator import build
from edge_inspector.simulator.build import SOURCES, build_producer
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.features import FEATURES, addresses, n_registers
from edge_inspector.simulator.genapi_xml import MODULES, camera_xml, module_xml
from edge_inspector.simulator.names import is_simulator
from edge_inspector.simulator.rehearsal import Simulation

require_compiler()


def test_the_same_sources_are_compiled_once(cti: str, builds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("compiled again"))

    assert str(build_producer(builds)) == cti


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)

    with pytest.raises(CameraNotFoundError, match=r"no C compiler.*sudo apt-get install gcc libc6-dev"):
        build_producer(tmp_path)


def test_a_compiler_that_fails_is_quoted(cti: str, tmp_path: Path) -> None:
    with pytest.raises(CameraNotFoundError, match=r"could not be compiled \(.*no-such-flag"):
        build_producer(tmp_path / "cache", ["--no-such-flag"])

    assert list((tmp_path / "cache").iterdir()) == []  # nothing half made stays


def test_registers_lie_beside_each_other() -> None:
    at = addresses()
    used = sorted((at[each.name], at[each.name] + each.n_bytes * n_registers(each)) for each in FEATURES)

    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(used))
    assert all(at[each.name] % min(each.n_bytes, 8) == 0 for each in FEATURES)


@pytest.mark.parametrize("xml", [camera_xml(False), camera_xml(True), *map(module_xml, MODULES)])
def test_a_description_names_only_nodes_that_it_has(xml: str) -> None:
    root = ElementTree.fromstring(xml)
    names = {node.get("Name") for node in root.iter() if node.get("Name")}
    pointers = {"pFeature", "pValue", "pPort", "pMax", "pIsLocked", "pSelected", "pIndex"}
    named = {node.text for node in root.iter() if node.tag.split("}")[-1] in pointers}

    assert named - names == set()


def test_the_c_sources_keep_to_the_rules_of_the_python_ones() -> None:
    texts = {path.name: path.read_text().splitlines() for path in sorted(SOURCES.glob("*.[ch]"))}
    functions = {
        f"{name}: {lines[start]}": lines.index("}", start) - start + 1
        for name, lines in texts.items()
        for start, line in enumerate(lines)
        if line.endswith(") {") and not line.startswith(" ")
    }

    assert len(functions) > 150
    assert {name: n for name, n in functions.items() if n > 40} == {}
    assert {name: len(lines) for name, lines in texts.items() if len(lines) > 300} == {}
    assert [line for lines in texts.values() for line in lines if len(line) > 120] == []


def test_a_simulation_shows_pictures_of_a_folder(
    cti: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builds: Path
) -> None:
    monkeypatch.setattr("edge_inspector.simulator.rehearsal.build_producer", lambda: build_producer(builds))
    for i, value in enumerate((50, 60)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((8, 32), value, np.uint8))

    with Simulation(SimulationConfig((CameraConfig(frame_rate_hz=500),)), images=tmp_path) as line:
        shown = run_alone(sim_pictures.played, str(line.cti), 3, environment=line.environment())
        control = line.controls.path

    assert shown == [[50, 32, 8], [60, 32, 8], [50, 32, 8]]
    assert not control.exists()


def test_a_simulation_that_cannot_be_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.simulator.rehearsal.build_producer", lambda: Path("producer"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    with pytest.raises(CameraNotFoundError, match="no pictures"), Simulation(images=tmp_path / "none"):
        pytest.fail("entered")

    assert list(tmp_path.iterdir()) == []


def test_the_file_is_known_for_what_it_is(cti: str) -> None:
    assert is_simulator(cti)
    assert is_simulator("simulator")
    assert not is_simulator("/opt/maker/lib/maker.cti")
