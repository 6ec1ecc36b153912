"""The control socket: one JSON line per request, from users of this computer whose names the kernel gives.

A Unix socket in the line's state folder, not the ZeroMQ service endpoint: that one asks nobody who he is.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import ProcessError
from edge_inspector.core.logs import get_log

log = get_log(__name__)

NAME = "control.sock"
MODE = 0o660
"""Who may write to it may ask: the daemon's user and group."""
REQUEST_BYTES = 4096
ANSWER_BYTES = 65536
CLIENT_S = 1.0
"""A client has so long to send its line, and again to take the answer: others wait meanwhile."""
BACKLOG = 8
_CREDENTIALS = struct.Struct("3i")
_NO_LOGIN = 2**32 - 1
_LOGIN_UID = "login_uid"
"""Of a request: who is behind it, as the client's kernel knows it."""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, as the kernel knows it."""

    pid: int
    uid: int
    user: str
    """Name of the uid; its digits when it has none."""
    login: str | None
    """Who logged in, where that is somebody else (`sudo`); None when it is the same or not known."""

    def __str__(self) -> str:
        """Return the name, and who is behind it."""
        return self.user if self.login is None else f"{self.user} (logged in as {self.login})"


class ControlSocket:
    """The daemon's end. One client at a time, each with a limit of bytes and time; one thread."""

    def __init__(self, folder: Path, answer: Callable[[dict[str, Any], Peer], Answer]) -> None:
        """Bind. The folder must be locked by this process: a socket left by a killed daemon is replaced.

        Args:
            folder: The line's state folder.
            answer: Gives the answer to a request; called in the thread that calls `step`.

        Raises:
            ProcessError: It cannot be bound.
        """
        self._folder, self._answer = folder, answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _address(folder) as address:
                self._bind(address)
        except OSError as error:
            self._socket.close()
            why = error.strerror or error
            raise ProcessError(f"control socket {folder / NAME} cannot be made: {why}; see to that path") from error

    def step(self) -> bool:
        """Answer one client; False if none came within 0.1 s."""
        try:
            client, _ = self._socket.accept()
        except TimeoutError:
            return False
        except OSError as error:  # no descriptor left, or the client is gone again
            log.warning("control_client_refused", detail=str(error))
            time.sleep(0.1)
            return False
        with client:
            try:
                self._serve(client)
            except OSError as error:
                log.warning("control_client_dropped", detail=str(error))
        return True

    def close(self) -> None:
        """Close, and take the file away; the folder is still locked."""
        self._socket.close()
        with suppress(OSError), _address(self._folder) as address:
            os.unlink(address)

    def _bind(self, address: str) -> None:
        with suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.lstat(address).st_mode):
                raise FileExistsError(None, "something else has this name")
            os.unlink(address)
        # Linux gives the file the mode that the socket has at the bind, less the umask: never more than MODE.
        os.fchmod(self._socket.fileno(), MODE)
        self._socket.bind(address)
        os.chmod(address, MODE)
        self._socket.listen(BACKLOG)
        self._socket.settimeout(0.1)

    def _serve(self, client: socket.socket) -> None:
        request, peer = _parsed(_line(client, REQUEST_BYTES, CLIENT_S)), _peer(client)
        if isinstance(request, dict):
            peer = _with_login(peer, request.pop(_LOGIN_UID, None))
        if isinstance(request, str):
            log.warning("control_request_refused", detail=request)
            answer: Answer = {"ok": False, "refused": True, "error": request}
        else:
            answer = self._answer(request, peer)
        client.settimeout(CLIENT_S)
        client.sendall(json.dumps(answer).encode() + b"\n")


def ask_daemon(folder: Path, request: dict[str, Any], timeout_s: float) -> Answer:
    """Send one request to the daemon of a state folder and return its answer.

    Raises:
        ProcessError: No daemon runs there, it does not answer within the time, or this user may not ask it.
    """
    ends_s = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
        try:
            with _address(folder) as address:
                _connect(asker, address, ends_s)
            asker.sendall(json.dumps(request | _behind_this_process()).encode() + b"\n")
            answer = _parsed(_line(asker, ANSWER_BYTES, ends_s - time.monotonic()))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
            raise ProcessError(
                f"no daemon runs with state_dir {folder}; start it with `edge-inspector run`, or give its configuration"
            ) from error
        except PermissionError as error:
            raise ProcessError(
                f"you may not use {folder / NAME}{_owner(folder)}; ask as that user, or as a member of its group"
            ) from error
        except TimeoutError as error:
            raise ProcessError(
                f"the daemon at {folder} did not answer within {timeout_s:g} s; see its log, then ask for the status"
            ) from error
        except OSError as error:
            raise ProcessError(f"the daemon at {folder} cannot be asked: {error}; try again") from error
    if isinstance(answer, str):
        raise ProcessError(f"the daemon at {folder} hung up without an answer; ask for the status")
    return answer


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Give the socket's address in a form that is short however deep the folder lies: 107 bytes are the limit."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{NAME}"
    finally:
        os.close(fd)


def _connect(asker: socket.socket, address: str, ends_s: float) -> None:
    while True:
        asker.settimeout(max(0.001, ends_s - time.monotonic()))
        try:
            asker.connect(address)
            return
        except BlockingIOError:  # as many wait already as may
            if time.monotonic() > ends_s:
                raise TimeoutError from None
            time.sleep(0.02)


def _line(end: socket.socket, most: int, within_s: float) -> bytes:
    """Return what comes up to a line's end or the end of the stream; more than `most` bytes are not read.

    Raises:
        TimeoutError: Neither came within the time.
    """
    ends_s = time.monotonic() + within_s
    data = b""
    while b"\n" not in data and len(data) <= most:
        left_s = ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no whole line within the time")
        end.settimeout(left_s)
        piece = end.recv(4096)
        if not piece:
            break
        data += piece
    return data


def _parsed(line: bytes) -> dict[str, Any] | str:
    """Return the object of a line, or what is wrong with it."""
    if not line.endswith(b"\n"):
        return f"a message is one JSON object in one line; these {len(line)} bytes are none"
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return "the message is not JSON"
    return message if isinstance(message, dict) else "the message is not a JSON object"


def _peer(client: socket.socket) -> Peer:
    data = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(data)
    return peer_of(pid, uid)


def peer_of(pid: int, uid: int) -> Peer:
    """Return who runs a process, as the kernel knows it; who logged in only while the process lives."""
    login = None
    # A container or a hardened service has no such file, and a service no login.
    with suppress(OSError, ValueError):
        login_uid = int(Path(f"/proc/{pid}/loginuid").read_text())
        login = None if login_uid in (_NO_LOGIN, uid) else user_name(login_uid)
    return Peer(pid, uid, user_name(uid), login)


def _with_login(peer: Peer, login_uid: object) -> Peer:
    """Add who logged in where a hardened service may not look into the client's process: root is believed that."""
    if peer.login is not None or peer.uid != 0 or not isinstance(login_uid, int) or not 0 < login_uid < _NO_LOGIN:
        return peer
    return replace(peer, login=user_name(login_uid))


def _behind_this_process() -> dict[str, int]:
    with suppress(OSError, ValueError):
        if (uid := int(Path("/proc/self/loginuid").read_text())) != _NO_LOGIN:
            return {_LOGIN_UID: uid}
    return {}


def user_name(uid: int) -> str:
    """Return the name of a user; the digits of the uid when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _owner(folder: Path) -> str:
    with suppress(OSError):
        return f", which belongs to {user_name((folder / NAME).stat().st_uid)}"
    return ""
