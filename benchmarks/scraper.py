"""Asks for a line's metrics page as Prometheus does, once a second or as often as asked, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Scrapes:
    """What came of it."""

    answers: int = 0
    """Known when the block has ended."""


@contextmanager
def scraping(port: int, per_s: float = 1.0) -> Iterator[Scrapes]:
    """Scrape the page on that port while the block runs."""
    command = [sys.executable, "-u", "-m", "benchmarks.scraper", str(port), str(per_s)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    scrapes = Scrapes()
    try:
        yield scrapes
    finally:
        process.kill()
        out, _ = process.communicate()
        scrapes.answers = len(out)


def main(port: int, per_s: float) -> None:
    began, done = time.monotonic(), 0
    while True:  # until the bench ends it
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            answer.read()
            # One byte each: a pipe holds 65,536 of them, and they can be counted whenever this process is killed.
            sys.stdout.write(".")
        done += 1
        # A beat that was missed is not made up for: the next ones would come all at once.
        done = max(done, int((time.monotonic() - began) * per_s))
        time.sleep(max(0.0, began + done / per_s - time.monotonic()))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
