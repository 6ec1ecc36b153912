"""Keys from the command line: made, let in, shown, revoked; and what programs do with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_program import Said, Sandbox, has_all

from edge_inspector.cli import keys as cli_keys
from edge_inspector.cli import main
from edge_inspector.client.key_file import read_key_file
from edge_inspector.signal.authorized import MOST_KEYS, AuthorizedKey, Role, read_authorized
from edge_inspector.signal.keys import server_key_of

Say = Callable[..., Said]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Call the program in this process, through what prints its errors."""

    def say(*arguments: str | Path) -> Said:
        code = main._run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return say


@pytest.fixture
def keys(tmp_path: Path, say: Say) -> Path:
    """A folder with the line's own key."""
    assert say("keys", "new", "server", "--keys", tmp_path / "keys").code == 0
    return tmp_path / "keys"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


def test_from_nothing_to_an_authorised_gate(tmp_path: Path, say: Say) -> None:
    keys = tmp_path / "keys"

    codes = [
        say("keys", "new", "server", "--keys", keys).code,
        say("keys", "new", "gate-1", "--keys", keys).code,
        say("keys", "authorize", "gate-1", "--role", "gate", "--keys", keys).code,
    ]
    told = say("keys", "list", "--keys", keys, "--json")

    key = read_key_file(keys / "gate-1.key")
    assert codes == [0, 0, 0]
    assert json.loads(told.out) == [{"name": "gate-1", "role": "gate", "public_key": key.public.decode()}]
    assert key.server == server_key_of(keys, False, {}).public
    assert sorted(path.name for path in keys.iterdir()) == [
        "authorized", "gate-1.key", "gate-1.pub", "server.key", "server.pub"
    ]  # fmt: skip


def test_a_client_may_make_its_key_itself_and_hand_over_the_public_half(keys: Path, tmp_path: Path, say: Say) -> None:
    elsewhere = tmp_path / "elsewhere"

    assert say("keys", "new", "panel", "--keys", elsewhere, "--server", keys / "server.pub").code == 0
    said = say(
        "keys", "authorize", "panel", "--role", "read", "--keys", keys, "--public", elsewhere / "panel.pub"
    )  # fmt: skip

    assert said.code == 0
    assert [key.name for key in read_authorized(keys / "authorized")] == ["panel"]
    assert not (keys / "panel.key").exists()


def test_no_verb_ever_shows_a_secret(keys: Path, tmp_path: Path, say: Say) -> None:
    said = [
        say("keys", "new", "gate-1", "--keys", keys),
        say("keys", "new", "gate-1", "--keys", keys),
        say("keys", "authorize", "gate-1", "--role", "gate", "--keys", keys, "--public", keys / "gate-1.key"),
        say("keys", "list", "--keys", keys),
        say("keys", "list", "--keys", keys, "--json"),
        say("keys", "revoke", "gate-1", "--keys", keys, "--yes"),
        say("keys", "authorize", "gate-2", "--role", "gate", "--keys", keys, "--public", keys / "gate-1.key"),
        say("keys", "new", "gate-3", "--keys", keys, "--server", keys / "gate-1.key"),
    ]

    secrets = [read_key_file(keys / f"{name}.key").secret or b"-" for name in ("server", "gate-1")]
    for one in said:
        assert not any(secret.decode() in one.out + one.err for secret in secrets)


