"""What `demo` does: start the daemon, listen like any client, stop it in order, count."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from edge_inspector.cli.board import Board
from edge_inspector.client.subscriber import Message, Subscriber
from edge_inspector.client.wire import Flag
from edge_inspector.core.errors import EdgeInspectorError, ProcessError, UsageError
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.load import load_line

START_S = 60.0
"""A cold disk may take so long for the first heartbeat."""
STOP_S = 15.0


@dataclass
class Tally:
    """What came out."""

    verdicts: dict[str, int] = field(default_factory=lambda: {"PASS": 0, "REJECT": 0, "UNKNOWN": 0})
    agreed: int = 0
    escaped: int = 0
    """Parts with a defect that passed."""
    refused: int = 0
    """Good parts that did not pass."""
    latencies_ms: list[float] = field(default_factory=list)
    last_beat: dict[str, Any] | None = None

    def add(self, body: dict[str, Any], truth: str) -> None:
        """Count one verdict against the truth (`OK`, `DEFECT`, or empty when nobody knows which picture it was)."""
        self.verdicts[body["verdict"]] += 1
        self.latencies_ms.append(body["latency_us"] / 1000)
        has_passed = body["verdict"] == "PASS"
        self.agreed += int(truth == ("OK" if has_passed else "DEFECT"))
        self.escaped += int(truth == "DEFECT" and has_passed)
        self.refused += int(truth == "OK" and not has_passed)

    @property
    def n_parts(self) -> int:
        """Verdicts received."""
        return sum(self.verdicts.values())

    def latency_ms(self, share: float) -> float:
        """Return the latency that this share of the parts did not exceed."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Rehearsal:
    """One run of the demo."""

    def __init__(self, output: Path, parts: int | None) -> None:
        """Prepare.

        Args:
            output: Folder for everything that is written.
            parts: Stop after so many; None goes on until Ctrl-C.
        """
        self._output, self._parts = output, parts
        self._console = Console()
        self._shipped = shipped_folder()
        self._tally = Tally()
        self._heard_seq = 0
        self._is_stopping = False

    def run(self) -> int:
        """Run it; returns 0, or the daemon's exit code when that failed."""
        config = self._write_config()
        settings = load_line(config)
        truths = _truths(self._shipped / "config" / "demo")
        self._say_how_to_watch(settings)
        board = Board(self._console, "line demo: real steel, the shipped model", self._parts)
        endpoints = [settings.endpoints.signals]
        with (self._output / "daemon.log").open("w") as log, Subscriber(settings.line, endpoints) as subscriber:
            command = [sys.executable, "-m", "edge_inspector.cli.main", "run", "--config", str(config)]
            # Nobody stops it when this process is killed or its terminal closed.
            command += ["--parent", str(os.getpid())]
            # In a session of its own: Ctrl-C stops the demo, which then stops the daemon in order.
            daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                with board.shown():
                    self._listen(daemon, subscriber, board, truths)
            finally:
                self._stop(daemon)
        self._summarise(settings)
        return daemon.returncode

    def _write_config(self) -> Path:
        """Write config/demo.yaml with this run's output folders, so that what ran can be read and run again."""
        settings = load_line(self._shipped / "config" / "demo.yaml")
        values = settings.model_dump(mode="json", exclude_unset=True)
        values["evidence"] = values.get("evidence", {}) | {"folder": str(self._output / "evidence")}
        values["state_dir"] = str(self._output / "state")
        config = self._output / "line.yaml"
        try:
            self._output.mkdir(parents=True, exist_ok=True)
            config.write_text("# What the demo ran: config/demo.yaml with its folders here.\n" + yaml.safe_dump(values))
        except OSError as error:
            raise UsageError(
                f"{config} cannot be written: {error.strerror}; give another folder as --output"
            ) from error
        return config

    def _say_how_to_watch(self, settings: LineSettings) -> None:
        metrics = settings.metrics
        lines = [
            f"Watch it from another terminal:  {_program()} watch",
            f"Metrics for Prometheus:          http://{metrics.host}:{metrics.port}/metrics\n",
        ]
        for line in lines:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _listen(self, daemon: subprocess.Popen[bytes], subscriber: Subscriber, board: Board, truths: list[str]) -> None:
        heard_s = time.monotonic() + START_S
        try:
            while not self._is_halted():
                message = subscriber.receive(timeout_s=0.2)
                if message is not None:
                    heard_s = time.monotonic()
                    self._take(message, board, truths)
                elif daemon.poll() is not None:
                    raise self._failed(daemon.returncode)
                elif time.monotonic() - heard_s > STOP_S:
                    raise ProcessError(f"the daemon says nothing for {STOP_S:.0f} s; see {self._output / 'daemon.log'}")
                if self._parts is not None and self._tally.n_parts >= self._parts:
                    self._ask_to_stop(daemon)
        except KeyboardInterrupt:
            if self._is_stopping:
                raise
            self._ask_to_stop(daemon)
            self._listen(daemon, subscriber, board, truths)

    def _take(self, message: Message, board: Board, truths: list[str]) -> None:
        if message.kind == "hb":
            self._tally.last_beat = message.body
            board.status(message.body, is_bypass=bool(message.header.flags & Flag.BYPASS))
        elif message.kind == "verdict" and message.header.seq > self._heard_seq:  # a replayed one may be known
            self._heard_seq = message.header.seq
            # The folder is played in order, over and over; frames are counted from 1.
            frame_id = message.body["frame_id"]
            truth = truths[(frame_id - 1) % len(truths)] if frame_id > 0 else ""
            self._tally.add(message.body, truth)
            board.part(message.body, truth)

    def _is_halted(self) -> bool:
        return self._tally.last_beat is not None and self._tally.last_beat["state"] == "Halted"

    def _ask_to_stop(self, daemon: subprocess.Popen[bytes]) -> None:
        # Once: a second signal would not let it drain.
        if not self._is_stopping:
            self._is_stopping = True
            daemon.send_signal(signal.SIGTERM)

    def _stop(self, daemon: subprocess.Popen[bytes]) -> None:
        if daemon.poll() is None and not self._is_halted():
            self._ask_to_stop(daemon)
        try:
            daemon.wait(STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def _failed(self, status: int) -> EdgeInspectorError:
        lines = (self._output / "daemon.log").read_text().strip().splitlines()
        error = ProcessError(f"the daemon ended with status {status}: {lines[-1] if lines else 'no word'}")
        error.exit_code = status or ProcessError.exit_code
        return error

    def _summarise(self, settings: LineSettings) -> None:
        tally, beat = self._tally, self._tally.last_beat or {}
        counts = tally.verdicts
        triggers = beat.get("triggers", 0)
        verdicts = beat.get("passes", 0) + beat.get("rejects", 0) + beat.get("unknowns", 0)
        equal = "==" if triggers == verdicts else "!="
        evidence = settings.evidence.folder if settings.evidence else self._output
        pictures = sorted(evidence.rglob(f"*-{beat.get('epoch', 0):08x}-*.annotated.jpg"))  # of this run
        escaped = "1 defect" if tally.escaped == 1 else f"{tally.escaped} defects"
        refused = "1 good part" if tally.refused == 1 else f"{tally.refused} good parts"
        rows = {
            "parts": f"{tally.n_parts}: " + ", ".join(f"{count} {name}" for name, count in counts.items()),
            "accounted for": f"triggers {triggers} {equal} verdicts {verdicts}",
            "agreed with the truth": f"{tally.agreed} of {tally.n_parts} ({escaped} passed, {refused} did not)",
            "latency": f"p50 {tally.latency_ms(0.5):.1f} ms, p99 {tally.latency_ms(0.99):.1f} ms",
            "pictures": f"{len(pictures)} annotated, in {pictures[-1].parent if pictures else evidence}",
        }
        self._console.print()
        for name, text in rows.items():
            self._console.print(f"{name:<21}  {text}", highlight=False, markup=False, soft_wrap=True)


def shipped_folder() -> Path:
    """Return the folder that holds config/ and models/: the checkout, or the environment's share/.

    Raises:
        ProcessError: Neither holds them.
    """
    checkout = Path(__file__).resolve().parents[2]
    installed = Path(sysconfig.get_path("data")) / "share" / "edge-inspector"
    for folder in (checkout, installed):
        if (folder / "config" / "demo.yaml").is_file():
            return folder
    raise ProcessError(f"the demo's pictures and model are neither in {checkout} nor in {installed}; install again")


def _program() -> str:
    """Return how to call this program from the folder where the demo was started."""
    installed = Path(sys.executable).parent / "edge-inspector"
    if shutil.which("edge-inspector") == str(installed):
        return "edge-inspector"
    return os.path.relpath(installed) if installed.is_relative_to(Path.cwd()) else str(installed)


def _truths(folder: Path) -> list[str]:
    with (folder / "truth.csv").open(newline="") as file:
        return [row["truth"] for row in sorted(csv.DictReader(file), key=lambda row: row["file"])]
