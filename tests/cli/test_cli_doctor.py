"""`doctor` as a person runs it: beside nothing, beside the line, beside another program."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_program import WAIT_S, Said, Sandbox, wait_until

from edge_inspector.client.service import ask

GENICAM = {
    "kind": "genicam",
    "cti": "/nowhere/maker.cti",
    "serial": "1",
    "frame": {"width": 128, "height": 112, "channels": 1},
}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


Running = tuple[Sandbox, Path, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Give a line that is at work; nobody here changes it."""
    with Sandbox(tmp_path_factory.mktemp("running")) as sandbox:
        config = sandbox.config(evidence={"folder": "evidence", "quota_mb": 1, "min_free_mb": 0})
        daemon = sandbox.start("run", "--config", config)
        wait_until(lambda: asked(sandbox, "hello").get("ready"), WAIT_S, "a line that is ready")
        yield sandbox, config, daemon
        daemon.terminate()
        assert sandbox.ended(daemon).code == 0


def asked(sandbox: Sandbox, op: str) -> dict[str, Any]:
    """Return what a line answers; empty where there is none."""
    return ask(f"tcp://127.0.0.1:{sandbox.ports['service']}", {"op": op}, 1.0) or {}


def report(sandbox: Sandbox, config: Path, *options: str) -> tuple[Said, dict[str, Any]]:
    """Return how `doctor --json` ended, and the first row of each name; others of the sandbox may go on."""
    process = sandbox.start("doctor", "--config", config, "--json", *options)
    out, err = process.communicate(timeout=WAIT_S)
    said = Said(process.returncode, out, err)
    rows: dict[str, Any] = {}
    for row in json.loads(said.out)["rows"]:
        rows.setdefault(row["name"], row)
    return said, rows


def test_beside_a_running_line_everything_is_asked_from_it(running: Running) -> None:
    sandbox, config, daemon = running

    said, rows = report(sandbox, config)

    assert (said.code, said.error) == (0, "")
    assert f"process {daemon.pid} (" in rows["line"]["seen"]
    assert "left to the running line" in rows["session"]["seen"]
    assert "held by the running line, which says nothing is wrong" in rows["camera cam0"]["seen"]
    for name in ("signals", "telemetry", "service", "metrics"):
        assert "held by the running line" in rows[f"port {name}"]["seen"]
    assert str(daemon.pid) in rows["state"]["seen"]
    assert "verdicts 1 to" in rows["journal"]["seen"]
    assert {row["status"] for row in rows.values()} <= {"ok", "note", "warning"}


def test_a_running_line_goes_on_as_if_nobody_had_asked(running: Running) -> None:
    sandbox, config, daemon = running
    before = set((sandbox.folder / "state").iterdir())

    report(sandbox, config)
    after = asked(sandbox, "status")["heartbeat"]["head_seq"]
    wait_until(lambda: asked(sandbox, "status")["heartbeat"]["head_seq"] > after, WAIT_S, f"a part after {after}")

    assert daemon.poll() is None
    assert set((sandbox.folder / "state").iterdir()) == before
    assert not list((sandbox.folder / "evidence").glob(".doctor*"))


def test_a_running_line_holds_nothing_that_is_not_named(running: Running) -> None:
    sandbox, config, _ = running

    said, rows = report(sandbox, config, "--egress")

    assert said.code == 0
    assert "3 processes: 4 sockets with an address" in rows["sockets"]["seen"]
    assert rows["sockets"]["status"] == "ok"
    assert all(f":{port} " in rows["sockets listens"]["seen"] for port in sandbox.ports.values())
    assert "sudo nft" in rows["outside"]["next"]


