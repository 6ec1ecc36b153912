"""Main's side of encrypted endpoints: what is told, when, and what becomes of a dead authenticator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
import zmq
from app_samples import settings_of, values
from fakes.line_memory import make_memory

from edge_inspector.app import keys as app_keys
from edge_inspector.app.guarded import guarded
from edge_inspector.app.keys import curve_plan, key_sentences
from edge_inspector.app.outlet import Outlet
from edge_inspector.app.report import Children, Reporter
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.subscriber import Subscriber
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import KeysError
from edge_inspector.core.verdict import LineState, Totals
from edge_inspector.observe.fresh import fresh_metrics
from edge_inspector.run.memory import Word
from edge_inspector.settings.line import LineSettings
from edge_inspector.signal.authorized import LIST, AuthorizedKey, Role, read_authorized, write_authorized
from edge_inspector.signal.keys import make_key, read_key

WAIT_NS = 20_000_000_000


class Bench:
    """An outlet with keys on real sockets, turned by hand."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder / "keys"
        make_key(self.folder, "server", None)
        self.server = read_key(self.folder / "server.pub").public
        write_authorized(self.folder / LIST, ())
        self.panel = self.authorized("panel", Role.READ)
        names = ("signals", "telemetry", "service")
        self.endpoints = {name: f"ipc://{folder}/{name}" for name in names}
        given = values() | {
            "endpoints": self.endpoints | {"curve": {"keys": str(self.folder)}},
            "metrics": {"port": None},
            "state_dir": str(folder),
        }
        self.settings: LineSettings = settings_of(given)
        self.memory = make_memory()
        self.outlet = Outlet(self.settings, self.memory)
        stack.callback(self.outlet.close)
        self.outlet.start()
        self.events: list[str] = []
        self.is_met = False
        self.listener = stack.enter_context(Subscriber("press-3", [self.endpoints["telemetry"]], keys=self.panel))
        self.wait_for(lambda: self.is_met, "the greeting")

    def authorized(self, name: str, role: Role) -> ClientKeys:
        make_key(self.folder, name, self.server)
        key = read_key(self.folder / f"{name}.key")
        path = self.folder / LIST
        write_authorized(path, (*read_authorized(path), AuthorizedKey(name, role, key.public.decode())))
        return ClientKeys.load(self.folder / f"{name}.key")

    def hear(self) -> None:
        message = self.listener.receive(0.01)
        self.is_met |= message is not None
        if message is not None and message.kind == "event":
            self.events.append(message.body["name"])

    def wait_for(self, is_true: Callable[[], object], what: str) -> None:
        ends = monotonic_ns() + WAIT_NS
        while not is_true():
            assert monotonic_ns() < ends, f"waited for {what}; events {self.events}"
            self.outlet.follow_state()
            self.hear()

    def hears(self, name: str) -> None:
        self.wait_for(lambda: name in self.events, f"event {name}")

    def kill_authenticator(self) -> None:
        keeper = self.outlet._keys
        assert keeper is not None
        keeper.guard._look = _raise  # type: ignore[method-assign]
        self.wait_for(lambda: keeper._worker.error is not None, "its death")

    def mend_authenticator(self) -> None:
        assert self.outlet._keys is not None
        del self.outlet._keys.guard._look  # type: ignore[attr-defined]


def _raise(*_: object, **__: object) -> None:
    raise RuntimeError("made to die")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)


def test_a_revocation_is_told_before_connections_are_dropped_and_others_come_back(bench: Bench) -> None:
    bench.authorized("gate-1", Role.GATE)
    bench.hears("keys_changed")
    path = bench.folder / LIST
    write_authorized(path, [key for key in read_authorized(path) if key.name != "gate-1"])

    bench.hears("key_revoked")
    assert bench.outlet.key_figures().refused.get(("telemetry", "unknown_key"), 0) == 0  # type: ignore[union-attr]
    n_before = len(bench.events)
    bench.wait_for(lambda: bench.outlet._keys.guard.drops, "the drop")  # type: ignore[union-attr]
    bench.outlet.follow_state()
    bench.wait_for(lambda: bench.outlet._telemetry._rebinding.is_bound, "the bind")
    bench.outlet.announce("after_it", "info", "heard by those who are back", stands=True)

    bench.hears("after_it")
    assert bench.events[n_before:].count("key_revoked") == 0


def test_an_authenticator_that_dies_is_told_to_newcomers_and_replaced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.kill_authenticator()

    bench.hears("authenticator")
    figures = bench.outlet.key_figures()
    assert figures is not None
    assert (figures.is_alive, figures.authorized) == (False, 1)

    bench.mend_authenticator()
    monkeypatch.setattr(app_keys, "AGAIN_NS", 0)
    monkeypatch.setattr(app_keys, "PROVEN_NS", 0)
    bench.hears("authenticator_back")
    with Subscriber("press-3", [bench.endpoints["telemetry"]], keys=bench.panel) as newcomer:
        said: list[str] = []

        def is_greeted() -> bool:
            message = newcomer.receive(0.01)
            said.extend([] if message is None else [message.body.get("name", message.kind)])
            return "state" in said

        bench.wait_for(is_greeted, "the newcomer's greeting")
        bench.outlet.announce("end_of_greeting", "info", "all that stands was said before")
        bench.wait_for(lambda: is_greeted() and "end_of_greeting" in said, "the rest of it")
    assert "authenticator" not in said  # withdrawn


