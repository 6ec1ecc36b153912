"""One line as a service of the booted computer: its configuration, and what systemd says of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any, Self

import yaml
from machine import PYTHON, Machine, wait_until

WITNESS = "/opt/edge-inspector/tests/end_to_end/witness.py"
BUNDLE = "/opt/edge-inspector/models/bsdata-pitting"
NO_MODEL = {"provider": "null", "bundle": BUNDLE, "unsigned": "allow"}
"""For tests in which it does not matter what is judged: less work for a busy computer."""
READY_S = 60.0
"""Three interpreters and ONNX Runtime start on two shared cores."""


class Service:
    """`edge-inspector@NAME.service`. Use it as a context manager: it is stopped and its configuration is removed."""

    def __init__(self, machine: Machine, name: str = "press-3", first_port: int = 5560, **sections: Any) -> None:
        """Write the configuration; `sections` replaces blocks of it, and None leaves one out."""
        self.machine, self.name, self.unit = machine, name, f"edge-inspector@{name}.service"
        self.config = f"/etc/edge-inspector/{name}.yaml"
        self.state = f"/var/lib/edge-inspector/{name}"
        names = ("signals", "telemetry", "service")
        self.endpoints = {key: f"tcp://127.0.0.1:{first_port + at}" for at, key in enumerate(names)}
        frame = {"width": 1024, "height": 256, "channels": 3}
        values = {
            "line": name,
            "camera": {"kind": "replay", "folder": "/opt/edge-inspector/config/demo", "frame": frame}
            | {"rate_hz": 10.0, "loop": True},
            "model": {"bundle": BUNDLE, "unsigned": "allow", "threads": 1},
            "endpoints": self.endpoints,
            "metrics": {"port": first_port + 9},
            "journal": {"max_mb": 4, "segment_mb": 1},
            "state_dir": f"{self.state}/state",
        } | sections
        self.write(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))
        self._witnesses: list[str] = []

    def write(self, text: str) -> None:
        """Write the configuration."""
        self.machine.write(self.config, text)

    def drop_in(self, text: str, name: str = "test") -> None:
        """Add a drop-in to this instance."""
        self.machine.write(f"/etc/systemd/system/{self.unit}.d/{name}.conf", text)
        self.machine.run("systemctl", "daemon-reload")

    def ctl(self, verb: str, *words: str) -> str:
        """Run systemctl for this unit; returns what it said, whatever it ended with."""
        return self.machine.run("systemctl", verb, *words, self.unit, is_checked=False)

    def show(self, name: str) -> str:
        """Return a property of the unit."""
        return self.ctl("show", "--value", f"--property={name}")

    def main_pid(self) -> int:
        """Return the number of main inside, 0 while there is none."""
        return int(self.show("MainPID"))

    def parts(self) -> int:
        """Return how many parts the status line counts while it says that the line is ready; 0 otherwise."""
        found = re.match(r"ready; (\d+) parts", self.show("StatusText"))
        return int(found[1]) if found else 0

    def start(self) -> Self:
        """Start it and wait until it inspects."""
        self.ctl("start", "--no-block")
        self.wait_until_inspecting()
        return self

    def wait_until_inspecting(self, other_than: int = 0) -> None:
        """Wait until another main than the given one counts parts, and counts on."""
        self._wait(lambda: self.main_pid() not in (0, other_than), "main to start")
        first = self._wait(self.parts, "parts to be counted")
        self._wait(lambda: self.parts() > first, "parts to be counted on")

    def wait_for(self, name: str, value: str) -> None:
        """Wait until a property of the unit has a value."""
        self._wait(lambda: self.show(name) == value, f"{name} to be {value}")

    def _wait(self, is_true: Callable[[], Any], what: str) -> Any:
        return wait_until(is_true, f"{what} in {self.unit}", READY_S, lambda: self.ctl("status", "--full"))

    def children(self) -> dict[str, int]:
        """Return the numbers inside of main's children by name."""
        found, main = {}, self.main_pid()
        for entry in self.machine.path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == main:
                    words = (entry / "cmdline").read_text().split("\0")
                    module = next(word for word in words if word.startswith("edge_inspector.app."))
                    found[module.rpartition(".")[2]] = int(entry.name)
        return found

    def signal(self, name: str) -> None:
        """Send main alone a signal."""
        self.ctl("kill", "--kill-who=main", f"--signal={name}")

    def events(self, event: str, *matches: str) -> list[dict[str, Any]]:
        """Return the journal's entries of an event of this line."""
        return self.machine.journal(f"LINE={self.name}", f"EVENT={event}", *matches)

    def listen(self, out: str) -> None:
        """Start a witness inside, which writes what it hears to a file there."""
        words = ["--line", self.name, "--signals", self.endpoints["signals"]]
        words += ["--telemetry", self.endpoints["telemetry"], "--out", out]
        self._witnesses.append(f"witness-{len(self._witnesses)}-{self.name}.service")
        self.machine.run("systemd-run", "--collect", f"--unit={self._witnesses[-1]}", PYTHON, WITNESS, *words)

    def end_witnesses(self) -> None:
        """Let every witness write what still comes."""
        while self._witnesses:
            self.machine.run("systemctl", "stop", self._witnesses.pop(), is_checked=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_witnesses()
        self.ctl("kill", "--signal=SIGKILL")  # in good order it takes longer, and one test looks at that
        self.ctl("stop")
        self.ctl("reset-failed")
        run = self.machine.run
        run(
            "rm",
            "-rf",
            self.config,
            f"/etc/systemd/system/{self.unit}.d",
            f"/var/lib/private/edge-inspector/{self.name}",
        )
        run("systemctl", "daemon-reload")
