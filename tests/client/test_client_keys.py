"""A client with keys: refused, let in later through a fresh socket, and files that are no keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from fakes.wire_line import WireLine
from line_contract import Consumer
from zmq.auth.thread import ThreadAuthenticator

from edge_inspector.client.key_file import KeyFileError
from edge_inspector.client.keys import ClientKeys


@pytest.fixture
def server() -> tuple[bytes, bytes]:
    return zmq.curve_keypair()


@pytest.fixture
def keys(tmp_path: Path, server: tuple[bytes, bytes]) -> ClientKeys:
    public, secret = zmq.curve_keypair()
    entries = {"name": b"gate-1", "server-key": server[0], "public-key": public, "secret-key": secret}
    text = "".join(f'    {name} = "{value.decode()}"\n' for name, value in entries.items())
    (tmp_path / "gate-1.key").write_text(text)
    (tmp_path / "gate-1.key").chmod(0o600)
    (tmp_path / "gate-1.pub").write_text(f'    public-key = "{public.decode()}"\n')
    return ClientKeys.load(tmp_path / "gate-1.key")


def started() -> ThreadAuthenticator:
    """Return a running one; the address of the one before is free a moment after its end."""
    ends_s = time.monotonic() + 5
    while True:
        found = ThreadAuthenticator(zmq.Context.instance())
        try:
            found.start()
            return found
        except zmq.ZMQError:
            assert time.monotonic() < ends_s, "another authenticator does not end"
            time.sleep(0.02)


@pytest.fixture
def authenticator(tmp_path: Path) -> Iterator[ThreadAuthenticator]:
    (tmp_path / "authorized").mkdir()
    found = started()
    found.configure_curve(domain="insp", location=str(tmp_path / "authorized"))
    yield found
    found.stop()


@pytest.fixture
def line(tmp_path: Path, server: tuple[bytes, bytes], authenticator: ThreadAuthenticator) -> Iterator[WireLine]:
    with WireLine(tmp_path, curve=server) as line:
        yield line


def test_a_refused_client_is_told_and_let_in_once_its_key_is_known(
    line: WireLine, keys: ClientKeys, authenticator: ThreadAuthenticator, tmp_path: Path
) -> None:
    with Consumer(line, keys=keys) as consumer:
        consumer.until(lambda: consumer.told("refused"), "the refusal")
        (tmp_path / "authorized" / "gate-1.key").write_text((tmp_path / "gate-1.pub").read_text())
        authenticator.configure_curve(domain="insp", location=str(tmp_path / "authorized"))
        consumer.greeted()
        line.judge()
        consumer.until(lambda: consumer.live() == [1], "a verdict")

    assert any("does not know this key" in notice.detail for notice in consumer.notices)


@pytest.mark.parametrize("wrong", ["server", "none"])
def test_wrong_keys_are_told(line: WireLine, keys: ClientKeys, wrong: str) -> None:
    other = None if wrong == "none" else ClientKeys(keys.public, keys.secret, zmq.curve_keypair()[0])
    with Consumer(line, keys=other) as consumer:
        consumer.until(lambda: consumer.told("refused"), "the refusal")


def test_a_credential_of_the_service_manager_is_taken_though_it_looks_open(
    tmp_path: Path, keys: ClientKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    # systemd gives it to its one user by an access list, which shows as a right of the group.
    path = tmp_path / "gate-1.key"
    path.chmod(0o440)
    with pytest.raises(KeyFileError, match="others may use"):
        ClientKeys.load(path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert ClientKeys.load(path) == keys


def test_a_secret_is_not_shown(keys: ClientKeys) -> None:
    assert keys.secret.decode() not in repr(keys)


@pytest.mark.parametrize(
    ("word", "why"),
    [("secret-key", "public key of gate-1; a client needs gate-1.key"), ("server-key", "key of gate-1 names no line")],
)
def test_a_file_without_all_keys_is_refused_in_words(tmp_path: Path, keys: ClientKeys, word: str, why: str) -> None:
    path = tmp_path / "gate-1.key"
    path.write_text("".join(row for row in path.read_text().splitlines(True) if word not in row))

    with pytest.raises(KeyFileError, match=why):
        ClientKeys.load(path)
