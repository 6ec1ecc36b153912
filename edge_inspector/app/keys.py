"""Encrypted endpoints: the keys of a line, main's authenticator, and what people are told of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from edge_inspector.app.plans import CurvePlan
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.errors import EndpointError
from edge_inspector.observe.figures import KeyFigures
from edge_inspector.run.scheduling import SERVICE_NICE
from edge_inspector.run.worker import Worker
from edge_inspector.settings.line import LineSettings
from edge_inspector.signal.authenticator import Authenticator
from edge_inspector.signal.authorized import LIST, read_authorized
from edge_inspector.signal.keys import CREDENTIAL, server_key_of

AGAIN_NS = 10_000_000_000
"""A dead authenticator is replaced so much later: what killed it may come back, and must not fill the log."""


class Announce(Protocol):
    """Logs an event and sends it."""

    def __call__(self, name: str, severity: str, detail: str, *, stands: bool = False) -> None:
        """Announce; one that `stands` is told again to clients that come later."""
        ...


def curve_plan(settings: LineSettings) -> CurvePlan | None:
    """Return the keys of a line; None for one without encryption. Before any socket is made.

    Raises:
        KeysError: The line's own key cannot be used.
    """
    curve = settings.endpoints.curve
    if curve is None:
        return None
    return CurvePlan(server_key_of(curve.keys, curve.server_key == "credential", os.environ), curve.keys / LIST)


def key_sentences(settings: LineSettings) -> Iterator[str]:
    """Say how the endpoints are protected, for `check`; nothing for a line without encryption.

    Raises:
        KeysError: The line could not start with these keys.
    """
    curve = settings.endpoints.curve
    if curve is None:
        return
    roles = Counter(key.role for key in read_authorized(curve.keys / LIST))
    counted = ", ".join(f"{n} {role}" for role, n in sorted(roles.items()))
    yield f"{roles.total()} keys are authorised{': ' if counted else ''}{counted}"
    if not roles:
        yield "NOBODY may connect: `edge-inspector keys authorize NAME`"
    if curve.server_key == "credential" and "CREDENTIALS_DIRECTORY" not in os.environ:
        yield f"the line's own key is the credential {CREDENTIAL}, which only the service is given: not looked at here"
        return
    key = server_key_of(curve.keys, curve.server_key == "credential", os.environ)
    yield f"the line's own key is good; clients know it by {key.public.decode()}"


class KeyKeeper:
    """Main's authenticator, and what people are told of the keys. Owned by main's thread."""

    def __init__(self, plan: CurvePlan) -> None:
        """Bind; nobody is answered before `start`.

        Raises:
            KeysError: The list of those who may connect cannot be used.
        """
        self._plan = plan
        self.guard = Authenticator(plan.key, plan.authorized)
        self._worker = self._new_worker()
        self._dead_ns = 0

    def start(self) -> None:
        """Begin to let clients in."""
        self._worker.start()

    def follow(self, announce: Announce) -> list[str]:
        """Tell what happened to the keys since; call it in main's loop.

        Returns:
            Names of standing events that are over.
        """
        over = []
        while (news := self.guard.take_news()) is not None:
            if news.name == "keys_changed":
                over.append("keys_unreadable")
            announce(news.name, news.severity, news.detail, stands=news.name == "keys_unreadable")
        if not self._dead_ns and not self.guard.is_alive():
            self._dead_ns = monotonic_ns()
            announce(
                "authenticator", "error", f"nobody new may connect: {self._why()}; tried again in 10 s", stands=True
            )
        elif self._dead_ns and monotonic_ns() - self._dead_ns > AGAIN_NS and self._is_back():
            self._dead_ns = 0
            over.append("authenticator")
            announce("authenticator_back", "info", "clients may connect again")
        return over

    def figures(self, signals_refused: int) -> KeyFigures:
        """Return the counts for metrics; `signals_refused` were counted by the inspect process."""
        refused = dict(self.guard.refused) | {("signals", "unknown_key"): signals_refused}
        return KeyFigures(self.guard.n_keys, self.guard.is_alive(), refused)

    def close(self) -> None:
        """Let nobody in any more."""
        self._worker.stop(timeout_s=2.0)

    def _new_worker(self) -> Worker:
        return Worker("authenticator", self.guard.step, self.guard, nice=SERVICE_NICE)

    def _why(self) -> str:
        return (
            "its thread hangs or has just ended"
            if self._worker.error is None
            else f"its thread ended ({self._worker.error})"
        )

    def _is_back(self) -> bool:
        if self._worker.error is None:
            return self.guard.is_alive()
        try:
            self.guard.open()
        except EndpointError:
            self._dead_ns = monotonic_ns()
            return False
        self._worker = self._new_worker()
        self._worker.start()
        return True
