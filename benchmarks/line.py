"""The real daemon in processes of its own, on a replay camera, and what it says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from benchmarks.ear import Ear, Heard, Silent
from benchmarks.figures import Window
from benchmarks.processes import CpuTime, cpu_time, family, reap
from benchmarks.subject import Subject
from edge_inspector.client.keys import ClientKeys
from edge_inspector.run.child import end_with_parent

LINE = "bench"
START_S = 60.0
JUDGED = {"ok", "defect", "below_area"}
"""Reasons of a part that the model was asked about."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How a line differs from the plainest one."""

    rate_hz: float | None = None
    """None plays as fast as the line takes them."""
    profile: str = "latency"
    is_null: bool = False
    """No model at all: what is left is the system."""
    keep: tuple[str, ...] = ()
    """Outcomes of which evidence is kept, as annotated JPEG."""
    waits_for: int = 1
    """Subscribers that the first frame waits for."""
    sections: dict[str, Any] = field(default_factory=dict)
    """Further blocks of the configuration, or others in the place of its own."""
    keys: Path | None = None
    """Folder of keys, in which `bench.key` is authorised; None for endpoints without keys."""
    environment: dict[str, str] | None = None
    """None for this process's own."""
    program: str = "edge_inspector.cli.main"
    """Module that is run; another one does something beside."""
    before: tuple[str, ...] = ()
    """Words in front of the command, that end by becoming it."""
    log_fd: int | None = None
    """Descriptor that its log goes to; None for a file, whose last line tells why it did not start."""


