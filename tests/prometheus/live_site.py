"""A plant of five lines under one Prometheus, and how each alert is provoked there."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import cv2
import onnx
import yaml
import zmq
from daemon import FRAME_HW, PROGRAM, START_S, Line, wait_until
from fakes.nvml import GPU_IS_LOST, HANGS, FakeNvml
from fakes.tiny_bundle import draw_tile, write_tiny_bundle
from keyed import key_of, keys_verb
from prometheus_server import PrometheusServer

from edge_inspector.client.subscriber import ask
from edge_inspector.observe.gpu_figures import THROTTLE_REASONS

FACTOR = 30
"""Durations of the rules are so many times shorter here: a minute is 2 s, in which the page changes twice."""
GOOD_S = 55
"""Of the line whose parts become bad. Its share is over twice that of all its time as long as the bad time is
shorter than the good one, and must be so for 12 s after the first 60 that are seen."""
NEVER_FREE_MB = 10**9
MORTAL = """
import pathlib
from edge_inspector.cli.main import main
from edge_inspector.signal.authenticator import Authenticator
look = Authenticator._look
def mortal(self, *given, **named):
    if pathlib.Path({killer!r}).exists():
        raise RuntimeError("made to die")
    look(self, *given, **named)
Authenticator._look = mortal
main()
"""
"""The program, whose authenticator dies while a file exists."""


class LiveSite:
    """press-1 is in order; the parts of press-2 turn bad; press-3 is too slow and its disks refuse; press-4 is dark.

    press-5 computes on a GPU that is hot and full, or would: the driver is a stand-in, and CUDA is not there.
    """

    def __init__(self, folder: Path, stack: ExitStack, compiler: str) -> None:
        """Write five configurations; `stack` ends what is started, `compiler` makes the driver."""
        self._stack = stack
        self._fired: dict[tuple[str, str], dict[str, Any]] = {}
        evidence = {"folder": "evidence", "quota_mb": 1, "min_free_mb": 0}
        camera = {"rate_hz": 20.0, "wait_for_subscribers": 0}
        zones = [{"name": "left", "polygon": [[0, 0], [56, 0], [56, 63], [0, 63]]}]
        good, bad = ([picture(seed, spot) for seed in range(9)] for spot in (0, 16))
        self.orderly = self._line(
            folder / "press-1",
            camera={**camera, "defect_every": 4},
            decide={"deadline_ms": 2000.0},
            evidence=evidence,
            regions={"zones": zones},
        )
        turning = [good[at % 9] for at in range(10 * GOOD_S)] + [bad[at % 9] for at in range(1000)]
        self.turning = self._line(folder / "press-2", camera=replay(folder / "press-2", turning))
        self.slow = self._line(
            folder / "press-3",
            camera=camera,
            decide={"deadline_ms": 0.001},
            evidence=evidence | {"min_free_mb": NEVER_FREE_MB},
        )
        self.dark = self._line(
            folder / "press-4",
            camera=replay(folder / "press-4", [picture(0, 0) * 0] * 9),
            image_health={"black": "fault"},
        )
        self.on_gpu = self._line(folder / "press-5", camera=camera | {"rate_hz": 1.0}, model={"provider": "cuda"})
        self._nvml = FakeNvml(folder / "press-5", compiler)
        self._nvml.answer(reasons=THROTTLE_REASONS["thermal_hw"], used=5_900_000_000, total=6_000_000_000)
        self._lines = {f"press-{at}": line for at, line in enumerate(self._all(), start=1)}
        server = folder / "prometheus"
        server.mkdir()
        targets = {name: line.metrics_port for name, line in self._lines.items()}
        self.prometheus = PrometheusServer(server, targets, FACTOR)

    def start(self) -> Self:
        """Start everything, and provoke what needs time."""
        give_keys(self.orderly)
        other_build(self.turning)
        program = ["-c", MORTAL.format(killer=str(self.killer))]
        self.orderly.start(program=program)
        self.slow.start({"EDGE_INSPECTOR_FAILPOINTS": "journal.before_sync=refuse@20-100000"})
        self.dark.start()
        self.on_gpu.start(self._nvml.environment)
        for line in (self.orderly, self.slow, self.dark, self.on_gpu):
            has_parts(line)
        has_parts(self.turning.start())  # last: all of its good time shall be seen
        # Not before: a start takes some seconds, which is longer than half a minute here.
        self._stack.enter_context(self.prometheus)
        switch(self.slow, "bypass")
        switch(self.dark, "drill")
        self._acknowledge()
        return self

    def wait_for(self, alert: str, line: str, timeout_s: float) -> dict[str, Any]:
        """Return an alert of a line (empty: of none) once it fires: its labels and annotations."""
        what = f"{alert} of {line or 'all lines'} to fire"
        found: dict[str, Any] = wait_until(lambda: self.fired(alert, line), timeout_s, what)
        return found

    def fired(self, alert: str, line: str) -> dict[str, Any] | None:
        """Return an alert of a line that fires or was seen to fire; None if it was not."""
        for firing in self.prometheus.firing():
            self._fired.setdefault((firing["labels"]["alertname"], firing["labels"].get("line", "")), firing)
        return self._fired.get((alert, line))

    @property
    def killer(self) -> Path:
        """While it exists, the authenticator of press-1 dies."""
        return self.orderly.folder / "killer"

    @contextmanager
    def held_journal(self) -> Iterator[None]:
        """Hold the journal of press-3 as a foreign program would: parts come, and none gets a verdict."""
        files = [
            sqlite3.connect(path, isolation_level=None, timeout=5.0) for path in self.slow.journal_folder.glob("*.db")
        ]
        try:
            for file in files:
                file.execute("BEGIN IMMEDIATE")
            yield
        finally:
            for file in files:
                file.close()

    def freeze_inspect_of_the_dark_line(self) -> None:
        """Stop the process that judges, once; the daemon replaces it after 5 s."""
        os.kill(self.dark.child("inspect"), signal.SIGSTOP)

    def take_the_camera_of_the_dark_line(self) -> None:
        """Take its pictures away and end its process: a new one finds nothing."""
        shutil.rmtree(self.dark.folder / "pictures")
        os.kill(self.dark.child("camera"), signal.SIGKILL)

    def kill_the_turning_line(self) -> None:
        """Kill main; its children die with it."""
        self.turning.children()
        os.kill(self.turning.pid, signal.SIGKILL)

    def lose_the_gpu(self) -> None:
        """Have the GPU of press-5 fall off its bus."""
        self._nvml.answer(nvmlDeviceGetHandleByIndex_v2=GPU_IS_LOST)

    def hang_the_driver(self) -> None:
        """Have the driver of press-5 answer nothing any more."""
        self._nvml.answer(nvmlInitWithFlags=HANGS, nvmlDeviceGetHandleByIndex_v2=HANGS)

    def end_cameras_of_the_slow_line(self) -> None:
        """Kill each camera process that comes, four times."""
        for _ in range(4):
            pid = self.slow.child("camera")
            os.kill(pid, signal.SIGKILL)
            assert self.slow.has_ended(pid, 5.0)

    def knock(self) -> None:
        """Try to get in to press-1 without a key, until eight times are counted; a refused socket tries no more."""
        refused = 'sum(edge_inspector_handshakes_refused_total{line="press-1"})'
        for _ in range(8):
            before = self.prometheus.query(refused)[0]["value"][1]
            with zmq.Context() as context, context.socket(zmq.DEALER) as client:
                client.setsockopt(zmq.LINGER, 0)
                client.connect(self.orderly.endpoints["service"])
                wait_until(
                    lambda before=before: self.prometheus.query(refused)[0]["value"][1] != before, 20, "the refusal"
                )

    def _line(self, folder: Path, **settings: Any) -> Line:
        folder.mkdir(exist_ok=True)
        return self._stack.enter_context(Line(folder, line=folder.name, **settings))

    def _all(self) -> tuple[Line, ...]:
        return self.orderly, self.turning, self.slow, self.dark, self.on_gpu

    def _acknowledge(self) -> None:
        """Have a gate of press-1 acknowledge twice, and then never again."""
        key = key_of(self.orderly, "gate-1", "gate")
        service = self.orderly.endpoints["service"]
        for upto in (5, 10):
            hello = wait_until(lambda: ask(service, {"op": "hello", "id": 1}, 5.0, key), START_S, "hello")
            outcomes = [{"seq": upto, "outcome": "fired"}]
            request = {"op": "ack", "id": 2, "consumer": "gate-1", "epoch": hello["epoch"], "upto": upto}
            assert ask(service, request | {"outcomes": outcomes}, 5.0, key) == {"id": 2, "ok": True}
            mine = f'edge_inspector_consumer_acked_seq{{consumer="gate-1"}} == {upto}'
            wait_until(lambda mine=mine: self.prometheus.query(mine), 20, "the acknowledgement among the metrics")


def has_parts(line: Line) -> None:
    """Wait until a line counts parts."""
    wait_until(lambda: (line.figure("triggers_total") or 0) > 0, START_S, f"parts of {line.folder.name}")


def picture(seed: int, spot_px: int) -> Any:
    """Return one picture of the lines' frame, with a dark spot or without."""
    return draw_tile(FRAME_HW, 1, seed, spot_px)


