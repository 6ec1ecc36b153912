"""A real line whose endpoints are encrypted, beyond loopback, and what becomes of its clients."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from daemon import START_S, Line, wait_until
from keyed import encrypt, key_of, keys_verb
from noticing import Noticed

from edge_inspector.client.key_file import read_key_file
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.notice import Notice, NoticeName
from edge_inspector.client.subscriber import Message, Subscriber, ask

MakeLine = Callable[..., Line]


class Ear:
    """A subscriber of signals and telemetry with a key; remembers what it heard."""

    def __init__(self, line: Line, key: ClientKeys | None) -> None:
        endpoints = [line.endpoints["signals"], line.endpoints["telemetry"]]
        self.notices: list[Notice] = []
        self._subscriber = Subscriber("e2e", endpoints, keys=key, on_notice=self.notices.append)
        self.verdicts: list[Message] = []
        self.beats: list[Message] = []
        self.events: list[Message] = []

    def hear(self) -> None:
        while (message := self._subscriber.receive(0.0)) is not None:
            {"verdict": self.verdicts, "hb": self.beats, "event": self.events}.get(message.kind, []).append(message)

    @property
    def refused(self) -> str | None:
        return next((one.detail for one in self.notices if one.name is NoticeName.REFUSED), None)

    def wait_for(self, is_true: Callable[[], Any], what: str) -> Any:
        def look() -> Any:
            self.hear()
            return is_true()

        return wait_until(look, START_S, what)

    def event(self, name: str) -> Message | None:
        return next((event for event in self.events if event.body["name"] == name), None)

    def close(self) -> None:
        self._subscriber.__exit__(None, None, None)


class Site:
    """A line with keys, open to the network, at 100 parts a second."""

    def __init__(self, make_line: MakeLine, stack: ExitStack, **settings: Any) -> None:
        self.stack = stack
        self.line = make_line(camera={"rate_hz": 100.0, "wait_for_subscribers": 0}, **settings)
        encrypt(self.line)
        self.gate = key_of(self.line, "gate-1", "gate")
        self.panel = key_of(self.line, "panel", "read")

    def ear(self, key: ClientKeys | None) -> Ear:
        ear = Ear(self.line, key)
        self.stack.callback(ear.close)
        return ear

    def ask(self, key: ClientKeys | None, timeout_s: float = 10.0, **request: object) -> Any:
        """Return the service's answer; None if none came."""
        return ask(self.line.endpoints["service"], dict(request), timeout_s, key)


@pytest.fixture
def make_site(make_line: MakeLine) -> Iterator[Callable[..., Site]]:
    with ExitStack() as stack:
        yield lambda **settings: Site(make_line, stack, **settings)