class Line:
    """One daemon, started; ready when the constructor returns. Use it as a context manager."""

    def __init__(self, subject: Subject, knobs: Knobs, *, listens: bool = True) -> None:
        """Write the configuration, start the program.

        Args:
            subject: Bundle and frames.
            knobs: What is special about this line.
            listens: Subscribe, and wait until it is ready. Otherwise somebody else subscribes.

        Raises:
            Silent: It ended, or was not ready in time; with its last words.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        folder = Path(self._folder.name)
        *ports, self.metrics_port = free_ports(4)
        self.signals, telemetry, self.service = (f"tcp://127.0.0.1:{port}" for port in ports)
        config = _config(subject, knobs, self.metrics_port)
        config["endpoints"] = {"signals": self.signals, "telemetry": telemetry, "service": self.service}
        if knobs.keys is not None:
            config["endpoints"]["curve"] = {"keys": str(knobs.keys)}
        path = folder / "line.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        self._n_tiles = subject.n_tiles
        own = None if knobs.keys is None else ClientKeys.load(knobs.keys / "bench.key")
        self._ear = Ear(LINE, self.signals, own) if listens else None
        self._words = (folder / "stderr.txt").open("w+b")
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            [*knobs.before, sys.executable, "-m", knobs.program, "run", "--config", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=self._words,
            stderr=self._words if knobs.log_fd is None else knobs.log_fd,
            env=knobs.environment,
            # A bench that is killed leaves no line behind, which would disturb every later one.
            preexec_fn=partial(end_with_parent, os.getpid(), signal.SIGTERM),
        )
        self.ready_s = self._wait_ready() if listens else 0.0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ear(self) -> Ear:
        assert self._ear is not None
        return self._ear

    def family(self) -> dict[str, int]:
        """Return the process ids by name."""
        return family(self.pid)

    def cpu(self) -> dict[str, CpuTime]:
        """Return the CPU time of each process so far."""
        return {name: cpu_time(pid) for name, pid in self.family().items()}

    def figures(self) -> dict[str, float]:
        """Return the numbers of its metrics page by name, without the program's, and labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            rows = (row.rsplit(" ", 1) for row in answer.read().decode().splitlines() if not row.startswith("#"))
            return {name.removeprefix("edge_inspector_"): float(value) for name, value in rows}

    def window(self, warm_up_s: float, seconds: float) -> Window:
        """Let it work and count the verdicts that were sent within the window, by their own time of sending.

        Raises:
            Silent: A part was not judged: the window says nothing about judging.
        """
        time.sleep(warm_up_s)
        self.ear.drain()
        began_us, before = time.time_ns() // 1000, self.cpu()
        time.sleep(seconds)
        ended_us, after = time.time_ns() // 1000, self.cpu()
        verdicts = [heard for heard in self.ear.drain() if heard.kind == "verdict"]
        moments = [v.header.t_utc_us for v in verdicts if began_us <= v.header.t_utc_us < ended_us]
        demand_judged(verdicts)
        if len(moments) < 2:
            raise Silent(f"{len(moments)} verdicts in {seconds:g} s")
        per_s = (len(moments) - 1) / (moments[-1] - moments[0]) * 1e6 * self._n_tiles
        cpu_s = sum((after[name] - before[name]).total_s for name in before)
        return Window(per_s, cpu_s * 1000 / (len(moments) * self._n_tiles))

    def verdicts(self, n: int, rate_hz: float, skip: int = 20) -> list[Heard]:
        """Return `n` verdicts as they come, after some to warm up."""
        found: list[Heard] = []
        ends = time.monotonic() + START_S + 4 * (n + skip) / rate_hz
        while len(found) < n + skip:
            heard = self.ear.next(1.0)
            if heard is not None and heard.kind == "verdict":
                found.append(heard)
            if time.monotonic() > ends:
                raise Silent(f"only {len(found)} of {n + skip} verdicts came in time")
        return found[skip:]

    def stop(self) -> dict[str, Any]:
        """Ask it to end in good order; returns the body of its last heartbeat."""
        self._process.terminate()
        heard = self.ear.until(lambda m: m.kind == "hb" and m.body["state"] == "Halted", START_S, "the last heartbeat")
        self._process.wait(START_S)
        return heard[-1].body

    def send(self, number: signal.Signals, name: str = "main") -> None:
        """Send a signal to one of the processes."""
        os.kill(self.family()[name], number)

    def _wait_ready(self) -> float:
        while time.monotonic() - self.began < START_S:
            heard = self.ear.next(0.2)
            if heard is not None and heard.kind == "hb" and heard.body["ready"]:
                return time.monotonic() - self.began
            if self._process.poll() is not None:
                break
        why = self._last_words()
        self.close()
        raise Silent(f"the line did not get ready: {why}")

    def _last_words(self) -> str:
        self._words.flush()
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """End whatever still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            reap(self._process, 20)
        if self._ear is not None:
            self._ear.close()
        self._words.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def demand_judged(verdicts: list[Heard]) -> None:
    """Raise Silent if the model was not asked about a part: a fast UNKNOWN is no performance."""
    reasons = [verdict.body["reason"] for verdict in verdicts]
    odd = sorted({reason for reason in reasons if reason not in JUDGED})
    if odd:
        raise Silent(f"{sum(reason in odd for reason in reasons)} of {len(reasons)} parts not judged: {', '.join(odd)}")


def free_ports(n: int) -> list[int]:
    """Return ports of the loopback that nobody listens on now, each another one."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(n)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _config(subject: Subject, knobs: Knobs, metrics_port: int) -> dict[str, Any]:
    height, width, channels = subject.frame_hwc
    camera = {
        "kind": "replay",
        "folder": str(subject.pictures),
        "frame": {"width": width, "height": height, "channels": channels},
        "rate_hz": knobs.rate_hz,
        "loop": True,
        "wait_for_subscribers": knobs.waits_for,
    }
    config: dict[str, Any] = {
        "line": LINE,
        "camera": camera,
        "model": {"bundle": str(subject.bundle), "unsigned": "allow"},
        "metrics": {"port": metrics_port},
        "state_dir": "state",
        "log": "warning",
    }
    if knobs.is_null:
        config["model"]["provider"] = "null"
    if knobs.profile != "latency":
        config["performance"] = {"profile": knobs.profile}
    if knobs.keep:
        config["evidence"] = {"folder": "evidence", "keep": list(knobs.keep), "quota_mb": 500, "min_free_mb": 100}
    return config | knobs.sections
