"""How long a commit takes the loop, while the journal's thread syncs, makes and finishes segments beside it.

    python -m benchmarks.commits --rate-hz 500 --verdicts 5000 --folder /var/tmp/journal

The journal is the line's own (`signal/journal_writer.py`), without a line around it; the folder is on the disk that is
to be measured, and is made for the run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.figures import percentile
from edge_inspector.client.wire import Flag, Header, topic
from edge_inspector.core.journal import Counts, Entry, Kept
from edge_inspector.signal.journal import begin_journal, boot_id
from edge_inspector.signal.journal_keeper import JournalLimits
from edge_inspector.signal.journal_writer import JournalWriter
from edge_inspector.signal.message import joined

LINE = "commits"
BODY = b'{"v":1,"pad":"' + b"x" * 700 + b'"}'
SWITCH_S = 0.0005
"""As the inspect process has it."""


def commits_ms(folder: Path, rate_hz: float, n: int, segment_mb: int) -> list[float]:
    """Return how long each of `n` commits took, in ms; a rate of 0 is as fast as they go."""
    epoch = begin_journal(folder, LINE, boot_id(), None).epoch
    writer = JournalWriter(folder, LINE, epoch, JournalLimits(1024 << 20, segment_mb << 20))
    writer.open()
    ends, took = threading.Event(), []

    def keep() -> None:
        while not ends.is_set():
            writer.keeper.step()

    keeper = threading.Thread(target=keep)
    keeper.start()
    began = time.monotonic()
    for seq in range(1, n + 1):
        while rate_hz and (left_s := began + seq / rate_hz - time.monotonic()) > 0:
            time.sleep(left_s)
        header = Header(Flag.READY, epoch, seq, time.time_ns() // 1000, seq).pack()
        entry = Entry(Counts(seq, seq, passes=seq), joined([topic(LINE, "verdict"), header, BODY]))
        before = time.perf_counter_ns()
        kept = writer.append(entry)
        took.append((time.perf_counter_ns() - before) / 1e6)
        if kept is Kept.NOT:
            raise SystemExit(f"the journal did not take row {seq}: {writer.trouble}")
    ends.set()
    keeper.join()
    writer.close(is_clean=True)
    return took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate-hz", type=float, default=500.0, help="0: as fast as they go")
    parser.add_argument("--verdicts", type=int, default=5000)
    parser.add_argument("--segment-mb", type=int, default=16)
    parser.add_argument("--folder", type=Path, help="where; left out: the folder for temporary files")
    asked = parser.parse_args()
    sys.setswitchinterval(SWITCH_S)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=asked.folder) as folder:
        took = commits_ms(Path(folder) / "journal", asked.rate_hz, asked.verdicts, asked.segment_mb)
    figures = ", ".join(f"p{percent:g} {percentile(took, percent):.3f}" for percent in (50, 99, 99.9))
    print(f"{len(took)} commits: {figures}, longest {max(took):.2f} ms; over 20 ms {sum(ms > 20 for ms in took)}")


if __name__ == "__main__":
    main()
