"""SIGHUP: who sent it, that none is lost, and that a closed terminal still ends a line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from edge_inspector.app.hangups import NOBODY, Hangups


@pytest.fixture
def caught() -> Iterator[Hangups]:
    hangups = Hangups()
    with hangups.caught():
        yield hangups


def test_none_came(caught: Hangups) -> None:
    assert caught.take() is None


def test_whoever_sent_it_is_named_once(caught: Hangups) -> None:
    # To this thread: a thread of a library, which does not hold it back, would receive one for the whole process.
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)

    asker = caught.take()

    assert asker is not None
    assert (asker.fields["uid"], asker.fields["pid"]) == (os.getuid(), os.getpid())
    assert asker.by.startswith("SIGHUP from ")
    assert caught.take() is None


def test_one_that_another_thread_received_counts_with_an_unknown_sender(caught: Hangups) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    os.kill(os.getpid(), signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})

    assert caught.take() == NOBODY
    assert caught.take() is None


def test_afterwards_everything_is_as_before_and_one_that_still_waits_kills_nobody() -> None:
    before = signal.getsignal(signal.SIGHUP), signal.pthread_sigmask(signal.SIG_BLOCK, set())

    with Hangups().caught():
        os.kill(os.getpid(), signal.SIGHUP)

    assert (signal.getsignal(signal.SIGHUP), signal.pthread_sigmask(signal.SIG_BLOCK, set())) == before


CLOSED_TERMINAL = """
    import fcntl, os, signal, sys, termios
    signal.signal(signal.SIGHUP, getattr(signal, sys.argv[1]))
    master, slave = os.openpty()
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    from edge_inspector.app.hangups import Hangups
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    hangups = Hangups()
    with hangups.caught():
        os.close(slave)
        os.close(master)
        asker = None
        for _ in range(500):
            asker = asker or hangups.take()
            if asker or stopped:
                break
            signal.sigtimedwait([signal.SIGUSR1], 0.01)
    print(bool(stopped), asker.by if asker else None)
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("disposition", "said"),
    [("SIG_DFL", "True None"), ("SIG_IGN", "False SIGHUP, sender not known")],
    ids=["from a terminal", "with nohup"],
)
def test_a_terminal_that_is_closed_ends_the_line_unless_it_was_started_to_outlive_it(
    disposition: str, said: str
) -> None:
    code = textwrap.dedent(CLOSED_TERMINAL)

    done = subprocess.run(
        [sys.executable, "-c", code, disposition], capture_output=True, text=True, timeout=50, check=False
    )

    assert done.stdout.strip() == said, done.stderr
