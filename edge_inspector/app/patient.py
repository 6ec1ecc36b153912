"""What the checks of `doctor` share: the configuration, and the daemon that runs it, asked once."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edge_inspector.app.checkup import Asked
from edge_inspector.app.own_key import own_keys
from edge_inspector.app.ready import Ready
from edge_inspector.app.start import prepare
from edge_inspector.core.errors import EdgeInspectorError
from edge_inspector.doctor.processes import LineProcess, main_of, processes_of
from edge_inspector.doctor.unit import Unit, unit_name, unit_of
from edge_inspector.settings.endpoint import address_here
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.load import load_line

PRIVATE = Path("/var/lib/private")
"""Where systemd keeps the folders of users that it makes at each start (DynamicUser)."""
ANSWER_S = 2.0
"""The service thread answers in milliseconds; beside a busy line it may stand behind."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the running line says of itself."""

    hello: dict[str, Any]
    status: dict[str, Any]

    @property
    def heartbeat(self) -> dict[str, Any]:
        """The newest one; empty before the first."""
        return dict(self.status.get("heartbeat") or {})


class Patient:
    """One line. Every answer is looked up when the first check wants it; one thread."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.transports: set[str] = set()
        """How the cameras that were connected to are connected: GEV, U3V, or empty."""

    @cached_property
    def settings(self) -> LineSettings:
        """The configuration. Raises SettingsError."""
        return load_line(self.asked.config)

    @cached_property
    def ready(self) -> Ready:
        """The configuration and its bundles, proven. Raises SettingsError, BundleError, KeysError."""
        return prepare(self.asked.config)

    @cached_property
    def main(self) -> int | None:
        """Process of the daemon; None when none runs."""
        return main_of(self.settings.state_dir)

    @cached_property
    def processes(self) -> list[LineProcess]:
        """Those of the running line; empty when none runs."""
        return [] if self.main is None else processes_of(self.main)

    @cached_property
    def answers(self) -> Answers | str:
        """What the running line answers, or why it was not asked or does not answer."""
        if self.main is None:
            return "no daemon of this line runs"
        try:
            keys = own_keys(self.asked.key, self.settings)
        except EdgeInspectorError as error:
            return str(error)
        from edge_inspector.client.service import ask

        endpoint = address_here(self.settings.endpoints.service)
        found = [ask(endpoint, {"op": op}, ANSWER_S, keys) for op in ("hello", "status")]
        if found[0] is None or found[1] is None:
            return f"{endpoint} gave no answer in {ANSWER_S:g} s"
        return Answers(found[0], found[1])

    @cached_property
    def unit(self) -> Unit | str:
        """The line's unit, or why there is none to look at."""
        return unit_of(self.asked.unit or unit_name(self.asked.config))

    @cached_property
    def service_user(self) -> pwd.struct_passwd | None:
        """Who runs the line, where that is somebody else than who asks; None where it cannot be told."""
        user = None
        if PRIVATE in self.settings.state_dir.resolve().parents:
            return None  # a user made at each start may not enter it but through the service's own view of it
        if not isinstance(self.unit, str) and self.unit.user:
            with suppress(KeyError):
                user = pwd.getpwnam(self.unit.user)
        if user is None:
            with suppress(OSError, KeyError):
                user = pwd.getpwuid(self.settings.state_dir.stat().st_uid)
        return None if user is None or user.pw_uid == os.geteuid() else user

    @contextmanager
    def as_service(self) -> Iterator[None]:
        """Act as the line's user within the block, where root asks: what root may write proves nothing."""
        user = self.service_user if os.geteuid() == 0 else None
        if user is None:
            yield
            return
        groups = os.getgroups()
        os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid))
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)
