"""`run`, `check` and `watch` of whole lines."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zmq
from cli_program import Sandbox, has_all, heard, is_event, squatter, wait_until

from edge_inspector.client.subscriber import Message

FOREVER = {"rate_hz": 20.0}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


def is_ready(message: Message) -> bool:
    return message.kind == "hb" and bool(message.body["ready"])


@pytest.mark.fault(
    36,
    injected="another program listens on each of the four ports",
    seen="exit 70, with the port, its setting and how to find the owner; a service manager tries again",
    noticed="at the start",
)
@pytest.mark.parametrize("name", ["signals", "telemetry", "service", "metrics"])
def test_a_port_in_use_ends_the_start_and_names_the_port_and_what_to_do(sandbox: Sandbox, name: str) -> None:
    with squatter() as port:
        sandbox.ports[name] = port

        said = sandbox.say("run", "--config", sandbox.config(FOREVER))

    assert said.code == 70
    setting = "metrics.port" if name == "metrics" else f"endpoints.{name}"
    assert has_all(said.error.splitlines()[-1], [str(port), setting, "ss -l"])
    assert sandbox.pids() == []


def test_a_second_daemon_on_the_same_state_ends_and_leaves_the_first_alone(sandbox: Sandbox) -> None:
    config = sandbox.config(FOREVER)
    (sandbox.folder / "state").mkdir()
    with (sandbox.folder / "state" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        said = sandbox.say("run", "--config", config)

    assert said.code == 70
    assert has_all(said.error, ["another daemon", str(sandbox.folder / "state"), "its own state_dir"])


def test_a_state_folder_that_cannot_be_made_is_told(sandbox: Sandbox) -> None:
    said = sandbox.say("run", "--config", sandbox.config(FOREVER, state_dir="/proc/nowhere"))

    assert said.code == 70
    assert has_all(said.error, ["state_dir", "/proc/nowhere"])


def test_a_start_that_was_refused_can_be_done_again_at_once(sandbox: Sandbox) -> None:
    with squatter() as port:
        free = sandbox.ports["service"]
        sandbox.ports["service"] = port
        assert sandbox.say("run", "--config", sandbox.config(FOREVER)).code == 70
    sandbox.ports["service"] = free
    daemon = sandbox.start("run", "--config", sandbox.config(FOREVER))

    with sandbox.listen() as subscriber:
        heard(subscriber, is_ready)
    daemon.terminate()

    assert sandbox.ended(daemon).code == 0


def test_ctrl_c_reaches_the_whole_group_and_still_ends_the_line_in_order(sandbox: Sandbox) -> None:
    daemon = sandbox.start("run", "--config", sandbox.config(FOREVER), start_new_session=True)
    with sandbox.listen() as subscriber:
        heard(subscriber, is_ready)

        os.killpg(daemon.pid, signal.SIGINT)

        last = heard(subscriber, lambda m: m.kind == "hb" and m.body["state"] == "Halted")
    said = sandbox.ended(daemon)
    assert said.code == 0, said.err
    assert said.error.count("line_ended") == 1
    assert last.body["in_flight"] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_the_processes_still_start_is_an_ordinary_end(sandbox: Sandbox, number: int) -> None:
    daemon = sandbox.start("run", "--config", sandbox.config(FOREVER), start_new_session=True)
    wait_until(lambda: len(sandbox.pids()) == 3, 20.0, "both children")

    os.killpg(daemon.pid, number)

    said = sandbox.ended(daemon)
    assert said.code == 0, said.err
    assert "inspect_process_lost" not in said.error
    assert "camera_process_lost" not in said.error


def test_a_hung_inspect_process_is_killed_replaced_and_its_parts_are_unknown(sandbox: Sandbox) -> None:
    daemon = sandbox.start("run", "--config", sandbox.config(FOREVER))
    with sandbox.listen() as subscriber:
        heard(subscriber, lambda m: m.kind == "verdict")
        inspect = next(
            pid for pid in sandbox.pids() if b"edge_inspector.app.inspect" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )

        os.kill(inspect, signal.SIGSTOP)

        event = heard(subscriber, is_event("inspect_process_lost"))
        assert "hung and was killed" in event.body["detail"]
        heard(subscriber, is_ready)
        heard(subscriber, lambda m: m.kind == "verdict")
        daemon.terminate()
    assert sandbox.ended(daemon).code == 0
    # From the journal: on a busy computer the successor sends them before the subscriber has found it again.
    lost = [body for body in kept(sandbox) if body["reason"] == "process_lost"]
    assert {body["verdict"] for body in lost} == {"UNKNOWN"}


def kept(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return every verdict of the line's journal."""
    bodies: list[dict[str, Any]] = []
    for path in sorted((sandbox.folder / "state" / "journal").glob("*.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            bodies += [json.loads(body) for (body,) in database.execute("SELECT body FROM verdicts ORDER BY seq")]
    return bodies


def test_check_explains_a_good_line_and_starts_nothing(sandbox: Sandbox) -> None:
    config = sandbox.config({"rate_hz": 5.0}, decide={"deadline_ms": 120.0})
    with squatter() as port:  # a line that runs already is no reason not to check
        sandbox.ports["signals"] = port
        said = sandbox.say("check", "--config", config)

    assert (said.code, said.error) == (0, "")
    first, *sentences, last = said.out.splitlines()
    assert (first, last) == (f"{config}: no mistakes", "ready to run")
    words = ["5 a second", "120 ms", "tiny-spots@1.0.0", "4 golden tiles", "4 tiles of 64x64", "camera cam0 is there"]
    assert has_all("\n".join(sentences), words)
    assert sorted(path.name for path in sandbox.folder.iterdir()) == ["bundle", "line.yaml"]


def test_watch_prints_every_message_of_a_running_line_as_json(sandbox: Sandbox) -> None:
    config = sandbox.config(FOREVER | {"wait_for_subscribers": 1})
    daemon = sandbox.start("run", "--config", config)
    watch = sandbox.start("watch", "--config", config, "--json")
    assert watch.stdout is not None

    seen: dict[str, dict[str, object]] = {}
    verdicts = []
    while len(verdicts) < 3 or "hb" not in seen:
        message = json.loads(watch.stdout.readline())
        seen[message["kind"]] = message
        verdicts += [message] if message["kind"] == "verdict" else []

    assert set(seen) == {"verdict", "hb"}
    assert [message["seq"] for message in verdicts] == [1, 2, 3]
    assert verdicts[0]["flags"] & 2  # simulated
    watch.send_signal(signal.SIGINT)
    assert watch.wait(20) == 0
    rest = watch.stdout.read()
    assert all(json.loads(line) for line in rest.splitlines())
    daemon.terminate()
    assert daemon.wait(20) == 0


def test_watch_shows_parts_as_lines_where_there_is_no_terminal(sandbox: Sandbox) -> None:
    config = sandbox.config(FOREVER | {"wait_for_subscribers": 1, "defect_every": 2})
    daemon = sandbox.start("run", "--config", config)
    watch = sandbox.start("watch", "--connect", f"tcp://127.0.0.1:{sandbox.ports['signals']}")
    assert watch.stdout is not None

    lines = [watch.stdout.readline() for _ in range(4)]

    assert [line.split()[:3] for line in lines] == [
        ["part", "1", "PASS"],
        ["part", "2", "REJECT"],
        ["part", "3", "PASS"],
        ["part", "4", "REJECT"],
    ]
    assert "\x1b" not in "".join(lines)
    watch.send_signal(signal.SIGINT)
    assert watch.wait(20) == 0
    daemon.terminate()
    assert daemon.wait(20) == 0


def test_watch_into_a_closed_pipe_ends_quietly(sandbox: Sandbox) -> None:
    config = sandbox.config(FOREVER | {"wait_for_subscribers": 1})
    daemon = sandbox.start("run", "--config", config)
    watch = sandbox.start("watch", "--config", config, "--json")
    assert watch.stdout is not None
    assert watch.stderr is not None
    watch.stdout.readline()

    watch.stdout.close()

    assert watch.wait(20) == 0
    assert watch.stderr.read() == ""
    daemon.terminate()
    assert daemon.wait(20) == 0


def test_watch_says_when_somebody_else_speaks_there(sandbox: Sandbox) -> None:
    context = zmq.Context()
    other = context.socket(zmq.PUB)
    port = other.bind_to_random_port("tcp://127.0.0.1")
    try:
        watch = sandbox.start("watch", "--connect", f"tcp://127.0.0.1:{port}")
        while watch.poll() is None:
            other.send_multipart([b"insp.v1.cli.verdict", b"no header", b"{}"])
            other.poll(10)
        said = sandbox.ended(watch)
    finally:
        other.close(linger=0)
        context.term()

    assert said.code == 64
    assert has_all(said.error, [str(port), "not the signals endpoint"])
