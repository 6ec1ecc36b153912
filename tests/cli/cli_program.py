"""The program as a person starts it: in a process of its own, in a folder of its own. All of it is ended here."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from fakes.ports import free_ports
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.client.subscriber import Message, Subscriber

MARK = "EDGE_INSPECTOR_TEST_MARK"
WAIT_S = 40.0
FRAME = {"width": 128, "height": 112, "channels": 3}


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """What a person reads; never a traceback."""
        assert "Traceback" not in self.err + self.out, self.err
        return self.err


class Sandbox:
    """A folder with a configuration, a tiny bundle and free ports; ends whatever was started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = uuid.uuid4().hex
        names = ("signals", "telemetry", "service", "metrics")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._processes: list[subprocess.Popen[str]] = []

    def config(self, camera: dict[str, Any] | None = None, **sections: Any) -> Path:
        """Write a configuration and, if there is none, its bundle; return the file."""
        if not (self.folder / "bundle").exists():
            write_tiny_bundle(self.folder / "bundle", tile=(64, 64), channels=3)
        given = {
            "line": "cli",
            "camera": {"kind": "synthetic", "frame": FRAME} | (camera or {}),
            "model": {"bundle": "bundle", "unsigned": "allow", "threads": 1},
            "endpoints": {n: f"tcp://127.0.0.1:{p}" for n, p in self.ports.items() if n != "metrics"},
            "metrics": {"port": self.ports["metrics"]},
            "state_dir": "state",
        }
        file = self.folder / "line.yaml"
        file.write_text(yaml.safe_dump(given | sections, sort_keys=False), encoding="utf-8")
        return file

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start the program; stdout and stderr are pipes."""
        return self._start(["-m", "edge_inspector.cli.main", *map(str, arguments)], options)

    def start_python(self, code: str, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start other code; stdout and stderr are pipes."""
        return self._start(["-u", "-c", code, *map(str, arguments)], {})

    def _start(self, arguments: list[str], options: dict[str, Any]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=os.environ | {MARK: self._mark, "COLUMNS": "200"},
            **options,
        )
        self._processes.append(process)
        return process

    def say(self, *arguments: str | Path, timeout_s: float = WAIT_S) -> Said:
        """Run the program to its end."""
        return self.ended(self.start(*arguments), timeout_s)

    def ended(self, process: subprocess.Popen[str], timeout_s: float = WAIT_S) -> Said:
        """Wait for the end of a process and of everything it started."""
        out, err = process.communicate(timeout=timeout_s)
        wait_until(lambda: not self.pids(), 5.0, f"the end of {self.pids()}, which outlived the command")
        return Said(process.returncode, out, err)

    def pids(self) -> list[int]:
        """Return every process that was started here and still runs, those of the program's own included."""
        wanted = f"{MARK}={self._mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def listen(self) -> Subscriber:
        """Return a client of signals and telemetry; a context manager."""
        return Subscriber("cli", [f"tcp://127.0.0.1:{self.ports[name]}" for name in ("signals", "telemetry")])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                pipe.close()


def wait_until(is_true: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Return the first true answer; AssertionError when none came within the time."""
    ends = time.monotonic() + timeout_s
    while not (answer := is_true()):
        assert time.monotonic() < ends, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.01)
    return answer


def heard(subscriber: Subscriber, wanted: Callable[[Message], bool], timeout_s: float = WAIT_S) -> Message:
    """Return the next message that is wanted."""
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        message = subscriber.receive(0.2)
        if message is not None and wanted(message):
            return message
    raise AssertionError(f"no such message within {timeout_s:g} s")


def is_event(name: str) -> Callable[[Message], bool]:
    return lambda message: message.kind == "event" and message.body["name"] == name


@contextlib.contextmanager
def squatter() -> Iterator[int]:
    """Hold a port, as another program would."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def viky(**changes: Any) -> dict[str, Any]:
    """Return a camera block for the simulated producer."""
    camera = {"kind": "genicam", "cti": "viky", "serial": "1", "pixel_format": "RGBa8", "frame": FRAME}
    return camera | changes


def has_all(text: str, words: Sequence[str]) -> bool:
    """Return whether a text holds all words, wherever its lines break."""
    flat = " ".join(text.split())
    missing = [word for word in words if word not in flat]
    assert not missing, f"{missing} not in: {flat}"
    return True
