from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import StartLine

AS_ROOT = [] if os.geteuid() == 0 else ["--map-root-user"]
ALONE = ["unshare", *AS_ROOT, "--net"]
"""Runs a program in a network namespace of its own. Containers and some distributions forbid it."""


@pytest.mark.fault(
    35,
    injected="a network namespace with loopback alone",
    seen="no effect; no packet was tried",
    noticed="no effect",
)
@pytest.mark.skipif(subprocess.run([*ALONE, "true"], check=False).returncode != 0, reason="unshare is refused here")
def test_a_line_runs_without_a_route_and_asks_for_none(make_line: StartLine) -> None:
    line = make_line(camera={"count": 50, "rate_hz": None, "wait_for_subscribers": 0})
    script = Path(__file__).with_name("offline_run.py")

    done = subprocess.run(
        [*ALONE, sys.executable, str(script), str(line.config)],
        capture_output=True,
        check=True,
        timeout=55,
    )

    found = json.loads(done.stdout.splitlines()[-1])
    assert found["would_show"] >= 1, "the kernel does not count what this test looks for"
    assert (found["code"], found["tried"]) == (0, 0)
    assert b"triggers=50" in done.stderr
    assert b"in_flight=0" in done.stderr
