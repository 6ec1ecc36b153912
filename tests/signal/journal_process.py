"""A process that journals as the inspect process does, until it is killed; run by `fakes.alone`.

Each verdict that may be sent is told on stdout after its row was committed, as a subscriber would hear it. Bodies hold
what only this process knows, so that a number that was used twice shows.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

from fakes.journal_parts import LINE, MB, Threaded, entry

from edge_inspector.core.errors import JournalError
from edge_inspector.core.journal import Entry, Kept
from edge_inspector.run.failpoint import failpoint
from edge_inspector.signal.journal_keeper import JournalLimits
from edge_inspector.signal.journal_writer import JournalWriter
from edge_inspector.signal.message import joined, split

LIMITS = JournalLimits(MB, MB // 4)


def journal_rows(folder: str, epoch: int, counted: int, n: int, orders: str) -> dict[str, object]:
    """Journal `n` rows after `counted`; returns what there is to know, if it lives so long."""
    writer = JournalWriter(Path(folder), LINE, epoch, LIMITS, 0, failpoint(orders))
    seq, results = counted, []
    with Threaded(writer.keeper.work if orders else writer.keeper.step):
        while seq < counted + n:
            results.append(_journal_one(writer, epoch, seq + 1))
            seq += results[-1] != Kept.NOT.name
            if results[-1] != Kept.QUICK.name:
                time.sleep(0.002)
    writer.close(is_clean=True)
    return {"results": results, "durable": writer.durable_seq, "trouble": writer.keeper.trouble}


def _journal_one(writer: JournalWriter, epoch: int, seq: int) -> str:
    made = entry(seq, epoch)
    topic, header, body = split(made.message)
    body = json.dumps(json.loads(body) | {"process": os.getpid()}).encode()
    kept = writer.append(replace(made, message=joined([topic, header, body])))
    if isinstance(kept, Entry):
        _say(epoch, seq, split(kept.message)[2])
        return "BEFORE"
    if kept is Kept.QUICK:
        _say(epoch, seq, body)
    return kept.name


def _say(epoch: int, seq: int, body: bytes) -> None:
    os.write(1, json.dumps({"epoch": epoch, "seq": seq, "process": json.loads(body)["process"]}).encode() + b"\n")


def fill_up(folder: str, epoch: int) -> dict[str, object]:
    """Journal until the disk is full, then until somebody has made room again."""
    writer = JournalWriter(Path(folder), LINE, epoch, LIMITS, 0)
    seq, refused, ballast = 0, 0, Path(folder).parent / "ballast"
    seen: list[str] = []
    with Threaded(writer.keeper.step):
        until = time.monotonic() + 20
        while time.monotonic() < until and not (refused and seq > refused + 200):
            try:
                kept = _journal_one(writer, epoch, seq + 1)
            except JournalError as error:
                return {"error": str(error)}
            seq += kept != Kept.NOT.name
            seen += [kept] if kept not in seen else []
            if kept == Kept.NOT.name and not refused:
                refused, trouble = seq, writer.trouble
                ballast.unlink()
    writer.close(is_clean=True)
    return {"refused_at": refused, "trouble": trouble, "seen": seen, "head": seq, "durable": writer.durable_seq}
