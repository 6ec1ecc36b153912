"""Composition root of `camera list`: each producer is asked in a process of its own.

One that crashes or hangs takes nothing with it, and can be named.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

from edge_inspector.acquire.installed import installed_producers, where_searched
from edge_inspector.core.errors import CameraError, CameraNotFoundError
from edge_inspector.run.child import end_with_parent

ANSWER_S = 60.0
"""Some producers search the network for half a minute."""
_MARK = "edge-inspector-producer "
"""Begins the line with the answer: producers write to stdout as well."""

Row = dict[str, str]
"""A camera, as `acquire.producer.CameraInfo` says it."""


def cameras_of(cti: str) -> list[Row]:
    """Return every camera that a producer offers, in its order; none is opened.

    Args:
        cti: Path of the .cti file, or `viky` or `simulator`.

    Raises:
        CameraNotFoundError: The file is not there, cannot be loaded, crashes or does not answer.
    """
    command = [sys.executable, "-P", "-m", "edge_inspector.app.producers", cti, str(os.getpid())]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, errors="replace", timeout=ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CameraNotFoundError(
            f"the GenTL producer {cti} did not list its cameras within {ANSWER_S:g} s; unplug cameras that hang, or "
            "name another producer with --cti"
        ) from error
    answer = next((line for line in done.stdout.splitlines() if line.startswith(_MARK)), None)
    if done.returncode != 0 or answer is None:
        raise CameraNotFoundError(_crashed(cti, done.returncode, done.stderr))
    told = json.loads(answer.removeprefix(_MARK))
    if isinstance(told, str):
        raise CameraNotFoundError(told)
    return list(told)


def cameras_installed() -> tuple[dict[str, list[Row]], list[str]]:
    """Return the cameras of every producer that the makers' packages announce, and what is wrong with the others.

    Raises:
        CameraNotFoundError: No producer is announced, or none can be used.
    """
    producers = installed_producers()
    if not producers:
        raise CameraNotFoundError(
            f"{where_searched()}; install the camera maker's GenTL package and log in anew, or name its file with --cti"
        )
    found: dict[str, list[Row]] = {}
    wrong: list[str] = []
    for cti in producers:
        try:
            found[cti] = cameras_of(cti)
        except CameraNotFoundError as error:
            wrong.append(str(error))
    if not found:
        raise CameraNotFoundError("no producer that is installed can be used:\n" + "\n".join(wrong))
    return found, wrong


def _crashed(cti: str, status: int, said: str) -> str:
    how = f"with status {status}" if status >= 0 else f"by {_signal_name(-status)}"
    last = said.strip().splitlines()[-1:]
    told = f" ({last[0][:200]})" if last and status >= 0 else ""
    return (
        f"the GenTL producer {cti} ended the process that asked it for its cameras, {how}{told}; install the maker's "
        "current release, and tell the maker"
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def main(cti: str, parent_pid: int) -> int:
    """Write a producer's cameras, or what is wrong with it, for the process that asks."""
    end_with_parent(parent_pid, signal.SIGKILL)
    from edge_inspector.acquire.look import list_cameras

    told: list[Row] | str
    try:
        told = [asdict(info) for info in list_cameras(cti)]
    except CameraError as error:
        told = str(error)
    sys.stdout.write(f"\n{_MARK}{json.dumps(told)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
