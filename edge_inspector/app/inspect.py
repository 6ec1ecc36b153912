"""Composition root of the inspect process: ring, judges, signals; nothing else runs here."""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

import cv2

from edge_inspector.app.guarded import SWITCH_S, guarded
from edge_inspector.app.journal_thread import ThreadedJournal
from edge_inspector.app.judges import Judges, prepare_judges
from edge_inspector.app.live_plan import unpacked, with_live
from edge_inspector.app.plans import InspectPlan, named_model
from edge_inspector.core.errors import EdgeInspectorError
from edge_inspector.core.logs import get_log
from edge_inspector.infer.runtime import Build
from edge_inspector.observe.logs import configure_logging, set_level
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.child import Start, enter_child
from edge_inspector.run.drill import failing, refusing
from edge_inspector.run.failpoint import VARIABLE, failpoint
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.image_watch import ImageWatch
from edge_inspector.run.inspect import InspectLoop
from edge_inspector.run.judge import Judge
from edge_inspector.run.judging import InTurn, Judging, SideBySide
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.publish import Watches
from edge_inspector.run.scheduling import take_place
from edge_inspector.run.seam_watch import SeamWatch
from edge_inspector.run.seams import Identity, Seeing
from edge_inspector.run.terms import Terms, TermsReader
from edge_inspector.signal.authenticator import Authenticator
from edge_inspector.signal.journal_keeper import JournalLimits
from edge_inspector.signal.journal_writer import JournalWriter
from edge_inspector.signal.publisher import SignalPublisher

log = get_log(__name__)


def main(start_fd: int) -> int:
    """Run the inspect process; returns its exit code."""
    start = enter_child(start_fd)
    plan: InspectPlan = start.plan
    configure_logging(plan.log_level, plan.line, "inspect")
    for what in take_place(plan.cores):
        log.warning("place_refused", detail=what)
    notes = NoteSender(socket.socket(fileno=start.notes_fd))
    try:
        with guarded(plan.curve) as guard:
            signals = _inspect(start, plan, notes, guard)
        signals.close()  # after the authenticator: it ends what both use
    except EdgeInspectorError as error:
        note = {"kind": "fatal", "name": type(error).__name__, "detail": str(error), "exit_code": error.exit_code}
        notes.offer(note)
        return error.exit_code
    return 0


def _inspect(start: Start, plan: InspectPlan, notes: NoteSender, guard: Authenticator | None) -> SignalPublisher:
    cv2.setNumThreads(1)  # what is done to one tile is not worth waking another core for
    memory = LineMemory(*(view.layout for view in plan.views), fd=start.memory_fd)
    # Bound first: clients connect while the model loads, and hear the first verdict.
    signals = SignalPublisher(plan.endpoint, plan.is_simulated, guard)
    memory.write(Word.SIGNALS_BOUND, 1)
    prepared = prepare_judges(
        plan, memory.read(Word.HEARTBEAT_NS) == 0, failing(memory, plan.drill_most_ns), partial(_tell_build, notes)
    )
    judges = prepared.judges
    failure = judges[0].failure
    if failure is not None:
        # Not fatal: parts come all the same, and each must be rejected by a verdict, not by our absence.
        log.error("model_not_ready", detail=str(failure))
        notes.offer({"kind": "event", "name": "model_error", "severity": "error", "detail": str(failure)})
    elif any(view.provider == "null" for view in plan.views):
        detail = "model.provider is null: no model is asked, every tile is called good; for measuring alone"
        log.warning("no_model", detail=detail)
        notes.offer({"kind": "event", "name": "no_model", "severity": "warning", "detail": detail})
    else:
        for view in plan.views:
            log.info("model_proven", camera=view.camera, model=view.model, provider=view.provider)
        log.info("judging", profile=plan.profile, workers=len(judges))
    gc.freeze()  # what is there now stays: the collector need not walk through all of it between two parts
    assembler = Assembler(memory, start.wake_fd, plan.sets, needs_pause=plan.needs_pause)
    watches = [Watches(ImageWatch(view.image_health.policies["stuck"]), SeamWatch(view.seam)) for view in plan.views]
    # The journal's thread needs the interpreter for moments only, but then while a verdict is on its way.
    sys.setswitchinterval(SWITCH_S)
    who = _identity(plan, memory.read(Word.EPOCH))
    terms = _terms(plan, prepared, memory, start.wake_fd, notes)
    with _judging(plan, judges, memory, start.wake_fd) as judging, _journal(plan, memory) as journal:
        InspectLoop(
            who, memory, assembler, judging, signals, journal, notes, start.wake_fd, watches, guard, terms
        ).run()  # fmt: skip
    return signals


def _tell_build(notes: NoteSender, build: Build) -> None:
    notes.offer({"kind": "build"} | asdict(build))


def _terms(plan: InspectPlan, prepared: Judges, memory: LineMemory, wake_fd: int, notes: NoteSender) -> TermsReader:
    def understand(data: bytes) -> Terms:
        new = with_live(plan, unpacked(data))
        try:
            sights = prepared.sights(new)
        except EdgeInspectorError as error:
            raise ValueError(str(error)) from error
        set_level(new.log_level)
        return Terms(_identity(new, memory.read(Word.EPOCH)), sights)

    def cannot(why: str) -> None:
        log.error("terms_not_taken", detail=why)
        notes.offer({"kind": "event", "name": "terms_not_taken", "severity": "error", "detail": why})

    return TermsReader(memory, wake_fd, understand, cannot)


def _journal(plan: InspectPlan, memory: LineMemory) -> ThreadedJournal:
    limits = JournalLimits(plan.journal.max_bytes, plan.journal.segment_bytes)
    at = refusing(memory, plan.drill_most_ns, failpoint(os.environ.get(VARIABLE)))
    epoch, durable_seq = memory.read(Word.EPOCH), memory.read(Word.DURABLE_SEQ)
    return ThreadedJournal(JournalWriter(plan.journal.folder, plan.line, epoch, limits, durable_seq, at))


@contextmanager
def _judging(plan: InspectPlan, judges: list[Judge], memory: LineMemory, wake_fd: int) -> Iterator[Judging]:
    def halt_ns() -> int:
        return memory.read(Word.HALT_NS)

    if plan.profile == "latency" or judges[0].failure is not None:
        yield InTurn(judges[0], halt_ns)
        return
    side_by_side = SideBySide(judges, wake_fd, halt_ns)
    side_by_side.start()
    try:
        yield side_by_side
    finally:
        side_by_side.close()


def _identity(plan: InspectPlan, epoch: int) -> Identity:
    return Identity(
        line=plan.line,
        epoch=epoch,
        cameras=tuple(
            Seeing(view.camera, *named_model(view.provider, view.model, view.model_sha256), view.scale)
            for view in plan.views
        ),
        recipe=plan.recipe,
        lease_ms=plan.lease_ms,
        deadline_ns=plan.deadline_ns,
        gate=plan.gate,
        keep=plan.keep,
        bypass_most_ns=plan.bypass_most_ns,
        drill_most_ns=plan.drill_most_ns,
        config=plan.config,
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
