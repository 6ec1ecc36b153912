"""The daemon, with a note of how long each verdict took from decided to sent, as the inspect process measured it.

    BENCH_NOTES=took.bin python -m benchmarks.noting run --config line.yaml

The inspect process is the plain one: what it tells main with each verdict anyway is written down here, in main, where
the metrics page makes a histogram of it, too coarse for a 99th percentile.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

from edge_inspector.app.report import Reporter
from edge_inspector.cli.main import main as run_daemon
from edge_inspector.core.verdict import Stages

VARIABLE = "BENCH_NOTES"
_TOOK_NS = struct.Struct("<Q")


def took_ms(path: Path) -> list[float]:
    """Return what was written down, in ms, in the order of the verdicts; a last one that was cut off is none."""
    data = path.read_bytes()
    whole = data[: len(data) // _TOOK_NS.size * _TOOK_NS.size]
    return [ns / 1e6 for (ns,) in _TOOK_NS.iter_unpack(whole)]


def packed(note: dict[str, Any]) -> bytes:
    """Return what is written down of a verdict's note."""
    return _TOOK_NS.pack(Stages(*note["stages"]).publish_ns)


def main() -> None:
    take_in = Reporter.verdict
    with open(os.environ[VARIABLE], "wb") as file:

        def verdict(self: Reporter, note: dict[str, Any]) -> None:
            file.write(packed(note))
            take_in(self, note)

        Reporter.verdict = verdict  # type: ignore[method-assign]
        run_daemon()


if __name__ == "__main__":
    main()
