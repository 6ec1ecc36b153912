"""A client with keys: refused, let in later through a fresh socket, and files that are no keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from fakes.wire_line import WireLine
from line_contract import Consumer
from zmq.auth import create_certificates
from zmq.auth.thread import ThreadAuthenticator

from edge_inspector.client.keys import ClientKeys, KeysError


@pytest.fixture
def keys(tmp_path: Path) -> ClientKeys:
    for name in ("gate-1", "line"):
        create_certificates(tmp_path, name)
    (tmp_path / "gate-1.key_secret").chmod(0o600)
    return ClientKeys.load(tmp_path / "gate-1.key_secret", tmp_path / "line.key")


@pytest.fixture
def authenticator(tmp_path: Path) -> Iterator[ThreadAuthenticator]:
    (tmp_path / "authorized").mkdir()
    found = ThreadAuthenticator(zmq.Context.instance())
    found.start()
    found.configure_curve(domain="insp", location=str(tmp_path / "authorized"))
    yield found
    found.stop()


@pytest.fixture
def line(tmp_path: Path, keys: ClientKeys, authenticator: ThreadAuthenticator) -> Iterator[WireLine]:
    server = ClientKeys.load(tmp_path / "gate-1.key_secret", tmp_path / "line.key").server
    secret = next(row for row in (tmp_path / "line.key_secret").read_text().splitlines() if "secret-key" in row)
    with WireLine(tmp_path, curve=(server, secret.split('"')[1].encode())) as line:
        yield line


def test_a_refused_client_is_told_and_let_in_once_its_key_is_known(
    line: WireLine, keys: ClientKeys, authenticator: ThreadAuthenticator, tmp_path: Path
) -> None:
    with Consumer(line, keys=keys) as consumer:
        consumer.until(lambda: consumer.told("refused"), "the refusal")
        (tmp_path / "authorized" / "gate-1.key").write_text((tmp_path / "gate-1.key").read_text())
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


def test_a_secret_is_not_shown(keys: ClientKeys) -> None:
    assert keys.secret.decode() not in repr(keys)


def test_files_that_are_no_keys_are_refused_in_words(tmp_path: Path, keys: ClientKeys) -> None:
    own, server = tmp_path / "gate-1.key_secret", tmp_path / "line.key"
    short = tmp_path / "short"
    short.write_text('public-key = "abc"\n')
    with pytest.raises(KeysError, match="cannot be read"):
        ClientKeys.load(tmp_path / "missing", server)
    with pytest.raises(KeysError, match="no secret key"):
        ClientKeys.load(server, server)
    with pytest.raises(KeysError, match="3 characters, not 40"):
        ClientKeys.load(own, short)
    own.chmod(0o640)
    with pytest.raises(KeysError, match="chmod 600"):
        ClientKeys.load(own, server)
