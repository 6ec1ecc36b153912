"""The metrics of encrypted endpoints; declared by `observe.metrics` with all others."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge_inspector.observe.figures import KeyFigures
from edge_inspector.observe.series import Series

REFUSALS = {
    "signals": ("unknown_key",),
    "telemetry": ("unknown_key", "keys_unreadable", "not_curve", "wrong_server_key", "unfinished"),
    "service": ("unknown_key", "keys_unreadable", "not_curve", "wrong_server_key", "unfinished"),
}
"""Why handshakes fail at each endpoint. Nothing watches those at the verdicts that fail before their key is asked for:
that would give strangers a way to hold verdicts up."""


class KeyMetrics:
    """Who was let in. Absent on a line without encryption."""

    def __init__(self, declare: Callable[..., Series], lock: threading.Lock) -> None:
        """Declare.

        Args:
            declare: Takes kind, name, text and labels, and remembers the series.
            lock: Of whoever collects them.
        """
        self._lock = lock
        text = "Connections to encrypted endpoints that were not let in; at the signals endpoint unknown keys alone"
        self._refused = declare("counter", "handshakes_refused_total", text, "endpoint", "reason")
        self._authorized = declare("gauge", "authorized_keys", "Keys that may connect to encrypted endpoints")
        self._alive = declare("gauge", "authenticator_alive", "1 while telemetry and service can let clients in")

    def set(self, figures: KeyFigures) -> None:
        """Take over the counts."""
        with self._lock:
            for endpoint, reasons in REFUSALS.items():
                for reason in reasons:
                    self._refused.set(figures.refused.get((endpoint, reason), 0), endpoint, reason)
            self._authorized.set(figures.authorized)
            self._alive.set(figures.is_alive)
