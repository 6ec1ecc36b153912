"""The producer under valgrind and the compilers' sanitizers, driven by a consumer in C."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from sim_child import MakeControls, require_compiler

from edge_inspector.simulator.build import FLAGS, SOURCES, build_producer, generated_header
from edge_inspector.simulator.config import CameraConfig, SimulationConfig
from edge_inspector.simulator.controls import Controls
from edge_inspector.simulator.faults import LEVELS, Fault

require_compiler()
HERE = Path(__file__).resolve().parent

_CAMERAS = tuple(CameraConfig(f"S{i}", width=64, height=16, stamped=True, padding_bytes=3) for i in range(2))
_ACCESS = {Fault.PORT_ERROR, Fault.SLOW_CONTROL, Fault.START_FAILURE, Fault.STOP_FAILURE}


def build_exercise(folder: Path, cti: Path, *flags: str) -> Path:
    """Compile the consumer against a producer."""
    (folder / "generated.h").write_text(generated_header())
    program = folder / "exercise"
    includes = [f"-I{SOURCES}", f"-I{folder}"]
    command = ["cc", *FLAGS, *flags, *includes, "-pthread", "-o", str(program), str(HERE / "exercise.c"), str(cti)]
    subprocess.run([*command, f"-Wl,-rpath,{cti.parent}"], check=True)
    return program


def faulty(controls: Controls) -> Controls:
    """Every fault of a frame comes now and then."""
    for camera in controls.cameras:
        for fault in set(Fault) - LEVELS - _ACCESS:
            camera.fail(fault, every=5 + fault)
    return controls


def run(command: list[str], controls: Controls, **environment: str) -> None:
    done = subprocess.run(
        command,
        env={**controls.environment(), **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.endswith("done\n")
    assert sum(camera.truth.delivered for camera in controls.cameras) > 50


def test_valgrind_finds_nothing(cti: str, make_controls: MakeControls, tmp_path: Path) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("there is no valgrind")
    program = build_exercise(tmp_path, Path(cti))
    strict = ["--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all"]

    run(["valgrind", "-q", *strict, str(program)], faulty(make_controls(SimulationConfig(_CAMERAS))))


# -Wno-tsan: gcc says that it does not follow the fence of the conveyor's snapshot; its writer is another process.
@pytest.mark.parametrize("sanitizer", [("address,undefined", "-Wall"), ("thread", "-Wno-tsan")], ids=lambda it: it[0])
def test_sanitizers_find_nothing(
    cti: str, builds: Path, make_controls: MakeControls, tmp_path: Path, sanitizer: tuple[str, str]
) -> None:
    flags = [f"-fsanitize={sanitizer[0]}", "-fno-sanitize-recover=all", sanitizer[1]]
    program = build_exercise(tmp_path, build_producer(builds, flags), *flags)

    run([str(program)], faulty(make_controls(SimulationConfig(_CAMERAS))))