def test_another_configuration_of_the_same_folder_is_found_by_its_addresses(running: Running) -> None:
    sandbox, config, _ = running
    port = sandbox.ports["telemetry"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other = probe.getsockname()[1]
    changed = sandbox.folder / "changed.yaml"
    changed.write_text(config.read_text().replace(str(port), str(other)))

    _, rows = report(sandbox, changed)
    said, egress = report(sandbox, changed, "--egress")

    assert "the running line does not hold it" in rows["port telemetry"]["seen"]
    assert f"127.0.0.1:{port}" in egress["sockets"]["seen"]  # held, and not named any more
    assert (said.code, egress["sockets"]["status"]) == (0, "warning")  # it does not leave this computer


def test_a_port_that_another_program_has_names_it_and_is_the_exit_code(sandbox: Sandbox) -> None:
    config = sandbox.config()
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {sandbox.ports['service']})); time.sleep(60)"
    other = sandbox.start_python(code)
    wait_until(lambda: "python" in report(sandbox, config)[1]["port service"]["seen"], WAIT_S, "the other program")

    said, rows = report(sandbox, config)

    assert said.code == 70
    assert f"held by process {other.pid} (" in rows["port service"]["seen"]
    assert rows["port signals"]["status"] == "ok"
    other.kill()
    sandbox.ended(other)


@pytest.mark.parametrize(
    ("sections", "name", "code"),
    [
        ({"log": "loud"}, "configuration", 78),
        ({"model": {"bundle": "absent", "unsigned": "allow"}}, "bundle", 66),
        ({"model": {"bundle": "bundle", "unsigned": "refuse"}}, "bundle", 66),
        ({"endpoints": {"curve": {"keys": "absent"}}}, "keys", 78),
        ({"model": {"bundle": "bundle", "unsigned": "allow", "provider": "cuda"}}, "session", 70),
        ({"camera": GENICAM}, "camera cam0", 69),
        ({"performance": {"cores": {"inspect": [8000]}}}, "bundle", 78),
    ],
    ids=["configuration", "bundle", "unsigned", "keys", "provider", "camera", "cores"],
)  # fmt: skip
def test_the_exit_code_is_that_of_check(sandbox: Sandbox, sections: dict[str, Any], name: str, code: int) -> None:
    config = sandbox.config(**sections)

    said, rows = report(sandbox, config)

    assert said.code == sandbox.say("check", "--config", config).code == code
    assert (rows[name]["status"], rows[name]["exit_code"]) == ("failed", code)
    assert rows[name]["next"]


def test_the_table_is_readable_at_80_columns_and_plain_where_there_is_no_terminal(sandbox: Sandbox) -> None:
    config = sandbox.config()
    said = sandbox.say("doctor", "--config", config)

    lines = said.out.splitlines()
    assert "\x1b" not in said.out
    assert all(line[:8].strip() in ("", "ok", "note", "warning", "failed") for line in lines[:-1])
    assert lines[-1].endswith("0 failed")


def test_an_encrypted_line_is_asked_with_a_key_and_says_so_without_one(sandbox: Sandbox) -> None:
    keys, config = sandbox.folder / "keys", sandbox.config()
    for words in (["new", "server"], ["new", "look"], ["authorize", "look", "--role", "read"]):
        assert sandbox.say("keys", *words, "--keys", keys).code == 0
    ends = {n: f"tcp://127.0.0.1:{p}" for n, p in sandbox.ports.items() if n != "metrics"}
    config = sandbox.config(endpoints=ends | {"curve": {"keys": "keys"}})
    daemon = sandbox.start("run", "--config", config)
    wait_until(lambda: f"{daemon.pid}" in report(sandbox, config)[1]["line"]["seen"], WAIT_S, "a daemon")

    def with_key() -> bool:
        return bool(report(sandbox, config, "--key", str(keys / "look.key"))[1]["line"]["status"] == "ok")

    wait_until(with_key, WAIT_S, "an answer to a client with a key")
    said, _ = report(sandbox, config)
    told = [row["seen"] for row in json.loads(said.out)["rows"] if row["name"] in ("line", "keys")]

    assert said.code == 0
    assert "not asked: the endpoints of cli are encrypted; give --key FILE" in told[0]
    assert "the running line's authenticator is alive" in told
    daemon.terminate()
    assert sandbox.ended(daemon).code == 0
