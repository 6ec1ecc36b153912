"""A consumer that is killed: it takes verdicts with the SDK, writes a line of each, and goes on where it stood.

    python record_keeper.py --signals … --telemetry … --service … --folder state

The cursor is stored now and then, the line at once: what comes again after a kill is dropped by its (epoch, seq), as
the SDK asks of a consumer. Only what a former process took is dropped: given twice by one `Subscriber` it is written
twice, for the account to find.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from benchmarks.account import Key, digest_of, read_log
from edge_inspector.client import FileCursor, Subscriber

QUIET_S = 0.5


class Keeper:
    """Takes until SIGTERM, then until nothing came for a while."""

    def __init__(self, folder: Path) -> None:
        log = folder / "taken.log"
        self._before: set[Key] = {taken.key for taken in read_log(log)} if log.exists() else set()
        # One write a line: a kill leaves it whole or not at all.
        self._fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._is_stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self, subscriber: Subscriber) -> None:
        while True:
            message = subscriber.receive(QUIET_S)
            if message is None:
                if self._is_stopping:
                    return
                continue
            if message.kind != "verdict":
                continue
            key = (message.header.epoch, message.header.seq)
            if key not in self._before:
                how = "live" if message.is_live else "replayed"
                line = f"{key[0]} {key[1]} {how} {digest_of(message.header.pack(), message.body)}\n"
                os.write(self._fd, line.encode())

    def _stop(self, *_: object) -> None:
        self._is_stopping = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("signals", "telemetry", "service"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    asked = parser.parse_args()
    keeper = Keeper(asked.folder)
    with Subscriber(
        "e2e", [asked.signals, asked.telemetry], service=asked.service, consumer="record",
        cursor=FileCursor(asked.folder / "cursor"), from_tail=True,
    ) as subscriber:  # fmt: skip
        keeper.run(subscriber)


if __name__ == "__main__":
    main()
