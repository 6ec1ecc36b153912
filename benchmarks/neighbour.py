"""A busy neighbour: one process that never rests, half Python and half numpy, on one thread."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Keep one busy process beside whatever the block does."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.neighbour"], cwd=ROOT, env=os.environ | one_thread)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    import numpy as np

    numbers = np.arange(100_000, dtype=np.float64)
    while True:
        sum(i * i for i in range(20_000))
        np.sqrt(numbers * 1.5 + 2.0).sum()


if __name__ == "__main__":
    main()
