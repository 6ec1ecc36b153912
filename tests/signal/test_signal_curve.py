"""Encrypted endpoints over real sockets: who is let in, who is not, and what each of them notices."""

from __future__ import annotations

import socket as socket_module
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from curve_rig import Client, Keys, Line, lines

from edge_inspector.client.key_file import KeyFile
from edge_inspector.client.notice import Notice, NoticeName
from edge_inspector.client.subscriber import Subscriber
from edge_inspector.core.errors import EndpointError
from edge_inspector.signal import authenticator
from edge_inspector.signal.authorized import Role
from edge_inspector.signal.guard import Endpoint, server_options
from edge_inspector.signal.keys import read_key
from edge_inspector.signal.sockets import bound

AUTH, PROTOCOL, NO_DETAIL = "HANDSHAKE_FAILED_AUTH", "HANDSHAKE_FAILED_PROTOCOL", "HANDSHAKE_FAILED_NO_DETAIL"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture
def line(keys: Keys) -> Iterator[Line]:
    with lines(keys) as line:
        yield line


def others_hear(line: Line, keys: Keys, n: int = 30) -> None:
    """Let a good client come and hear `n` messages: whoever is let in at all has heard some by then."""
    name = f"other-{line.guard.n_keys}"
    with Client(line.endpoint, keys.new(name)) as other:
        line.turn_until(lambda: other.hears() and other.n_heard >= n, "a good client to hear")


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "tcp://[::1]:*", "ipc"])
def test_an_authorised_key_hears_the_line(keys: Keys, tmp_path: Path, endpoint: str) -> None:
    told: list[Notice] = []
    with (
        lines(keys, f"ipc://{tmp_path}/s" if endpoint == "ipc" else endpoint) as line,
        Subscriber("l1", [line.endpoint], keys=keys.client("panel"), on_notice=told.append) as subscriber,
    ):
        line.turn_until(lambda: subscriber.receive(0.0), "a heartbeat")

    assert told == []


@pytest.mark.parametrize("endpoint", ["signals", "telemetry", "service"])
def test_each_endpoint_s_own_domain_is_known_to_the_authenticator(keys: Keys, line: Line, endpoint: Endpoint) -> None:
    # A domain that it does not know is refused with good keys too: the trap of a catch-all that catches only "".
    socket = bound(zmq.ROUTER, "tcp://127.0.0.1:*", endpoint, guard=line.guard)
    with Client(socket.getsockopt_string(zmq.LAST_ENDPOINT), keys.new("panel"), kind=zmq.DEALER) as client:
        line.turn_until(lambda: client.count("HANDSHAKE_SUCCEEDED"), "the handshake")
    socket.close(linger=0)


def test_an_unknown_domain_is_refused(keys: Keys, line: Line) -> None:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    for option, value in (server_options(keys.server, "service") | {zmq.ZAP_DOMAIN: b"elsewhere"}).items():
        socket.setsockopt(option, value)
    socket.bind("tcp://127.0.0.1:*")
    with Client(socket.getsockopt_string(zmq.LAST_ENDPOINT), keys.new("panel"), kind=zmq.DEALER) as client:
        line.turn_until(lambda: (AUTH, 400) in client.events(), "the refusal")
    socket.close(linger=0)


def test_a_key_that_is_not_authorised_is_refused_once_and_never_tries_again(keys: Keys, line: Line) -> None:
    stranger = keys.new("panel", role=None)
    with Client(line.endpoint, stranger) as client:
        line.turn_until(lambda: (AUTH, 400) in client.events(), "the refusal")
        keys.authorize(stranger)
        with Client(line.endpoint, stranger) as fresh:  # the same key, a new socket
            line.turn_until(fresh.hears, "the new socket to hear")
            line.turn_until(lambda: fresh.hears() and fresh.n_heard >= 50, "time for the old one to try again")

        assert (client.count("CONNECTED"), client.count(AUTH), client.hears()) == (1, 1, False)
    assert line.guard.refused == {("signals", "unknown_key"): 1}


def test_the_owner_of_another_line_s_key_is_refused_and_tries_again_and_again(keys: Keys, line: Line) -> None:
    other_server, _ = zmq.curve_keypair()
    with Client(line.endpoint, keys.new("panel"), server=other_server) as client:
        line.turn_until(lambda: client.count(NO_DETAIL) >= 3, "three tries")

        assert not client.hears()
        assert AUTH not in dict(client.events())
    assert line.guard.refused == {}  # at the verdicts nobody looks at handshakes that end before the question


