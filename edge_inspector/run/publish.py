"""From a judged part to its verdict: journaled, entered, sent, and told to main. Owned by the loop's thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge_inspector.core.clock import monotonic_ns, utc_us_at
from edge_inspector.core.verdict import Judgement, Outcome, Verdict, ViewVerdict
from edge_inspector.decide.gate import firing
from edge_inspector.decide.together import lead_of
from edge_inspector.run.assemble import Assembler
from edge_inspector.run.bypass import as_bypassed, bypass_left_ns
from edge_inspector.run.drill import drill_left_ns
from edge_inspector.run.handover import NoteSender
from edge_inspector.run.image_watch import ImageWatch
from edge_inspector.run.journaling import Journaling, Row
from edge_inspector.run.judge import Judged, Seen, as_late
from edge_inspector.run.judging import Done, Judging
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.part import Part, View
from edge_inspector.run.seam_watch import SeamWatch
from edge_inspector.run.seams import Identity, Signals


@dataclass(frozen=True, slots=True)
class Watches:
    """What only the order of one camera's pictures tells."""

    images: ImageWatch
    seam: SeamWatch


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What is to be kept of a part."""

    lend: bool = False
    """Its pictures are lent, all that it has."""
    evidence_id: str | None = None
    is_dropped: bool = False
    """It was wanted, and there is no room."""


class Publishing:
    """Gives each part its verdict, in order."""

    def __init__(
        self,
        identity: Identity,
        memory: LineMemory,
        assembler: Assembler,
        judging: Judging,
        signals: Signals,
        journaling: Journaling,
        notes: NoteSender,
        watches: Sequence[Watches],
    ) -> None:
        """Prepare; one `Watches` for each camera."""
        self._who, self._memory, self._ledger = identity, memory, Ledger(memory)
        self._assembler, self._judging, self._signals, self._notes = assembler, judging, signals, notes
        self._journaling, self._watches = journaling, watches

    def review(self, done: Done) -> Done:
        """Return the oldest part in hand after a look at what only the order of pictures tells; once for each part."""
        terms = done.part.terms
        stuck = [None] * len(self._watches) if terms is None else [sight.stuck for sight in terms.sights]
        views = tuple(
            watch.seam.review(watch.images.review(seen, policy))
            for watch, seen, policy in zip(self._watches, done.judged.views, stuck, strict=True)
        )
        return replace(done, judged=Judged(views, done.judged.stages))

    def publish(self, done: Done, is_ready: bool) -> bool:
        """Number, journal, enter, send and tell the verdict of the oldest part in hand, which was reviewed.

        Returns:
            False when the journal does not take it: nothing has happened, ask again with the same.
        """
        part, judged, who = done.part, done.judged, self._who_of(done.part)
        judged_ns = monotonic_ns()
        is_late = self._judging.is_late(part, judged_ns)
        judgement = as_late(judged.judgement) if is_late else judged.judgement
        plan = self._plan_evidence(done, judgement.outcome)  # bypassed or not: teaching needs the picture
        # Read once: reason, body and flag of one verdict agree, whatever is switched meanwhile.
        is_bypass = bypass_left_ns(self._memory, who.bypass_most_ns, judged_ns) > 0
        if is_bypass:
            judgement = as_bypassed(judgement)
        verdict = replace(self._verdict(part, judged, judgement, judged_ns), is_late=is_late, is_bypass=is_bypass)
        if drill_left_ns(self._memory, who.drill_most_ns, judged_ns):
            verdict = replace(verdict, is_drill=True)
        verdict_json, message = self._signals.encode(replace(verdict, evidence_id=plan.evidence_id), is_ready)
        row = self._journaling.keep(part.part_id, judgement.outcome, is_late, message)
        if row is None:
            return False
        self._enter(part, row)
        if row.is_former:
            plan, verdict_json = _Evidence(), self._signals.body(row.message)
        if plan.is_dropped:
            self._memory.write(Word.EVIDENCE_DROPPED, self._memory.read(Word.EVIDENCE_DROPPED) + 1)
        if done.is_read and not plan.lend:
            self.release(part)
        note = self._note(judged, monotonic_ns() - judged_ns)
        if plan.evidence_id is None:
            self._notes.hold(note, verdict_json)
        else:  # at once: a kill must not lose it, and the camera waits for the slot
            self._tell(part, judged, note, verdict_json, plan.lend)
        return True

    def _enter(self, part: Part, row: Row) -> None:
        """Count a verdict that the journal has, and send it if it may be sent."""
        self._ledger.enter(row.outcome, row.is_late, row.message, part.intake)  # from here on it counts
        if row.may_send:
            self._signals.send(row.message)  # the gate first
        elif row.is_former:
            self._signals.send_again(row.message)
        self._memory.write(Word.INSPECT_PROGRESS_NS, self._judging.progress_ns())
        self._assembler.entered(part)

    def release(self, part: Part) -> None:
        """Give the slots of a part back to its cameras."""
        for camera, view in enumerate(part.views):
            if view is not None:
                self._assembler.release(camera, view, lend=False)

    def _verdict(self, part: Part, judged: Judged, judgement: Judgement, now_ns: int) -> Verdict:
        who, lead = self._who_of(part), _lead(part, judged)
        view, camera = part.views[lead], who.cameras[lead]
        budget_us = -1
        if who.deadline_ns is not None:
            budget_us = max(0, (part.trigger_ns + who.deadline_ns - now_ns) // 1000)
        return Verdict(
            line=who.line,
            epoch=who.epoch,
            seq=self._ledger.head_seq + 1,
            part_id=part.part_id,
            camera=camera.name,
            frame_id=-1 if view is None else view.frame_id,
            judgement=judgement,
            model=camera.model,
            model_sha256=camera.model_sha256,
            recipe=who.recipe,
            trigger_utc_us=utc_us_at(part.trigger_ns),
            trigger_source=part.trigger_source,
            latency_us=max(0, (now_ns - part.trigger_ns) // 1000),
            budget_us=budget_us,
            is_late=False,
            is_bypass=False,
            evidence_id=None,
            travel=part.travel,
            scale=who.cameras[0].scale,
            firing=firing(who.gate, part.travel),
            views=self._views(part, judged) if len(part.views) > 1 else (),
            config=who.config,
        )

    def _who_of(self, part: Part) -> Identity:
        return self._who if part.terms is None else part.terms.who

    def _views(self, part: Part, judged: Judged) -> tuple[ViewVerdict, ...]:
        return tuple(
            ViewVerdict(
                camera.name,
                -1 if view is None else view.frame_id,
                view is None,
                seen.judgement,
                camera.model,
                camera.model_sha256,
                camera.scale,
            )
            for camera, view, seen in zip(self._who.cameras, part.views, judged.views, strict=True)
        )

    def _plan_evidence(self, done: Done, outcome: Outcome) -> _Evidence:
        part, who = done.part, self._who_of(done.part)
        if outcome not in who.keep:
            return _Evidence()
        pictured = [camera for camera, view in enumerate(part.views) if view is not None and view.slot >= 0]
        if pictured and not (done.is_read and all(map(self._assembler.can_lend, pictured))):
            return _Evidence(is_dropped=True)
        return _Evidence(bool(pictured), f"{who.line}-{who.epoch:08x}-{part.part_id:08d}")

    def _tell(self, part: Part, judged: Judged, note: dict[str, Any], verdict_json: bytes, lend: bool) -> None:
        """Send main the notes of a part that evidence keeps: its verdict last, so that all pictures are there then."""
        for camera in reversed(range(len(part.views))):
            view, seen = part.views[camera], judged.views[camera]
            head = note if camera == 0 else {"kind": "view", "part_id": part.part_id, "camera": camera}
            body = verdict_json if camera == 0 else None
            if not lend or view is None or view.slot < 0:
                self._notes.offer(head, None, body)
                continue
            heat = seen.results.heat if seen.results is not None else None
            # Told first: a kill between the two would leave a loan that nobody knows of and nobody returns.
            was_told = self._notes.offer(head | _picture(seen, view), heat, body)
            self._assembler.release(camera, view, lend=was_told)

    def _note(self, judged: Judged, publish_ns: int) -> dict[str, Any]:
        stages = judged.stages
        note: dict[str, Any] = {
            "kind": "verdict",
            "stages": [stages.grab_ns, stages.tile_ns, stages.infer_ns, stages.decide_ns, publish_ns],
            "slot": -1,
            "generation": 0,
        }
        images = [
            (camera, (look.brightness, look.sharpness, look.dark_share, look.bright_share, look.troubles))
            for camera, seen in enumerate(judged.views)
            if (look := seen.look) is not None
        ]
        if images:
            note["images"] = images
        return note


def _picture(seen: Seen, view: View) -> dict[str, Any]:
    told: dict[str, Any] = {"slot": view.slot, "generation": view.generation}
    if seen.results is not None:
        told["hits"] = seen.judgement.hits
        if seen.results.tiles is not None:
            told["tiles"] = seen.results.tiles.tolist()
    return told


def _lead(part: Part, judged: Judged) -> int:
    """Return the camera that a verdict is about: one that is missing, one whose picture is broken, or the worst."""
    if part.missing:
        return part.missing[0]
    for camera, view in enumerate(part.views):
        if view is not None and not view.has_picture:
            return camera
    return lead_of([seen.judgement for seen in judged.views])
