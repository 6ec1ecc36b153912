"""Asks for a line's metrics page once a second, as Prometheus does, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def scraping(port: int) -> Iterator[None]:
    """Scrape the page on that port while the block runs."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.scraper", str(port)], cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main(port: int) -> None:
    while True:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            answer.read()
        time.sleep(1.0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