def test_a_key_whose_halves_do_not_belong_together_is_refused(keys: Keys, line: Line) -> None:
    one, other = keys.new("panel"), keys.new("gate-1")
    mixed = KeyFile(one.name, one.public, other.secret, one.server)
    with Client(line.endpoint, mixed) as client:
        line.turn_until(lambda: client.count(NO_DETAIL) >= 2, "two tries")

        assert not client.hears()


@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN"])
def test_a_client_without_encryption_is_refused_and_does_not_try_again(keys: Keys, line: Line, mechanism: str) -> None:
    client = Client(line.endpoint, None)
    if mechanism == "PLAIN":
        client.socket.plain_username, client.socket.plain_password = b"panel", b"secret"
    with client:
        line.turn_until(lambda: client.count(PROTOCOL), "the refusal")
        others_hear(line, keys)

        assert (client.count("CONNECTED"), client.hears()) == (1, False)


def test_an_encrypting_client_does_not_speak_with_a_line_that_does_not(keys: Keys) -> None:
    plain = bound(zmq.XPUB, "tcp://127.0.0.1:*", "signals")
    told: list[Notice] = []
    endpoint = plain.getsockopt_string(zmq.LAST_ENDPOINT)
    with Subscriber("l1", [endpoint], keys=keys.client("panel"), on_notice=told.append) as subscriber:
        while not told:
            plain.poll(5)
            assert subscriber.receive(0.005) is None
    plain.close(linger=0)

    assert told[0].name is NoticeName.REFUSED
    assert "only one of the two encrypts" in told[0].detail


@pytest.mark.parametrize("is_known", [True, False])
def test_without_an_authenticator_nobody_is_let_in(keys: Keys, is_known: bool) -> None:
    key = keys.new("panel", Role.READ if is_known else None)
    with lines(keys, is_answering=False) as line:
        line.guard._socket.close()  # as if it had never been made
        with Client(line.endpoint, key) as client:
            line.turn_until(lambda: client.count("DISCONNECTED") or client.count("CONNECTED"), "a try")
            for _ in range(40):
                line.turn()

            assert (client.hears(), client.count("HANDSHAKE_SUCCEEDED")) == (False, 0)


def test_without_enforcing_its_domain_a_missing_authenticator_would_let_everybody_in(keys: Keys) -> None:
    # Why ZAP_ENFORCE_DOMAIN is set: if this ever fails, ZeroMQ has changed, and the option may go.
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    for option, value in (server_options(keys.server, "service") | {zmq.ZAP_ENFORCE_DOMAIN: 0}).items():
        socket.setsockopt(option, value)
    socket.bind("tcp://127.0.0.1:*")
    stranger = keys.new("stranger", role=None)
    with Client(socket.getsockopt_string(zmq.LAST_ENDPOINT), stranger, kind=zmq.DEALER) as client:
        client.socket.send(b"let me in")

        assert socket.poll(20_000)
    socket.close(linger=0)


def test_a_dead_authenticator_lets_nobody_in_and_says_so_and_who_is_in_stays(keys: Keys, line: Line) -> None:
    good, stranger = keys.new("panel"), keys.new("stranger", role=None)
    with Client(line.endpoint, good) as inside:
        line.turn_until(inside.hears, "the first client to hear")
        line.kill_authenticator()
        assert not line.guard.is_alive()

        with Client(line.endpoint, good) as late, Client(line.endpoint, stranger) as unknown:
            line.turn_until(lambda: late.count("CONNECTED") and unknown.count("CONNECTED"), "two tries")
            heard_before = inside.n_heard
            line.turn_until(lambda: inside.hears() and inside.n_heard > heard_before + 100, "time for them")

            assert (late.hears(), unknown.hears()) == (False, False)
            assert late.count("HANDSHAKE_SUCCEEDED") == unknown.count("HANDSHAKE_SUCCEEDED") == 0