@pytest.mark.parametrize("name", ["Gate", "gate_1", "", "a" * 33, "gate 1", "../gate", "gate\n"])
def test_a_name_that_is_none_is_refused(keys: Path, say: Say, name: str) -> None:
    for verb in (["new", name], ["authorize", name, "--role", "read"]):
        said = say("keys", *verb, "--keys", keys)

        assert said.code == 64
        assert "is no name: 1 to 32 of a-z, 0-9 and -" in said.error


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "server"], 64, ["server.key is there already", "remove it first"]),
        (["new", "server", "--server", "KEYS/server.pub"], 64, ["--server is for a client's key"]),
        (["new", "gate-1", "--server", "KEYS/absent.pub"], 78, ["no public key of the line", "keys new server"]),
        (["new", "gate-1", "--server", "KEYS/panel.pub"], 64, ["panel.pub is the key of panel", "server.pub"]),
        (["authorize", "server", "--role", "gate"], 64, ["server is the line itself"]),
        (["authorize", "gate-1", "--role", "gate"], 78, ["gate-1.pub cannot be read"]),
        (["authorize", "gate-1", "--role", "gate", "--public", "KEYS/panel.pub"], 64, ["authorise panel"]),
        (["authorize", "panel", "--role", "gate", "--public", "KEYS/authorized"], 78, ["is no key file"]),
        (["revoke", "gate-1", "--yes"], 64, ["gate-1 is not authorised", "these are: panel"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    keys: Path, say: Say, arguments: list[str], code: int, words: list[str]
) -> None:
    say("keys", "new", "panel", "--keys", keys)
    say("keys", "authorize", "panel", "--role", "read", "--keys", keys)

    said = say("keys", *[one.replace("KEYS", str(keys)) for one in arguments], "--keys", keys)

    assert said.code == code
    assert has_all(said.error, words)


def test_authorising_the_same_key_again_changes_its_role_alone(keys: Path, say: Say) -> None:
    say("keys", "new", "panel", "--keys", keys)
    for role in ("read", "gate"):
        assert say("keys", "authorize", "panel", "--role", role, "--keys", keys).code == 0

    assert [(key.name, key.role) for key in read_authorized(keys / "authorized")] == [("panel", Role.GATE)]


def test_another_key_under_a_name_that_is_authorised_must_be_revoked_first(
    keys: Path, tmp_path: Path, say: Say
) -> None:
    elsewhere = tmp_path / "elsewhere"
    say("keys", "new", "panel", "--keys", keys)
    say("keys", "authorize", "panel", "--role", "read", "--keys", keys)
    say("keys", "new", "panel", "--keys", elsewhere, "--server", keys / "server.pub")
    before = (keys / "authorized").read_text()

    said = say("keys", "authorize", "panel", "--role", "read", "--keys", keys, "--public", elsewhere / "panel.pub")

    assert said.code == 64
    assert "revoke that one first: keys revoke panel" in said.error
    assert (keys / "authorized").read_text() == before


def test_one_key_has_one_name(keys: Path, tmp_path: Path, say: Say) -> None:
    say("keys", "new", "panel", "--keys", keys)
    say("keys", "authorize", "panel", "--role", "read", "--keys", keys)
    (tmp_path / "other.pub").write_text((keys / "panel.pub").read_text().replace('"panel"', '"other"'))

    said = say("keys", "authorize", "other", "--role", "gate", "--keys", keys, "--public", tmp_path / "other.pub")

    assert said.code == 64
    assert "is authorised as panel already" in said.error


def test_the_list_has_an_end(keys: Path, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    say("keys", "new", "panel", "--keys", keys)
    full = tuple(AuthorizedKey(f"gate-{n}", Role.GATE, f"{n:040}") for n in range(MOST_KEYS))
    monkeypatch.setattr(cli_keys, "_listed", lambda _: full)

    said = say("keys", "authorize", "panel", "--role", "read", "--keys", keys)

    assert said.code == 64
    assert f"{MOST_KEYS} keys are authorised" in said.error


def test_revoking_says_first_what_every_client_will_notice(keys: Path, say: Say) -> None:
    say("keys", "new", "gate-1", "--keys", keys)
    say("keys", "authorize", "gate-1", "--role", "gate", "--keys", keys)

    unasked = say("keys", "revoke", "gate-1", "--keys", keys)  # no terminal, nobody to ask
    kept = read_authorized(keys / "authorized")
    said = say("keys", "revoke", "gate-1", "--keys", keys, "--yes")

    for one in (unasked, said):
        assert has_all(one.err, ["binds signals, telemetry and service again", "Every client is cut off for a moment"])
    assert (unasked.code, len(kept)) == (64, 1)
    assert "say --yes" in unasked.error
    assert (said.code, said.out, read_authorized(keys / "authorized")) == (0, "gate-1 is revoked\n", ())


def test_revoking_asks_a_person_and_a_no_changes_nothing(keys: Path, say: Say) -> None:
    say("keys", "new", "gate-1", "--keys", keys)
    say("keys", "authorize", "gate-1", "--role", "gate", "--keys", keys)

    answers = {"n": (1, 130), "y": (0, 0)}
    for answer, (n_left, code) in answers.items():
        leader, follower = os.openpty()
        command = ["-m", "edge_inspector.cli.main", "keys", "revoke", "gate-1", "--keys", str(keys)]
        program = subprocess.Popen([sys.executable, *command], stdin=follower, stdout=subprocess.PIPE, stderr=follower)
        os.write(leader, f"{answer}\n".encode())
        program.communicate(timeout=30)
        os.close(leader)
        os.close(follower)

        assert (len(read_authorized(keys / "authorized")), program.returncode) == (n_left, code)


def test_a_damaged_list_is_told_and_never_written_over(keys: Path, say: Say) -> None:
    say("keys", "new", "panel", "--keys", keys)
    (keys / "authorized").write_text("panel read half")

    for verb in (["list"], ["authorize", "panel", "--role", "read"], ["revoke", "panel", "--yes"]):
        said = say("keys", *verb, "--keys", keys)

        assert said.code == 78
        assert "authorized:1: the key is damaged" in said.error
    assert (keys / "authorized").read_text() == "panel read half"


def test_without_a_list_nobody_is_authorised(keys: Path, say: Say) -> None:
    (keys / "authorized").unlink()

    assert "nobody may connect" in say("keys", "list", "--keys", keys).out
    assert say("keys", "list", "--keys", keys / "absent").code == 78


def test_check_says_whether_endpoints_are_encrypted_and_how_many_keys_there_are(sandbox: Sandbox, say: Say) -> None:
    keys = sandbox.folder / "keys"
    plain = say("check", "--no-camera", "--config", sandbox.config())
    say("keys", "new", "server", "--keys", keys)
    say("keys", "new", "gate-1", "--keys", keys)
    say("keys", "authorize", "gate-1", "--role", "gate", "--keys", keys)
    endpoints = {n: f"tcp://127.0.0.1:{p}" for n, p in sandbox.ports.items() if n != "metrics"}
    config = sandbox.config(endpoints=endpoints | {"curve": {"keys": "keys"}})

    encrypted = say("check", "--no-camera", "--config", config)
    (keys / "server.key").chmod(0o644)
    open_to_others = say("check", "--no-camera", "--config", config)

    assert (plain.code, encrypted.code, open_to_others.code) == (0, 0, 78)
    assert "they are not encrypted" in plain.out
    assert has_all(encrypted.out, ["they are encrypted", "1 keys are authorised: 1 gate", "own key is good"])
    assert has_all(open_to_others.error, ["server.key is a secret that others may use", "chmod 600"])
    assert "ready to run" not in open_to_others.out


def test_a_line_whose_keys_are_open_to_others_does_not_start(sandbox: Sandbox, say: Say) -> None:
    keys = sandbox.folder / "keys"
    say("keys", "new", "server", "--keys", keys)
    (keys / "server.key").chmod(0o640)
    config = sandbox.config(endpoints={"curve": {"keys": "keys"}})

    said = sandbox.say("run", "--config", config)

    assert said.code == 78
    assert has_all(said.error, ["mode 0640", "chmod 600"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 64, ["are encrypted; give --key FILE"]),
        (["--key", "absent.key"], 78, ["absent.key cannot be read"]),
        (["--key", "keys/gate-1.pub"], 78, ["public key of gate-1", "needs gate-1.key"]),
        (["--key", "keys/server.key"], 78, ["the key of server names no line"]),
    ],
)
def test_watch_needs_the_key_of_a_client(
    sandbox: Sandbox, say: Say, arguments: list[str], code: int, words: list[str]
) -> None:
    keys = sandbox.folder / "keys"
    say("keys", "new", "server", "--keys", keys)
    say("keys", "new", "gate-1", "--keys", keys)
    config = sandbox.config(endpoints={"curve": {"keys": "keys"}})

    said = say("watch", "--config", config, *[one.replace("keys/", f"{keys}/") for one in arguments])

    assert said.code == code
    assert has_all(said.error, words)