def test_an_authenticator_that_dies_again_when_it_is_replaced_is_not_said_to_be_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_keys, "AGAIN_NS", 0)
    bench.kill_authenticator()
    bench.hears("authenticator")
    keeper = bench.outlet._keys
    assert keeper is not None

    for _ in range(5):  # replaced again and again, and dead each time
        worker = keeper._worker
        bench.wait_for(lambda: keeper._worker is not worker and keeper._worker.error is not None, "one more death")  # noqa: B023

    assert "authenticator_back" not in bench.events
    assert bench.events.count("authenticator") == 1


def test_an_authenticator_that_hangs_counts_as_dead(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_inspector.signal import authenticator

    monkeypatch.setattr(authenticator, "DEAD_NS", -1)

    bench.hears("authenticator")


def test_a_list_that_is_damaged_while_the_line_runs_is_told_until_it_is_mended(bench: Bench) -> None:
    path = bench.folder / LIST
    text = path.read_text()
    path.write_text("panel read")

    bench.hears("keys_unreadable")
    assert bench.outlet.key_figures().authorized == 0  # type: ignore[union-attr]
    assert any(body["name"] == "keys_unreadable" for body in bench.outlet._telemetry._standing)

    path.write_text(text)
    bench.hears("keys_changed")
    assert not any(body["name"] == "keys_unreadable" for body in bench.outlet._telemetry._standing)


def test_metrics_say_who_was_let_in(bench: Bench) -> None:
    bench.memory.write(Word.KEYS_REFUSED, 4)
    metrics, take = fresh_metrics(None)
    reporter = Reporter(metrics, take, bench.memory, ["cam0"], bench.outlet.key_figures)

    child = SimpleNamespace(child=None, restarts=0)
    children = Children([child], child)  # type: ignore[list-item, arg-type]
    families = reporter.snapshot(Totals(0, 0, 0, 0, 0), LineState.READY, True, children, None)
    samples = {
        (family["name"], *sorted(labels.values())): value
        for family in families
        for _, labels, value in family["samples"]
    }

    name = "edge_inspector_handshakes_refused_total"
    assert samples[(name, "signals", "unknown_key")] == 4
    assert samples[(name, "not_curve", "service")] == 0
    assert samples[("edge_inspector_authorized_keys",)] == 1
    assert samples[("edge_inspector_authenticator_alive",)] == 1


def test_a_line_without_encryption_has_no_keys_and_no_metrics_of_them(tmp_path: Path) -> None:
    settings = settings_of(values())

    assert curve_plan(settings) is None
    assert list(key_sentences(settings)) == []
    with guarded(None) as guard:
        assert guard is None


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda keys: (keys / "server.key").unlink(), "keys new server"),
        (lambda keys: (keys / "server.key").chmod(0o644), "chmod 600"),
        (lambda keys: (keys / LIST).unlink(), "keys authorize"),
        (lambda keys: (keys / LIST).write_text("half a l"), f"{LIST} is cut off"),
        (lambda keys: (keys / LIST).chmod(0o666), "chmod 600"),
    ],
)
def test_keys_that_cannot_be_used_stop_the_start_before_anything_is_bound(
    tmp_path: Path,
    damage: Callable[[Path], object],
    words: str,
) -> None:
    keys = tmp_path / "keys"
    make_key(keys, "server", None)
    write_authorized(keys / LIST, ())
    endpoints = {name: f"ipc://{tmp_path}/{name}" for name in ("signals", "telemetry", "service")}
    settings = settings_of(values() | {"endpoints": endpoints | {"curve": {"keys": str(keys)}}})
    memory = make_memory()
    damage(keys)

    for attempt in (lambda: Outlet(settings, memory), lambda: list(key_sentences(settings))):
        with pytest.raises(KeysError, match=words):
            attempt()

    assert not (tmp_path / "telemetry").exists()


def test_check_says_how_many_keys_of_which_role_there_are(bench: Bench) -> None:
    bench.authorized("gate-1", Role.GATE)
    bench.authorized("logger", Role.READ)

    told = list(key_sentences(bench.settings))

    assert told == [
        "3 keys are authorised: 1 gate, 2 read",
        f"the line's own key is good; clients know it by {bench.server.decode()}",
    ]


def test_check_warns_when_nobody_may_connect(bench: Bench) -> None:
    write_authorized(bench.folder / LIST, ())

    assert "NOBODY may connect" in list(key_sentences(bench.settings))[1]


def test_check_cannot_look_at_a_credential_that_only_the_service_is_given(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = values() | {"endpoints": {"curve": {"keys": str(bench.folder), "server_key": "credential"}}}
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (bench.folder / "server.key").rename(bench.folder / "curve-secret")

    outside = list(key_sentences(settings_of(given)))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(bench.folder))
    inside = list(key_sentences(settings_of(given)))

    assert "only the service is given" in outside[-1]
    assert "is good" in inside[-1]


def test_the_inspect_process_s_authenticator_is_closed_before_its_context_ends(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    make_key(keys, "server", None)
    write_authorized(keys / LIST, ())
    plan = curve_plan(settings_of(values() | {"endpoints": {"curve": {"keys": str(keys)}}}))

    with guarded(plan) as guard:
        assert guard is not None
        assert guard.is_alive()

    assert guard._socket.closed
    assert not guard.is_alive()
    probe = zmq.Context.instance().socket(zmq.REP)
    ends = time.monotonic() + 10
    while True:  # ZeroMQ's own thread gives the name back
        try:
            probe.bind("inproc://zeromq.zap.01")
            break
        except zmq.ZMQError:
            assert time.monotonic() < ends, "the name is still taken"
            time.sleep(0.01)
    probe.close()
