"""Which lines inspect, read from a kernel's list of processes."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.doctor.processes import inspecting


def process(proc: Path, pid: int, parent: int, *command: str) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} (python) S {parent} 1 1 0 -1")
    (proc / str(pid) / "cmdline").write_bytes(b"\0".join(word.encode() for word in command) + b"\0")


def test_every_line_that_inspects_is_found_but_the_one_that_is_left_out(tmp_path: Path) -> None:
    for main in (10, 20):
        process(tmp_path, main, 1, "edge-inspector", "run", "-c", "line.yaml")
        process(tmp_path, main + 1, main, "python", "-m", "edge_inspector.app.camera", "3")
        process(tmp_path, main + 2, main, "python", "-m", "edge_inspector.app.inspect", "4")

    assert inspecting(None, tmp_path) == [12, 22]
    assert inspecting(10, tmp_path) == [22]
