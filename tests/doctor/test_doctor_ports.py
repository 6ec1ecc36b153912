from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edge_inspector.doctor.ports import Named, named_ports, port_row
from edge_inspector.doctor.row import Status
from edge_inspector.settings.endpoint import TcpAddress
from edge_inspector.settings.line import LineSettings


def at(host: str, port: int) -> Named:
    endpoint = f"tcp://{host}:{port}"
    return Named("signals", endpoint, endpoint, TcpAddress(host, port))


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_address_that_nobody_has_is_free_and_stays_so(port: int) -> None:
    assert [port_row(at("127.0.0.1", port), set(), "").seen for _ in range(2)] == [f"tcp://127.0.0.1:{port}: free"] * 2


def test_another_program_at_an_address_is_named_by_its_process(port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()

        row = port_row(at("127.0.0.1", port), set(), "press-4")

    assert (row.status, row.exit_code) == (Status.FAILED, 70)
    assert f"process {os.getpid()} (" in row.seen
    assert "line press-4" in row.seen


def test_a_port_that_is_taken_on_all_addresses_is_taken_here_too(port: int) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", port))
        other.listen()

        assert port_row(at("127.0.0.1", port), set(), "").status is Status.FAILED


def test_what_the_running_line_holds_is_right(port: int) -> None:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", port))
        ours.listen()

        assert port_row(at("127.0.0.1", port), {os.getpid()}, "").status is Status.OK


def test_a_running_line_that_does_not_hold_its_address_fails(port: int) -> None:
    assert "does not hold it" in port_row(at("127.0.0.1", port), {os.getpid()}, "").seen


def test_an_address_that_this_computer_does_not_have_fails() -> None:
    row = port_row(at("192.0.2.1", 5560), set(), "")

    assert (row.status, "no network interface" in row.seen) == (Status.FAILED, True)


def test_a_unix_socket_needs_its_folder(tmp_path: Path) -> None:
    def row(path: Path) -> Status:
        return port_row(Named("signals", f"ipc://{path}", f"ipc://{path}", None), set(), "").status

    assert (row(tmp_path / "s"), row(tmp_path / "absent" / "s")) == (Status.OK, Status.FAILED)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "s"))
        other.listen()
        assert row(tmp_path / "s") is Status.FAILED


def test_every_address_of_a_configuration_is_named() -> None:
    frame = {"width": 64, "height": 64, "channels": 1}
    given = {"line": "a", "camera": {"kind": "synthetic", "frame": frame}, "model": {"bundle": "b"}, "state_dir": "s"}
    line = LineSettings.model_validate(given | {"endpoints": {"signals": "ipc:///run/s"}, "metrics": {"host": "::1"}})

    found = [(each.name, each.endpoint) for each in named_ports(line)]

    assert found == [
        ("signals", "ipc:///run/s"),
        ("telemetry", "tcp://127.0.0.1:5561"),
        ("service", "tcp://127.0.0.1:5562"),
        ("metrics", "http://[::1]:9560"),
    ]


def test_a_line_that_starts_while_an_address_is_tried_has_it_all_the_same(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = []

    class Tried(socket.socket):
        def bind(self, address: tuple[str, int]) -> None:  # type: ignore[override]
            super().bind(address)
            with real() as line:  # at the worst moment, as ZeroMQ does it
                line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                line.bind(address)
                line.listen()
                outcome.append("has it")

    real = socket.socket
    monkeypatch.setattr("edge_inspector.doctor.ports.socket.socket", Tried)

    assert port_row(at("127.0.0.1", port), set(), "").status is Status.OK
    assert outcome == ["has it"]
