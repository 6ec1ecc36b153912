"""Key files and the list of who may connect: modes, owners, damage, and nothing half written."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from zmq.auth import load_certificate

from edge_inspector.client.key_file import KeyFileError, parse_key_file, read_key_file
from edge_inspector.core.errors import KeysError, UsageError
from edge_inspector.signal import whole_file
from edge_inspector.signal.authorized import MOST_KEYS, AuthorizedKey, Role, read_authorized, write_authorized
from edge_inspector.signal.keys import make_key, read_key, server_key_of
from edge_inspector.signal.whole_file import locked, make_file, replace_file

SOMEBODY = 4711
"""Number of a user that is neither root nor whoever runs the tests."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_key(tmp_path / "keys", "server", None)
    return tmp_path / "keys"


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    former = os.umask(request.param)
    yield request.param
    os.umask(former)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def strangers(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Make the owner of a file and this program two users, neither of them root; returns their numbers."""
    if os.geteuid() == 0:
        os.chown(path, SOMEBODY, SOMEBODY)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    return owner, owner + 1


def public_key() -> str:
    return zmq.curve_keypair()[0].decode()


def test_a_secret_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    keys = tmp_path / "keys"

    secret, public = make_key(keys, "gate-1", public_key().encode())
    write_authorized(keys / "authorized", ())

    assert (mode_of(keys), mode_of(secret), mode_of(keys / "authorized")) == (0o700, 0o600, 0o600)
    assert mode_of(public) == 0o644


def test_a_key_file_says_all_that_its_client_needs(folder: Path) -> None:
    server = server_key_of(folder, False, {})

    secret_file, public_file = make_key(folder, "gate-1", server.public)
    secret, public = read_key_file(secret_file), read_key_file(public_file)

    assert (secret.name, secret.server, public.name, public.server) == ("gate-1", server.public, "gate-1", None)
    assert secret.secret is not None
    assert zmq.curve_public(secret.secret) == secret.public == public.public
    assert public.secret is None


def test_other_programs_read_the_same_files(folder: Path) -> None:
    secret_file, public_file = make_key(folder, "gate-1", public_key().encode())
    key = read_key_file(secret_file)

    assert load_certificate(secret_file) == (key.public, key.secret)
    assert load_certificate(public_file) == (key.public, None)


def test_a_secret_shows_in_no_text_of_a_key(folder: Path) -> None:
    server = server_key_of(folder, False, {})
    make_key(folder, "gate-1", server.public)
    key = read_key(folder / "gate-1.key")
    assert key.secret is not None

    assert server.secret.decode() not in repr(server)
    assert key.secret.decode() not in repr(key)


@pytest.mark.parametrize("suffix", ["key", "pub"])
def test_a_key_that_is_there_is_never_overwritten(folder: Path, suffix: str) -> None:
    before = (folder / "server.key").read_bytes()
    (folder / f"server.{'pub' if suffix == 'key' else 'key'}").unlink()

    with pytest.raises(UsageError, match=f"server.{suffix} is there already"):
        make_key(folder, "server", None)

    assert suffix == "pub" or (folder / "server.key").read_bytes() == before


def test_a_file_that_came_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("first")

    with pytest.raises(FileExistsError):
        make_file(tmp_path / "a", "second", 0o600)

    assert (tmp_path / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_write_that_fails_leaves_the_former_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "authorized"
    write_authorized(path, ())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fsync", full)
    with pytest.raises(KeysError, match="authorized cannot be written: No space left on device"):
        write_authorized(path, [AuthorizedKey("gate-1", Role.GATE, public_key())])

    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["authorized"]


def test_a_draft_is_private_before_anything_stands_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    really = os.fchmod

    def fchmod(fd: int, mode: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(fd).st_mode))
        assert os.fstat(fd).st_size == 0
        really(fd, mode)

    monkeypatch.setattr(whole_file.os, "fchmod", fchmod)
    former = os.umask(0)
    replace_file(tmp_path / "a", "secret", 0o600)
    os.umask(former)

    assert seen == [0o600]


def test_root_writes_for_the_owner_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    if os.geteuid() == 0:
        os.chown(keys, SOMEBODY, SOMEBODY)
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(whole_file.os, "geteuid", lambda: 0)
    monkeypatch.setattr(whole_file.os, "fchown", lambda _, uid, gid: given.append((uid, gid)))

    make_key(keys, "server", None)
    write_authorized(keys / "authorized", ())

    owner = keys.stat()
    assert given == [(owner.st_uid, owner.st_gid)] * 3


def test_two_programs_that_change_the_list_do_not_undo_each_other(folder: Path) -> None:
    path = folder / "authorized"
    write_authorized(path, ())

    def authorize(n: int) -> None:
        with locked(folder):
            write_authorized(path, (*read_authorized(path), AuthorizedKey(f"gate-{n}", Role.GATE, public_key())))

    threads = [threading.Thread(target=authorize, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {key.name for key in read_authorized(path)} == {f"gate-{n}" for n in range(8)}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o606, 0o644, 0o777])
def test_a_secret_that_others_could_use_is_refused_with_what_mends_it(folder: Path, mode: int) -> None:
    path = folder / "server.key"
    path.chmod(mode)

    with pytest.raises(KeysError, match=rf"mode {mode:04o}\); mend it: chmod 600 {path}"):
        server_key_of(folder, False, {})


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_secret_of_its_owner_alone_is_taken(folder: Path, mode: int) -> None:
    (folder / "server.key").chmod(mode)

    assert server_key_of(folder, False, {}).public == read_key(folder / "server.pub").public


def test_a_secret_of_another_user_is_refused_with_what_mends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "server.key"
    owner, reader = strangers(path, monkeypatch)

    with pytest.raises(KeyFileError, match=rf"belongs to user {owner}, .* mend it: sudo chown {reader} {path}"):
        read_key_file(path)


def test_a_public_key_may_be_read_by_all(folder: Path) -> None:
    (folder / "server.pub").chmod(0o666)

    assert read_key(folder / "server.pub").name == "server"


def test_a_missing_key_of_the_line_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=rf"edge-inspector keys new server --keys {tmp_path}"):
        server_key_of(tmp_path, False, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no key file"),
        ("\xff\xfe" * 50, "is no key file"),
        ('name = "server"\n' + "#" * 5000, "is no key file"),
        ('name = "Server"\npublic-key = "{public}"', "1 to 32 of a-z"),
        ('name = "server"\npublic-key = "short"', "its public-key is damaged"),
        ('name = "server"\npublic-key = "{public}"\nsecret-key = "' + "~" * 40 + '"', "its secret-key is damaged"),
        ('name = "server"\npublic-key = "' + "#" * 40 + '"', "its public-key is damaged"),  # over 32 bits
        ('name = "gate-1"\npublic-key = "{public}"\nsecret-key = "{secret}"', "is that of consumer gate-1"),
        ('name = "server"\npublic-key = "{other}"\nsecret-key = "{secret}"', "do not belong together"),
        ('name = "server"\npublic-key = "{public}"', "is public; the line needs"),
    ],
)
def test_a_damaged_key_of_the_line_is_refused_in_words(folder: Path, text: str, words: str) -> None:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    path = folder / "server.key"
    path.write_bytes(text.format(public=public, secret=secret, other=public_key()).encode("latin-1"))

    with pytest.raises(KeysError, match=words) as caught:
        server_key_of(folder, False, {})

    assert secret not in str(caught.value)


def test_what_is_no_file_is_refused_without_waiting(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    before = len(os.listdir("/proc/self/fd"))

    for path in (folder / "fifo", folder):
        with pytest.raises(KeyFileError, match=r"is no file|Is a directory"):
            read_key_file(path)

    assert len(os.listdir("/proc/self/fd")) == before


def test_entries_that_a_reader_does_not_know_are_ignored_and_the_first_of_a_name_counts() -> None:
    public, other = public_key(), public_key()
    text = f'# name = "no"\n\n zone\n\tname="panel"\nnew = "x"\n  public-key   =   "{public}"\npublic-key = "{other}"\n'

    assert parse_key_file(text.encode(), "a").public == public.encode()


def test_the_line_s_key_may_be_a_credential_of_the_service_manager(folder: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    os.rename(folder / "server.key", credentials / "curve-secret")
    (credentials / "curve-secret").chmod(0o440)  # with access lists systemd shows a group that has one member

    key = server_key_of(folder, True, {"CREDENTIALS_DIRECTORY": str(credentials)})

    assert key.public == read_key(folder / "server.pub").public


@pytest.mark.parametrize(
    ("is_set", "words"),
    [(False, r"\$CREDENTIALS_DIRECTORY is not set"), (True, "cannot be read: No such file")],
)
def test_a_missing_credential_names_the_line_of_the_unit(folder: Path, is_set: bool, words: str) -> None:
    environment = {"CREDENTIALS_DIRECTORY": str(folder)} if is_set else {}

    with pytest.raises(KeysError, match=rf"{words}.*LoadCredential=curve-secret:/path/of/server.key"):
        server_key_of(folder, True, environment)


def test_a_damaged_credential_is_refused(folder: Path) -> None:
    (folder / "curve-secret").write_text("nothing")

    with pytest.raises(KeysError, match="curve-secret is no key file"):
        server_key_of(folder, True, {"CREDENTIALS_DIRECTORY": str(folder)})


def test_the_list_comes_back_as_it_was_written(tmp_path: Path) -> None:
    keys = [AuthorizedKey("gate-1", Role.GATE, public_key()), AuthorizedKey("panel", Role.READ, public_key())]

    write_authorized(tmp_path / "authorized", keys)

    assert read_authorized(tmp_path / "authorized") == tuple(keys)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["gate-1 gate"], "this has 2 words"),
        (["gate-1 gate {a} more"], "this has 4 words"),
        (["Gate gate {a}"], "a name is 1 to 32"),
        (["server gate {a}"], "and not `server`"),
        (["gate-1 root {a}"], "'root' is no role"),
        (["gate-1 gate short"], "the key is damaged"),
        (["gate-1 gate {a}", "gate-1 read {b}"], "stands twice"),
        (["gate-1 gate {a}", "gate-2 read {a}"], "stands twice"),
        (["\x00\xff"], "this has 1 words"),
    ],
)
def test_a_list_with_a_line_that_means_nothing_is_refused_as_a_whole(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    path, keys = tmp_path / "authorized", {"a": public_key(), "b": public_key()}
    path.write_bytes("\n".join(["# head", "", *lines, "# end"]).format(**keys).encode("latin-1"))
    path.chmod(0o600)

    with pytest.raises(KeysError, match=words) as caught:
        read_authorized(path)

    assert str(caught.value).startswith(f"{path}:{2 + len(lines)}: ")


def test_a_list_that_is_cut_off_anywhere_is_refused_and_so_revokes_nobody(tmp_path: Path) -> None:
    path = tmp_path / "authorized"
    keys = (AuthorizedKey("gate-1", Role.GATE, public_key()), AuthorizedKey("panel", Role.READ, public_key()))
    write_authorized(path, keys)
    whole = path.read_bytes()

    for length in range(len(whole) - 1):  # without its last line end it is whole
        path.write_bytes(whole[:length])
        with pytest.raises(KeysError, match="is cut off: its last line is not `# end`"):
            read_authorized(path)
    path.write_bytes(whole[:-1])
    assert read_authorized(path) == keys


def test_a_list_that_is_missing_or_far_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="cannot be read: No such file"):
        read_authorized(tmp_path / "authorized")

    (tmp_path / "authorized").write_bytes(b"#" * (100 * MOST_KEYS + 1))
    with pytest.raises(KeysError, match="it is no such list"):
        read_authorized(tmp_path / "authorized")


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_list_that_others_may_write_is_refused_with_what_mends_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "authorized"
    write_authorized(path, ())
    path.chmod(mode)

    with pytest.raises(KeysError, match=rf"mode {mode:04o}\), who could let anybody in; mend it: chmod 600 {path}"):
        read_authorized(path)


def test_a_list_of_another_user_is_refused_with_what_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "authorized"
    write_authorized(path, ())
    owner, reader = strangers(path, monkeypatch)

    with pytest.raises(KeysError, match=rf"belongs to user {owner}.* mend it: sudo chown {reader} {path}"):
        read_authorized(path)


def test_a_folder_that_cannot_be_made_or_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(KeysError, match="is no folder"):
        make_key(tmp_path / "file", "server", None)
    with pytest.raises(KeysError, match="cannot be made"):
        make_key(tmp_path / "a" / "b", "server", None)
    with pytest.raises(KeysError, match="cannot be used"), locked(tmp_path / "absent"):
        pass
