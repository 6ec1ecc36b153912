"""SIGHUP: read the configuration again; and who sent it, as far as the kernel says.

A handler in Python is not told who sent a signal, so SIGHUP is held back and fetched. `run` holds it back before
libraries start threads. A thread that was started earlier may receive it: then it is counted, its sender not known.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_inspector.app.asking import who
from edge_inspector.app.reload_words import Asker
from edge_inspector.run.control import peer_of

_HANGUP = {signal.SIGHUP}
_BY_A_PROCESS = (0, -1, -6)
"""si_code of kill, sigqueue and tkill: only then the kernel names a sender."""
_TERMINAL = Path("/dev/tty")
NOBODY = Asker("SIGHUP, sender not known", {"user": None, "uid": None, "pid": None, "login": None})


class Hangups:
    """Held back in the main thread before others start; `take` is for one thread that started after that."""

    def __init__(self) -> None:
        """Prepare; nothing is caught yet."""
        self._handled = self._taken = 0
        self._had_terminal = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch them inside the block; the main thread alone may open it, before it starts other threads."""
        # A terminal that is closed ended the line before there was a reload, unless it was started to outlive it.
        former = signal.signal(signal.SIGHUP, self._count)
        self._had_terminal = former is not signal.SIG_IGN and _has_terminal()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)
        try:
            yield
        finally:
            while signal.sigtimedwait(_HANGUP, 0) is not None:  # it would end the program now
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            signal.signal(signal.SIGHUP, former)

    def take(self) -> Asker | None:
        """Return who sent one since the last call; None where none came. Several at once count as one. Never waits."""
        handled = self._handled
        asker = NOBODY if handled != self._taken else None
        self._taken = handled
        with suppress(InterruptedError):
            while (told := signal.sigtimedwait(_HANGUP, 0)) is not None:
                asker = _sender(told)
        if asker is not None and self._had_terminal and not _has_terminal():
            os.kill(os.getpid(), signal.SIGTERM)
            return None
        return asker

    def _count(self, _number: int, _frame: object) -> None:
        self._handled += 1


def _sender(told: signal.struct_siginfo) -> Asker:
    if told.si_code not in _BY_A_PROCESS:
        return NOBODY
    peer = peer_of(told.si_pid, told.si_uid)
    return Asker(f"SIGHUP from {peer}", who(peer))


def _has_terminal() -> bool:
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
