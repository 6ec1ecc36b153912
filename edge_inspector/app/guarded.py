"""The thread of the inspect process that says who may connect to the verdicts. Loads no settings: a child uses it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edge_inspector.app.plans import CurvePlan
from edge_inspector.run.worker import Worker
from edge_inspector.signal.authenticator import Authenticator

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another waits for it; the default of 5 ms would delay verdicts."""


@contextmanager
def guarded(plan: CurvePlan | None) -> Iterator[Authenticator | None]:
    """Run the authenticator of a process whose verdicts must not wait for it; None where nothing is encrypted.

    Its thread keeps the priority of this process: a low thread that holds Python's lock would hold up all others.
    """
    if plan is None:
        yield None
        return
    sys.setswitchinterval(SWITCH_S)
    authenticator = Authenticator(plan.key, plan.authorized)
    worker = Worker("authenticator", authenticator.step, authenticator)
    worker.start()
    try:
        yield authenticator
    finally:
        worker.stop(timeout_s=2.0)
