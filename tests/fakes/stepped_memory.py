"""Shared memory whose every load and store is a place where its process can stand still, or be killed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from fakes.line_memory import make_memory

from edge_inspector.run.memory import LineMemory

WAIT_S = 20.0


class KilledError(BaseException):
    """Ends an operation where it stands, as `kill -9` does. Nothing in the package catches it."""


class Stepped(np.ndarray):  # type: ignore[type-arg]
    """An array that asks its process's leave before each load and each store; large ones come in two halves."""

    def __getitem__(self, key: Any) -> Any:
        _pause(is_store=False)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _pause()
        if isinstance(value, tuple):  # a record: word by word
            words = np.asarray(self)[key]
            for place, word in enumerate(value):
                words[place] = word
                _pause()
        elif isinstance(value, np.ndarray):  # a picture, or half of the ledger
            target = np.asarray(self)[key]
            half = len(target) // 2
            target[:half] = value[:half]
            _pause()
            target[half:] = value[half:]
            _pause()
        else:
            super().__setitem__(key, value)

    def copy(self, order: Any = "C") -> Any:
        """Return a copy of a picture, made in two halves."""
        _pause(is_store=False)
        plain, half = np.asarray(self), len(self) // 2
        top = plain[:half].copy(order)
        _pause(is_store=False)
        return np.concatenate([top, plain[half:]])


def make_stepped_memory() -> LineMemory:
    """Return a memory that is soon full: three slots, of which two may be lent, and five records."""
    memory = make_memory(slots=3, evidence_slots=2, records=5)
    for name in ("control", "ledger"):
        setattr(memory, name, getattr(memory, name).view(Stepped))
    for camera in memory.cameras:
        for name in ("control", "records", "claims", "_slots"):
            setattr(camera, name, getattr(camera, name).view(Stepped))
    return memory


_here = threading.local()


def stand() -> None:
    """A place to stand or die that is no load or store, such as before a message is sent."""
    _pause()


def _pause(is_store: bool = True) -> None:
    process: Process | None = getattr(_here, "process", None)
    if process is not None:
        process.pause(is_store)


class Process:
    """One process of the line: does one operation at a time, and only as far as it is let."""

    def __init__(self) -> None:
        self.is_busy = False
        self._may_go = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._is_killed = self._is_store = False
        self._error: BaseException | None = None

    def begin(self, operation: Callable[[], None]) -> Process:
        """Begin an operation; it stands before its first load or store. Returns itself."""
        self.is_busy, self._is_killed, self._error = True, False, None
        threading.Thread(target=self._run, args=(operation,), daemon=True).start()
        self._wait()
        return self

    def go(self, steps: int) -> None:
        """Let it do so many loads and stores; of a number below 0, until it stands before that many stores.

        Raises what the operation raised.
        """
        while steps and self.is_busy:
            self._may_go.release()
            self._wait()
            if steps > 0:
                steps -= 1
            elif self._is_store:
                steps += 1

    def finish(self) -> None:
        """Let it come to its end."""
        while self.is_busy:
            self.go(1)

    def kill(self) -> None:
        """End it where it stands."""
        self._is_killed = True
        self.finish()

    def pause(self, is_store: bool) -> None:
        """Called by the memory, in the operation's thread."""
        self._is_store = is_store
        self._stands.release()
        self._may_go.acquire()
        if self._is_killed:
            raise KilledError

    def _wait(self) -> None:
        assert self._stands.acquire(timeout=WAIT_S), "an operation waits for somebody: nothing here may"
        if self._error is not None:
            raise self._error

    def _run(self, operation: Callable[[], None]) -> None:
        _here.process = self
        try:
            operation()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the operation is let go on
            self._error = error
        self.is_busy = False
        self._stands.release()