@pytest.mark.fault(
    41,
    injected="a client with an unknown key, one without encryption",
    seen="refused, counted by endpoint and reason; the gate goes on",
    noticed="with the call",
)
@pytest.mark.timeout(120)
def test_a_gate_with_its_key_hears_and_asks_an_encrypted_line_and_nobody_else_does(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    stranger = key_of(site.line, "stranger", None)
    site.line.start()
    gate, unknown, plain = site.ear(site.gate), site.ear(stranger), site.ear(None)

    gate.wait_for(lambda: len(gate.verdicts) >= 50 and gate.beats[-1].body["ready"], "verdicts and a heartbeat")
    unknown.wait_for(lambda: unknown.refused, "the stranger's refusal")
    plain.wait_for(lambda: plain.refused, "the plain one's refusal")
    hello = site.ask(site.gate, op="hello", id=1, consumer="gate-1")
    claim = site.ask(site.gate, op="hello", id=2, consumer="panel")
    nothing = site.ask(None, 5.0, op="hello", id=3)  # a busy machine may take its time to refuse
    # Each comes to the page in its own time: two processes count them, and ZeroMQ connects to endpoints one by one. Of
    # two ends that do not understand each other either may hang up first; the other sees a handshake without an end.
    for endpoint, whys in {
        "signals": {"unknown_key"},
        "telemetry": {"not_curve", "unfinished"},
        "service": {"not_curve", "unfinished"},
    }.items():
        wanted = {(endpoint, why) for why in whys}
        gate.wait_for(
            lambda wanted=wanted: wanted & _refusals(site.line).keys(), f"a refusal of {endpoint} on the page"
        )
    gate.wait_for(lambda: "key_refused" in site.line.stderr(), "the refusal in the log")
    authorized = site.line.figure("authorized_keys")
    code = site.line.stop()

    assert code == 0
    assert (hello["id"], hello["ready"]) == (1, True)
    assert (claim["error"], "is that of gate-1" in claim["detail"]) == ("bad_request", True)
    assert nothing is None
    assert unknown.verdicts == unknown.beats == plain.verdicts == plain.beats == []
    assert authorized == 2
    secrets = [read_key_file(path).secret for path in (site.line.folder / "keys").glob("*.key")]
    assert not any(secret and secret.decode() in site.line.stderr() for secret in secrets)


def _refusals(line: Line) -> dict[tuple[str, str], float]:
    """Return what was counted so far, by endpoint and reason; nothing that is 0."""
    found = {}
    for row in line.page().splitlines():
        if row.startswith("edge_inspector_handshakes_refused_total{"):
            labels, value = row.split("{")[1].split("} ")
            words = dict(pair.split("=") for pair in labels.split(","))
            if float(value) > 0:
                found[(words["endpoint"].strip('"'), words["reason"].strip('"'))] = float(value)
    return found


@pytest.mark.timeout(120)
def test_a_key_is_let_in_and_revoked_while_the_line_runs_and_others_miss_nothing_for_long(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    site.line.start()
    gate, panel = site.ear(site.gate), site.ear(site.panel)
    gate.wait_for(lambda: len(gate.verdicts) >= 20, "verdicts")
    panel.wait_for(lambda: len(panel.verdicts) >= 20, "verdicts")
    late = site.ear(key_of(site.line, "late", "read"))
    late.wait_for(lambda: late.verdicts, "the key that was let in while the line ran")

    keys_verb(site.line, "revoke", "panel", "--yes")
    revoked = gate.wait_for(lambda: gate.event("key_revoked"), "the event")
    panel.wait_for(lambda: panel.refused, "the refusal of the revoked key")
    panel.hear()
    heard_then = len(panel.verdicts)
    head = gate.beats[-1].header.seq
    gate.wait_for(lambda: gate.verdicts and gate.verdicts[-1].header.seq > head + 200, "the gate to hear on")
    late.wait_for(lambda: late.verdicts[-1].header.seq > head, "the other one to hear on")
    panel.hear()
    code = site.line.stop()

    seqs = [verdict.header.seq for verdict in gate.verdicts]
    told = next(at for at, verdict in enumerate(gate.verdicts) if verdict.header.seq >= revoked.header.seq)
    missed = [later - earlier - 1 for earlier, later in pairwise(seqs) if later != earlier + 1]
    assert code == 0
    assert len(panel.verdicts) == heard_then
    assert "panel may no longer connect" in revoked.body["detail"]
    assert len(missed) == 1  # one reconnect, which a client that keeps a record mends by asking
    assert seqs.index(next(b for a, b in pairwise(seqs) if b != a + 1)) > told  # told before
    assert seqs == sorted(set(seqs))


@pytest.mark.timeout(120)
def test_the_client_of_the_page_hears_an_encrypted_line_with_its_key_alone(make_site: Callable[..., Site]) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/how-to/secure-the-endpoints.md").read_text("utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    site = make_site()
    site.line.start()
    gate = site.ear(site.gate)
    gate.wait_for(lambda: gate.beats and gate.beats[-1].body["ready"], "a line that is ready")
    arguments = ["e2e", str(site.line.folder / "keys" / "gate-1.key")]
    arguments += [site.line.endpoints["signals"], site.line.endpoints["service"]]

    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = [program.stdout.readline().strip() for _ in range(3)]
        program.kill()

    assert site.line.stop() == 0
    assert said[0] == "ready"
    assert [row.split()[1] for row in said[1:]] in (["PASS", "PASS"], ["PASS", "REJECT"], ["REJECT", "PASS"])


@pytest.mark.timeout(120)
def test_a_line_whose_inspect_process_is_replaced_has_the_same_key_and_the_same_clients(
    make_site: Callable[..., Site],
) -> None:
    site = make_site()
    site.line.start()
    gate = site.ear(site.gate)
    gate.wait_for(lambda: len(gate.verdicts) >= 20, "verdicts")
    (site.line.folder / "keys" / "server.key").unlink()  # read once: a running line does not need the file

    os.kill(site.line.child("inspect"), signal.SIGKILL)
    head = gate.beats[-1].header.seq
    gate.wait_for(lambda: gate.verdicts[-1].header.seq > head + 100, "verdicts of the successor")

    assert site.line.stop() == 0


@pytest.mark.fault(
    42,
    injected="the authenticator's thread raises",
    seen="an event; nobody new is let in, who is there stays; replaced",
)
@pytest.mark.timeout(120)
def test_a_dead_authenticator_of_main_is_an_event_and_clients_that_are_there_stay(
    make_site: Callable[..., Site], noticed: Noticed
) -> None:
    site = make_site()
    killer = site.line.folder / "killer"
    code = (
        "import pathlib\n"
        "from edge_inspector.cli.main import main\n"
        "from edge_inspector.signal.authenticator import Authenticator\n"
        "look = Authenticator._look\n"
        "def dying(self, *given, **named):\n"
        f"    if pathlib.Path({str(killer)!r}).exists():\n"
        "        raise RuntimeError('made to die')\n"
        "    look(self, *given, **named)\n"
        "Authenticator._look = dying\n"
        "main()\n"
    )
    site.line.start(program=["-c", code])
    gate = site.ear(site.gate)
    gate.wait_for(lambda: len(gate.verdicts) >= 20, "verdicts")

    killer.touch()
    noticed.injected()
    event = gate.wait_for(lambda: gate.event("authenticator"), "the event")
    noticed.seen()
    nothing = site.ask(site.gate, 4.0, op="hello", id=1)  # less than the 10 s to the next try, which would die too
    killer.unlink()
    gate.wait_for(lambda: gate.event("authenticator_back"), "its return")
    hello = site.ask(site.gate, op="hello", id=2)

    assert site.line.stop() == 0
    assert "nobody new may connect: its thread" in event.body["detail"]
    assert nothing is None
    assert hello["id"] == 2


@pytest.mark.timeout(120)
def test_the_service_manager_s_credential_is_the_line_s_key(make_site: Callable[..., Site], tmp_path: Path) -> None:
    site = make_site()
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (site.line.folder / "keys" / "server.key").rename(credentials / "curve-secret")
    config = yaml.safe_load(site.line.config.read_text())
    config["endpoints"]["curve"]["server_key"] = "credential"
    site.line.config.write_text(yaml.safe_dump(config))

    site.line.start(env={"CREDENTIALS_DIRECTORY": str(credentials)})
    gate = site.ear(site.gate)
    gate.wait_for(lambda: len(gate.verdicts) >= 20, "verdicts")

    assert site.line.stop() == 0