def replay(folder: Path, pictures: list[Any]) -> dict[str, Any]:
    """Write pictures and return the camera that plays them, ten a second."""
    pictures_folder = folder / "pictures"
    pictures_folder.mkdir(parents=True)
    known: dict[bytes, Path] = {}
    for at, pixels in enumerate(pictures):
        path = pictures_folder / f"{at:05}.png"
        first = known.setdefault(pixels.tobytes(), path)
        if first is path:
            cv2.imwrite(str(path), pixels)
        else:
            path.hardlink_to(first)
    return {"kind": "replay", "folder": "pictures", "rate_hz": 10.0, "loop": True, "wait_for_subscribers": 0}


def give_keys(line: Line) -> None:
    """Encrypt a line that does not run yet; it stays on loopback."""
    keys_verb(line, "new", "server")
    config = yaml.safe_load(line.config.read_text())
    config["endpoints"]["curve"] = {"keys": "keys"}
    line.config.write_text(yaml.safe_dump(config))


def other_build(line: Line) -> None:
    """Give a line that does not run yet another build of the same model."""
    model = onnx.load(line.folder / "bundle" / "model.onnx")
    model.doc_string = "another build"
    graph = model.SerializeToString()
    write_tiny_bundle(line.folder / "bundle", tile=(64, 64), channels=1, version="1.1.0", graph_bytes=graph)


def switch(line: Line, mode: str) -> None:
    """Switch bypass or drill mode on, as a person does."""
    command = [
        sys.executable,
        *PROGRAM,
        mode,
        "on",
        "--config",
        str(line.config),
        "--minutes",
        "20",
        "--reason",
        "test",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
