"""The real program in processes of its own, and witnesses in theirs. Everything started here is ended here."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
import zmq
from computer import command_of
from fakes.pipes import is_readable
from fakes.ports import free_ports
from fakes.tiny_bundle import write_tiny_bundle
from transcript import check_transcript
from witness import Heard, heard

FRAME_HW = (64, 112)
"""Two tiles of 64x64 that share 16 pixels."""
POLL_S = 0.01
PROGRAM = ("-m", "edge_inspector.cli.main")
START_S = 40.0
"""Three interpreters and ONNX Runtime start on two shared cores."""
WITNESS = Path(__file__).with_name("witness.py")


def wait_until(is_true: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Return the first true answer; AssertionError when none came within the time."""
    ends = time.monotonic() + timeout_s
    while not (answer := is_true()):
        assert time.monotonic() < ends, f"waited {timeout_s:g} s for {what}"
        time.sleep(POLL_S)
    return answer


class Listener:
    """A witness process, and what it has written so far."""

    def __init__(self, line: str, endpoints: dict[str, str], out: Path) -> None:
        self.out = out
        out.touch()
        command = [sys.executable, str(WITNESS), "--line", line, "--out", str(out)]
        command += ["--signals", endpoints["signals"], "--telemetry", endpoints["telemetry"]]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._messages: list[Heard] = []
        self._at = 0

    def records(self) -> list[str]:
        """Return the whole lines written so far."""
        return [line for line in self.out.read_text(encoding="utf-8").splitlines(True) if line.endswith("\n")]

    def messages(self, kind: str | None = None) -> list[Heard]:
        """Return what was heard so far, in order."""
        with self.out.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._at += len(whole)
        self._messages += [message for row in whole.splitlines() if (message := heard(row.decode())) is not None]
        return [message for message in self._messages if kind in (None, message.kind)]

    def wait_for(self, kind: str, wanted: Callable[[Heard], bool], after: int = 0, timeout_s: float = START_S) -> Heard:
        """Return the first message of a kind that is wanted, leaving out the first `after` of that kind."""
        found = wait_until(
            lambda: next((m for m in self.messages(kind)[after:] if wanted(m)), None), timeout_s, f"a {kind} message"
        )
        assert isinstance(found, Heard)
        return found

    def wait_for_verdicts(self, n: int, timeout_s: float = START_S) -> list[Heard]:
        """Return the verdicts once there are `n`."""
        wait_until(lambda: len(self.messages("verdict")) >= n, timeout_s, f"{n} verdicts")
        return self.messages("verdict")

    def end(self) -> None:
        """Let it write what still comes, and reap it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        assert code == 0, f"the witness ended with {code}"

    def violations(self, **options: Any) -> list[str]:
        """Return every rule that the line broke, once it has ended."""
        return check_transcript(self.records(), **{"line": "e2e", "frame_hw": FRAME_HW, **options})


class Line:
    """A configuration in a folder of its own, and the daemon that runs it. Use it as a context manager."""

    def __init__(
        self,
        folder: Path,
        camera: dict[str, Any] | None = None,
        *,
        journal_mb: int = 1,
        segments: int = 4,
        **sections: Any,
    ) -> None:
        """Write bundle and configuration.

        Args:
            folder: Empty.
            camera: Keys of a synthetic camera besides its frame.
            journal_mb: Of one segment of the journal; small, so that it is changed often.
            segments: That the journal keeps; then the oldest goes.
            sections: Further blocks of the configuration, such as `decide`; `model` is merged.
        """
        self.folder = folder
        # In memory: what else this computer writes to its disk must not make a commit slow.
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self._journal = tempfile.TemporaryDirectory(prefix="journal-", dir=base)
        self.journal_folder = Path(self._journal.name) / "journal"
        names = ("signals", "telemetry", "service")
        *ports, self.metrics_port = free_ports(4)
        self.endpoints = {name: f"tcp://127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}
        write_tiny_bundle(folder / "bundle", tile=(64, 64), channels=1)
        height, width = FRAME_HW
        frame = {"height": height, "width": width, "channels": 1}
        config = {
            "line": "e2e",
            "camera": {"kind": "synthetic", "frame": frame, "rate_hz": None, "wait_for_subscribers": 1}
            | (camera or {}),
            "model": {"bundle": "bundle", "unsigned": "allow", "threads": 1} | sections.pop("model", {}),
            "tiling": {"overlap": 16},
            "endpoints": dict(self.endpoints),
            "metrics": {"port": self.metrics_port},
            "journal": {"folder": str(self.journal_folder), "max_mb": segments * journal_mb, "segment_mb": journal_mb},
            "state_dir": "state",
        }
        self.config = folder / "line.yaml"
        self.config.write_text(yaml.safe_dump(config | sections), encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None
        self._pid_fds: dict[int, int] = {}
        self._listeners: list[Listener] = []
        self._runs = 0

    def start(
        self, env: dict[str, str] | None = None, program: Sequence[str] = PROGRAM, prefix: Sequence[str] = ()
    ) -> Self:
        """Start the program; again after it has ended.

        Args:
            env: Added to this process's own.
            program: What Python is told to run, before the arguments.
            prefix: A command that becomes the program, such as `unshare`.
        """
        self._runs += 1
        command = [*prefix, sys.executable, *program, "run", "--config", str(self.config)]
        with (self.folder / f"stderr-{self._runs}.txt").open("wb") as stderr:
            self.process = subprocess.Popen(
                command, stdout=stderr, stderr=stderr, stdin=subprocess.DEVNULL, env=os.environ | (env or {})
            )
        return self

    def listen(self, name: str = "heard") -> Listener:
        """Start one more witness."""
        listener = Listener("e2e", self.endpoints, self.folder / f"{name}.jsonl")
        self._listeners.append(listener)
        return listener

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Every witness so far."""
        return tuple(self._listeners)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def stderr(self) -> str:
        """Return what all runs wrote so far."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("stderr-*.txt")))

    def children(self) -> dict[str, int]:
        """Return the pids of the processes below the daemon by name: `camera`, `inspect`."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) != self.pid:
                    continue
                words = (entry / "cmdline").read_bytes().split(b"\0")
                pid = int(entry.name)
                if pid not in self._pid_fds:
                    self._pid_fds[pid] = os.pidfd_open(pid)
                name = next((w.rsplit(b".", 1)[1].decode() for w in words if w.startswith(b"edge_inspector.app.")), "")
                found[name] = pid
        return found

    def children_named(self, name: str) -> list[int]:
        """Return the pids of all children of one kind, in the order in which they were started."""
        self.children()
        alive = [pid for pid in sorted(self._pid_fds) if not self.has_ended(pid, 0.0)]
        return [pid for pid in alive if f"edge_inspector.app.{name}".encode() in command_of(pid)]

    def child(self, name: str) -> int:
        """Return the pid of one child, once it runs."""
        return int(wait_until(lambda: self.children().get(name), START_S, f"the {name} process"))

    def has_ended(self, pid: int, timeout_s: float) -> bool:
        """Return whether a child that `children` has seen ends within the time."""
        return is_readable(self._pid_fds[pid], timeout_s)

    def wait_exit(self, timeout_s: float) -> int:
        """Return the exit code of the daemon, and see that it left no process behind."""
        assert self.process is not None
        code = self.process.wait(timeout_s)
        left = [pid for pid in self._pid_fds if not self.has_ended(pid, 2.0)]
        assert left == [], f"processes {left} outlived the daemon"
        return code

    def stop(self, timeout_s: float = 15.0) -> int:
        """Ask it to end in good order; returns its exit code, when all witnesses have written all."""
        assert self.process is not None
        self.children()
        self.process.terminate()
        code = self.wait_exit(timeout_s)
        self.end_listeners()
        return code

    def end_listeners(self) -> None:
        """Let every witness write what still comes."""
        for listener in self._listeners:
            listener.end()

    def page(self) -> str:
        """Return the text of /metrics, empty while there is none."""
        request = b"GET /metrics HTTP/1.0\r\n\r\n"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.metrics_port), 2.0) as client:
            client.sendall(request)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            head, _, text = answer.partition(b"\r\n\r\n")
            return text.decode() if b" 200 " in head.splitlines()[0] else ""
        return ""

    def figure(self, name: str) -> float | None:
        """Return an unlabelled number of the page; None while it is not there."""
        rows = (row.split() for row in self.page().splitlines() if not row.startswith("#"))
        return next((float(row[1]) for row in rows if row[0] == f"edge_inspector_{name}"), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.end_listeners()
        for fd in self._pid_fds.values():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            os.close(fd)
        self._journal.cleanup()
        if self._runs:  # pytest shows it where a test failed
            sys.stderr.write(f"--- the daemon said:\n{self.stderr()[-6000:]}\n")


StartLine = Callable[..., Line]
"""What the fixture `make_line` gives."""


class Client:
    """A raw client of the service endpoint."""

    def __init__(self, line: Line, kind: int) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(line.endpoints["service"])

    def ask(self, *frames: bytes, timeout_s: float = 5.0) -> Any:
        """Send frames and return the answer; None if none came within the time."""
        self._socket.send_multipart(frames)
        if not self._socket.poll(timeout_s * 1000):
            return None
        return json.loads(self._socket.recv_multipart()[-1])

    def close(self) -> None:
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
