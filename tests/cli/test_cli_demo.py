"""The demo with the shipped pictures and model, on ports of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from cli_program import Sandbox, has_all, squatter, wait_until
from fakes.ports import free_ports
from rich.console import Console

from edge_inspector.cli import main, rehearsal
from edge_inspector.cli.board import Board
from edge_inspector.client.subscriber import Message, Subscriber
from edge_inspector.client.wire import Flag, Header

CHECKOUT = Path(__file__).resolve().parents[2]


class Shipped:
    """The shipped folder with other ports, so that a demo elsewhere on this computer is no matter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        config = folder / "config"
        config.mkdir(parents=True)
        (config / "demo").symlink_to(CHECKOUT / "config" / "demo")
        (folder / "models").symlink_to(CHECKOUT / "models")
        self.values: dict[str, Any] = yaml.safe_load((CHECKOUT / "config" / "demo.yaml").read_text())
        self.values["camera"]["folder"] = str(CHECKOUT / "config" / "demo")
        names, (metrics, *ports) = ("signals", "telemetry", "service"), free_ports(4)
        self.values["endpoints"] = {name: f"tcp://127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}
        self.values["metrics"] = {"port": metrics}
        self.write()

    def write(self) -> None:
        (self.folder / "config" / "demo.yaml").write_text(yaml.safe_dump(self.values), encoding="utf-8")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    shipped = Shipped(tmp_path / "shipped")
    monkeypatch.setattr(rehearsal, "shipped_folder", lambda: shipped.folder)
    monkeypatch.setenv("COLUMNS", "160")
    return shipped


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.mark.timeout(120)
def test_the_demo_accounts_for_every_part_and_keeps_marked_pictures(
    shipped: Shipped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped.values["camera"]["rate_hz"] = None
    shipped.write()

    code = main._run(["demo", "--parts", "8", "--output", str(tmp_path / "out")])

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    parts = [line for line in out.splitlines() if line.startswith("part ")]
    assert len(parts) >= 8
    words = out.split("accounted for")[1].split()
    assert words[0] == "triggers"
    assert int(words[1]) >= 8
    assert words[2:5] == ["==", "verdicts", words[1]]
    rejected = [line for line in parts if "REJECT" in line]
    pictures = sorted((tmp_path / "out" / "evidence").rglob("*.annotated.jpg"))
    assert len(pictures) == len(rejected) > 0
    assert has_all(out, [f"{len(pictures)} annotated", "latency", "agreed with the truth"])
    assert yaml.safe_load((tmp_path / "out" / "line.yaml").read_text())["line"] == "demo"


def test_a_demo_that_cannot_start_says_why_with_the_daemon_s_code(
    shipped: Shipped, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with squatter() as port:
        shipped.values["endpoints"]["service"] = f"tcp://127.0.0.1:{port}"
        shipped.write()
        code = main._run(["demo", "--parts", "8", "--output", str(tmp_path / "out")])

    err = capsys.readouterr().err
    assert code == 70
    assert has_all(err, ["the daemon ended with status 70", f"endpoints.service: tcp://127.0.0.1:{port} is in use"])
    assert "Traceback" not in err


@pytest.mark.parametrize("output", ["taken", "taken/below", "/proc/nowhere"])
def test_the_demo_refuses_an_output_that_is_no_folder(sandbox: Sandbox, output: str) -> None:
    (sandbox.folder / "taken").write_text("")

    said = sandbox.say("demo", "--parts", "8", "--output", output)

    assert said.code == 64
    assert output in said.error
    assert (sandbox.folder / "taken").read_text() == ""


class Interrupted:
    """A subscriber during whose first wait somebody presses Ctrl-C; then the line drains and halts."""

    def __init__(self, n_draining: int) -> None:
        verdict = {
            "verdict": "PASS", "reason": "ok", "frame_id": 1, "latency_us": 1, "part_id": 1, "score": 0.1,
            "defects": [],
        }  # fmt: skip
        beat = {
            "state": "Halted", "ready": False, "faults": [], "triggers": 1, "passes": 1, "rejects": 0, "unknowns": 0,
            "in_flight": 0,
        }  # fmt: skip
        header = Header(Flag(0), 1, 1, 1, 1)
        self._script: list[Message | None] = [
            None,
            *[Message("verdict", header, verdict)] * n_draining,
            Message("hb", header, beat),
        ]

    def receive(self, timeout_s: float) -> Message | None:
        message = self._script.pop(0)
        if message is None:
            raise KeyboardInterrupt
        return message


class Stopped:
    """A daemon that counts its signals."""

    def __init__(self) -> None:
        self.signals: list[int] = []

    def send_signal(self, number: int) -> None:
        self.signals.append(number)

    def poll(self) -> int | None:
        return None


def test_ctrl_c_lets_the_demo_s_daemon_drain_even_when_all_parts_come_meanwhile(shipped: Shipped) -> None:
    run = rehearsal.Rehearsal(shipped.folder / "out", parts=3)
    daemon = Stopped()

    run._listen(
        cast("Any", daemon), cast("Subscriber", Interrupted(n_draining=5)), Board(Console(quiet=True), "", 3), ["OK"]
    )

    assert daemon.signals == [signal.SIGTERM]  # a second one would cost the parts in flight


SHOW = """
import sys
from pathlib import Path
from edge_inspector.cli import main, rehearsal

rehearsal.shipped_folder = lambda: Path(sys.argv[1])
main._run(["demo", "--forever", "--output", sys.argv[2]])
"""


@pytest.mark.timeout(90)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_nothing_outlives_a_demo_that_is_killed_or_whose_terminal_is_closed(
    shipped: Shipped, sandbox: Sandbox, number: signal.Signals
) -> None:
    with sandbox.start_python(SHOW, shipped.folder, sandbox.folder / "out") as show:
        assert show.stdout is not None
        while not show.stdout.readline().startswith("part "):
            assert show.poll() is None

        show.send_signal(number)
        show.communicate(timeout=60)  # reads on: a full pipe would hold it up; with no end it is this test that fails
        wait_until(lambda: not sandbox.pids(), 15.0, "the end of the daemon")


def test_the_demo_needs_the_shipped_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rehearsal, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.setattr(rehearsal.sysconfig, "get_path", lambda _name: str(tmp_path / "venv"))

    with pytest.raises(rehearsal.ProcessError, match="install again"):
        rehearsal.shipped_folder()
