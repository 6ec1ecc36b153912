"""The log is for people; the line does not wait for them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from daemon import StartLine


@pytest.mark.fault(
    46,
    injected="a pipe for the log that is full from the start",
    seen="lines are lost, verdicts are not",
    noticed="no effect",
)
def test_a_log_that_nobody_reads_stops_no_verdict(make_line: StartLine) -> None:
    line = make_line(camera={"rate_hz": 50.0})
    witness = line.listen()
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    try:
        while True:
            os.write(write_fd, bytes(4096))
    except BlockingIOError:
        os.set_blocking(write_fd, True)  # full: the next write of anybody waits for a reader

    command = [sys.executable, "-m", "edge_inspector.cli.main", "run", "--config", str(line.config)]
    line.process = subprocess.Popen(command, stdout=write_fd, stderr=write_fd)
    witness.wait_for_verdicts(30)
    code = line.stop()
    os.close(read_fd)
    os.close(write_fd)

    assert code == 0
    assert witness.violations(drained=True) == []