def test_an_authenticator_that_is_opened_again_lets_clients_in_again(keys: Keys, line: Line) -> None:
    line.kill_authenticator()
    with Client(line.endpoint, keys.new("panel")) as client:
        line.turn_until(lambda: client.count("CONNECTED"), "a try in vain")
        del line.guard._look  # type: ignore[attr-defined]  # what killed it is gone
        line.guard.open()
        line.worker = type(line.worker)("authenticator", line.guard.step, line.guard)
        line.worker.start()

        line.turn_until(client.hears, "the same client to hear")
    assert line.guard.is_alive()


def test_a_second_authenticator_in_one_process_is_refused(keys: Keys, line: Line) -> None:
    with pytest.raises(EndpointError, match="a process has one authenticator"):
        line.guard.open()

    others_hear(line, keys)


def test_revoking_without_binding_again_would_leave_the_connection_alive(keys: Keys, line: Line) -> None:
    # Why the endpoint is bound again: if this ever fails, ZeroMQ has changed, and the rebind may go.
    with Client(line.endpoint, keys.new("panel")) as client:
        line.turn_until(client.hears, "the client to hear")
        line.signals._rebinding._guard = None
        keys.revoke("panel")
        line.turn_until(lambda: line.guard.drops, "the end of its grace")
        heard_before = client.n_heard

        line.turn_until(lambda: client.hears() and client.n_heard > heard_before + 50, "it to hear on")


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_a_revoked_key_s_connection_is_dropped_and_everybody_else_comes_back(
    keys: Keys, tmp_path: Path, transport: str
) -> None:
    revoked, stays = keys.new("panel"), keys.new("gate-1", Role.GATE)
    with (
        lines(keys, f"ipc://{tmp_path}/s" if transport == "ipc" else "tcp://127.0.0.1:*") as line,
        Client(line.endpoint, revoked) as out,
        Client(line.endpoint, stays) as other,
    ):
        line.turn_until(lambda: out.hears() and other.hears(), "both to hear")
        keys.revoke("panel")
        line.turn_until(lambda: out.count("DISCONNECTED") and other.count("DISCONNECTED"), "the drop")
        line.turn_until(lambda: (AUTH, 400) in out.events(), "the refusal of the revoked one")
        line.turn_until(other.hears, "the other one to hear again")
        out.hears()  # what lay in its queue from before
        heard_then = other.n_heard
        line.turn_until(lambda: other.hears() and other.n_heard > heard_then + 50, "it to hear on")

        assert not out.hears()
        assert (other.count("CONNECTED"), line.guard.drops) == (2, 1)


def test_before_connections_are_dropped_there_is_news_of_it_and_the_key_is_out(keys: Keys, line: Line) -> None:
    key = keys.new("panel")
    with Client(line.endpoint, key) as client:
        line.turn_until(client.hears, "the client to hear")
        keys.revoke("panel")
        news: list[str] = []

        def is_told() -> bool:
            while (one := line.guard.take_news()) is not None:
                news.append(f"{one.name} {one.severity} {one.detail}")
            return any(one.startswith("key_revoked warning panel may no longer connect") for one in news)

        line.turn_until(is_told, "the news")

        assert line.guard.drops == 0
        assert line.guard.role_of("panel") is None
        assert client.count("DISCONNECTED") == 0


def test_connections_are_not_dropped_before_there_was_time_to_tell(
    keys: Keys, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "GRACE_NS", 2**62)
    with Client(line.endpoint, keys.new("panel")) as client:
        line.turn_until(client.hears, "the client to hear")
        keys.revoke("panel")
        line.turn_until(lambda: line.guard.role_of("panel") is None, "the list to be read")
        heard_then = client.n_heard
        line.turn_until(lambda: client.hears() and client.n_heard > heard_then + 100, "it to hear on")

        assert line.guard.drops == 0


def test_an_address_that_somebody_took_meanwhile_is_bound_again_once_it_is_free(keys: Keys, line: Line) -> None:
    # What holds it here is a socket of this test, as another program would. It says nothing: a client whose handshake
    # somebody else refuses would never come back.
    port = int(line.endpoint.rsplit(":", 1)[1])
    with Client(line.endpoint, keys.new("panel")) as client:
        line.turn_until(client.hears, "the client to hear")
        line.signals._socket.unbind(line.endpoint)
        thief = socket_module.socket()
        thief.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_REUSEADDR, 1)
        line.turn_until(lambda: _takes(thief, port), "the address to be free")
        line.signals._rebinding.is_bound = False
        for _ in range(20):
            line.turn()
        assert not line.signals._rebinding.is_bound
        thief.close()

        line.turn_until(lambda: line.signals._rebinding.is_bound, "the bind")
        line.turn_until(client.hears, "the client to hear again")


