"""Letting go of a camera whatever state it is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_inspector.core.logs import get_log

log = get_log(__name__)


def let_go(acquirer: Any | None, harvester: Any | None) -> None:
    """Stop, disconnect and unload, each step guarded by itself; never raises.

    Args:
        acquirer: Harvesters' ImageAcquirer; None when none was made.
        harvester: The Harvester; None when none was made.
    """
    if acquirer is not None:
        _try("stop", acquirer.stop)
        # The first destroy of a lost camera fails in the stop inside it, the second one then releases the rest.
        _try("destroy", acquirer.destroy)
        _try("destroy", acquirer.destroy)
    if harvester is not None:
        # One shot: when it fails, the producer stays loaded and is useless to this process. The supervisor replaces
        # the process after every loss, so that is not repaired here.
        _try("reset", harvester.reset)


def _try(name: str, step: Callable[[], None]) -> None:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - a dying camera raises what it likes; the next step must still run
        log.debug("teardown_step_failed", step=name, error=repr(error))
