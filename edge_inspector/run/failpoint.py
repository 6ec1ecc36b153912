"""Named places at which a test has a process killed, delayed, refused by its disk or flood its log; nothing but tests
and measurements asks for it.

    EDGE_INSPECTOR_FAILPOINTS="journal.after_commit=kill@40 journal.before_commit=delay:30@200-210"

An action is `kill`, `delay:milliseconds`, `refuse` or `log` (an error, and a line of information, whose repetition
nothing limits); after the @ stands which passes of that place it is for, all without it. A process in which nothing is
named gets None, and asks for nothing at its places.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import sys
import time
from collections import Counter

from edge_inspector.core.journal import Failpoint
from edge_inspector.core.logs import get_log

log = get_log(__name__)

VARIABLE = "EDGE_INSPECTOR_FAILPOINTS"
_ORDER = re.compile(r"([a-z_.]+)=(kill|refuse|log|delay:(\d+))(?:@(\d+)(?:-(\d+))?)?")


class _Points:
    def __init__(self, orders: list[re.Match[str]]) -> None:
        self._orders: dict[str, re.Match[str]] = {order[1]: order for order in orders}
        self._passes: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        order = self._orders.get(name)
        if order is None:
            return
        self._passes[name] += 1
        first = int(order[4] or 1)
        last = int(order[5] or order[4] or sys.maxsize)
        if not first <= self._passes[name] <= last:
            return
        if order[2] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif order[2] == "refuse":
            raise sqlite3.OperationalError("database or disk is full")
        elif order[2] == "log":
            log.error("failpoint_error", at=name, passes=self._passes[name])
            log.info("failpoint_passed", at=name, passes=self._passes[name])
        else:
            time.sleep(int(order[3]) / 1000)


def failpoint(text: str | None) -> Failpoint | None:
    """Return what to call at each place; None when the text names none.

    Raises:
        ValueError: The text is no list of orders.
    """
    if not text:
        return None
    orders = []
    for word in text.split():
        if (order := _ORDER.fullmatch(word)) is None:
            actions = "name=kill, name=delay:milliseconds, name=refuse or name=log"
            raise ValueError(f"{VARIABLE}: {word!r} is not {actions}, with @n")
        orders.append(order)
    return _Points(orders)