def _takes(socket: socket_module.socket, port: int) -> bool:
    try:
        socket.bind(("127.0.0.1", port))
        socket.listen()
    except OSError:
        return False
    return True


def test_a_list_that_cannot_be_read_lets_nobody_new_in_until_it_is_mended(keys: Keys, line: Line) -> None:
    key, text = keys.new("panel"), keys.list.read_text()
    with Client(line.endpoint, key) as inside:
        line.turn_until(inside.hears, "the first client to hear")
        keys.list.write_text("panel read half a k")
        with Client(line.endpoint, key) as late:
            line.turn_until(lambda: late.count("DISCONNECTED"), "the refusal")
            assert line.guard.n_keys == 0
            assert not late.hears()
            line.turn_until(inside.hears, "the first client to hear on: damage is no revocation")

            keys.list.write_text(text)
            line.turn_until(late.hears, "it to come back by itself")
        assert inside.count("DISCONNECTED") == 0
    assert line.guard.refused[("signals", "keys_unreadable")] >= 1


def test_a_request_to_the_authenticator_that_is_none_gets_a_refusal_and_the_next_one_its_answer(
    keys: Keys, line: Line
) -> None:
    asker: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    asker.setsockopt(zmq.LINGER, 0)
    asker.connect("inproc://zeromq.zap.01")
    bad = [
        [b"1.0"],
        [b"2.0", b"7", b"signals", b"a", b"", b"CURVE", bytes(32)],
        [b"1.0", b"7", b"signals", b"a", b"", b"NULL"],
        [b"1.0", b"7", b"signals", b"a", b"", b"PLAIN", b"user", b"password"],
        [b"1.0", b"7", b"signals", b"a", b"", b"CURVE", b"short"],
        [b"1.0", b"7", b"signals", b"a", b"", b"CURVE", bytes(32), b"more"],
        [b"1.0", b"7", b"", b"a", b"", b"CURVE", bytes(32)],
        [b"1.0", b"7", b"\xff", b"\xff", b"", b"CURVE", bytes(32)],
    ]
    answers = []
    for request in bad:
        asker.send_multipart([b"", *request])
        assert asker.poll(20_000)
        answers.append(asker.recv_multipart()[3])
    asker.close()

    assert answers == [b"400"] * len(bad)
    others_hear(line, keys)


def test_many_strangers_at_once_do_not_keep_a_good_client_out(keys: Keys, line: Line) -> None:
    strangers = [Client(line.endpoint, keys.new(f"stranger-{n}", role=None)).connect() for n in range(120)]
    others_hear(line, keys)
    line.turn_until(lambda: line.guard.refused.get(("signals", "unknown_key")) == 120, "all refusals")
    for stranger in strangers:
        stranger.close()


@pytest.mark.fault(
    41,
    injected="a client whose key is not authorised",
    seen="the client is told why",
    noticed="with the call",
)
def test_a_client_is_told_why_it_is_refused_and_let_in_by_itself_once_its_key_is_known(keys: Keys, line: Line) -> None:
    told: list[Notice] = []
    own = keys.client("panel", role=None)
    with Subscriber("l1", [line.endpoint], keys=own, on_notice=told.append) as subscriber:

        def hears() -> bool:
            return subscriber.receive(0.0) is not None

        line.turn_until(lambda: hears() or told, "the reason")
        assert told[0].name is NoticeName.REFUSED
        assert "not authorised, or was revoked" in told[0].detail
        keys.authorize(read_key(keys.folder / "panel.pub"))

        line.turn_until(hears, "it to be let in")


@pytest.mark.parametrize("wrong", ["server", "halves"])
def test_a_client_with_a_wrong_key_file_is_told_so(keys: Keys, line: Line, wrong: str) -> None:
    told: list[Notice] = []
    own = keys.client("panel")
    public, secret = zmq.curve_keypair()
    other = replace(own, server=public) if wrong == "server" else replace(own, secret=secret)
    with Subscriber("l1", [line.endpoint], keys=other, on_notice=told.append) as subscriber:
        line.turn_until(lambda: subscriber.receive(0.0) or told, "the reason")

    assert "names another line (server-key), or its halves do not belong together" in told[0].detail
