"""Messages as bytes: headers, and JSON bodies with the keys of the wire protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from edge_inspector.client.wire import Flag, Header, topic
from edge_inspector.core.clock import utc_us
from edge_inspector.core.frame import Travel
from edge_inspector.core.verdict import Defect, Heartbeat, Judgement, LineState, Outcome, Scale, Verdict, ViewVerdict
from edge_inspector.decide.defects import MAX_DEFECTS

Frames = list[bytes]
"""[topic, header, body]"""

Body = dict[str, Any]


def encode_body(body: Body) -> bytes:
    """Return compact UTF-8 JSON; raises ValueError on NaN or Infinity, which the protocol forbids."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def verdict_body(verdict: Verdict) -> Body:
    """Return every key of a verdict; `config`, `zones`, `views` and `missing` only where there are any."""
    judgement, travel, scale = verdict.judgement, verdict.travel, verdict.scale
    defects = _defects(verdict.views) if verdict.views else [_defect(defect, scale) for defect in judgement.defects]
    body = {
        "v": 1,
        "line": verdict.line,
        "epoch": verdict.epoch,
        "seq": verdict.seq,
        "part_id": verdict.part_id,
        "camera": verdict.camera,
        "frame_id": verdict.frame_id,
        "verdict": judgement.outcome.value,
        "reason": judgement.reason.value,
        "score": judgement.score,
        "label": judgement.label,
        "defects": defects,
        "n_tiles": judgement.n_tiles,
        "n_defect_tiles": judgement.n_defect_tiles,
        "model": verdict.model,
        "model_sha256": verdict.model_sha256,
        "recipe": verdict.recipe,
        "context": verdict.context,
        "t_trigger_utc_us": verdict.trigger_utc_us,
        "t_trigger_source": verdict.trigger_source,
        "latency_us": verdict.latency_us,
        "enc_trigger": travel.count,
        "enc_gen": travel.generation,
        "enc_modulus": scale.modulus,
        "fire_enc": verdict.firing.count,
        "fire_window_enc": verdict.firing.window,
        "budget_us": verdict.budget_us,
        "late": verdict.is_late,
        "bypass": verdict.is_bypass,
        "evidence_id": verdict.evidence_id,
    }
    return body | _config(verdict.config) | _position(travel, scale) | _zones(judgement) | _views(verdict.views)


def _config(name: str) -> Body:
    return {"config": name} if name else {}


def _position(travel: Travel, scale: Scale) -> Body:
    if not scale.counts_per_mm or travel.count < 0:
        return {}
    return {"position_mm": round(travel.position / scale.counts_per_mm, 3)}


def _defect(defect: Defect, scale: Scale) -> Body:
    return {
        "x": defect.x,
        "y": defect.y,
        "w": defect.w,
        "h": defect.h,
        "score": defect.score,
        "label": defect.label,
        "x_mm": round(defect.x * scale.x_mm_per_px, 3) if scale.x_mm_per_px else None,
        "y_mm": round((defect.y - scale.y_first_px) * scale.y_mm_per_px, 3) if scale.y_mm_per_px else None,
    }


def _defects(views: Sequence[ViewVerdict]) -> list[Body]:
    """Return the worst defects of all cameras, each with its camera's name."""
    found = [(defect, view) for view in views for defect in view.judgement.defects]
    found.sort(key=lambda one: -one[0].score)
    return [_defect(defect, view.scale) | {"camera": view.camera} for defect, view in found[:MAX_DEFECTS]]


def _views(views: Sequence[ViewVerdict]) -> Body:
    if not views:
        return {}
    told = [
        {
            "camera": view.camera,
            "frame_id": view.frame_id,
            "verdict": view.judgement.outcome.value,
            "reason": view.judgement.reason.value,
            "score": view.judgement.score,
            "label": view.judgement.label,
            "n_tiles": view.judgement.n_tiles,
            "n_defect_tiles": view.judgement.n_defect_tiles,
            "model": view.model,
            "model_sha256": view.model_sha256,
        }
        | _zones(view.judgement)
        for view in views
    ]
    return {"views": told, "missing": [view.camera for view in views if view.is_missing]}


def _zones(judgement: Judgement) -> Body:
    if not judgement.zones:
        return {}
    zones = judgement.zones
    return {"zones": [{"name": z.name, "n_defect_tiles": z.n_defect_tiles, "verdict": z.outcome.value} for z in zones]}


def verdict_frames(verdict: Verdict, body: Body, is_ready: bool, is_simulated: bool) -> Frames:
    """Return a verdict message; REJECT in the header is clear only for PASS."""
    flags = _flags(is_ready, is_simulated)
    if verdict.judgement.outcome is not Outcome.PASS:
        flags |= Flag.REJECT
    if verdict.is_late:
        flags |= Flag.LATE
    if verdict.is_bypass:
        flags |= Flag.BYPASS
    if verdict.is_drill:
        flags |= Flag.DRILL
    where, left_us = verdict.firing.count, verdict.budget_us
    header = Header(flags, verdict.epoch, verdict.seq, utc_us(), verdict.part_id, fire_enc=where, budget_us=left_us)
    return [topic(verdict.line, "verdict"), header.pack(), encode_body(body)]


def heartbeat_body(beat: Heartbeat) -> Body:
    """Return every key of a heartbeat; `config` only where there is one."""
    return {
        "v": 1,
        "line": beat.line,
        "epoch": beat.epoch,
        "head_seq": beat.head_seq,
        "durable_seq": beat.durable_seq,
        "state": beat.state.wire_name,
        "ready": beat.is_ready,
        "faults": list(beat.faults),
        "lease_ms": beat.lease_ms,
        "enc_now": beat.travel.count,
        "enc_age_us": beat.travel_age_us,
        "enc_gen": beat.travel.generation,
        "clock_synced": beat.clock_synced,
        "last_frame_age_us": beat.last_frame_age_us,
        "triggers": beat.totals.triggers,
        "passes": beat.totals.passes,
        "rejects": beat.totals.rejects,
        "unknowns": beat.totals.unknowns,
        "lates": beat.totals.lates,
        "in_flight": beat.totals.in_flight,
    } | _config(beat.config)


def heartbeat_frames(beat: Heartbeat, body: Body, is_simulated: bool) -> Frames:
    """Return a heartbeat message; its part_id field carries the lease."""
    flags = _flags(beat.is_ready, is_simulated)
    if beat.is_bypass:
        flags |= Flag.BYPASS
    if beat.is_drill:
        flags |= Flag.DRILL
    header = Header(flags, beat.epoch, beat.head_seq, utc_us(), beat.lease_ms, fire_enc=beat.travel.count)
    return [topic(beat.line, "hb"), header.pack(), encode_body(body)]


def other_frames(line: str, kind: str, epoch: int, head_seq: int, flags: Flag, body: Body) -> Frames:
    """Return a `state`, `event` or `metrics` message."""
    header = Header(flags, epoch, head_seq, utc_us(), 0)
    return [topic(line, kind), header.pack(), encode_body(body)]


def state_body(
    line: str, epoch: int, state: LineState, previous: LineState, reason: str, unsigned: Sequence[str] = ()
) -> Body:
    """Return every key of a state message."""
    return {
        "v": 1,
        "line": line,
        "epoch": epoch,
        "state": state.wire_name,
        "previous": previous.wire_name,
        "reason": reason,
        "unsigned": list(unsigned),
    }


def event_body(line: str, epoch: int, name: str, severity: str, detail: str, extra: Body | None = None) -> Body:
    """Return every key of an event message; `extra` adds keys of that event, such as `range`."""
    body: Body = {"v": 1, "line": line, "epoch": epoch, "name": name, "severity": severity, "detail": detail}
    return body | (extra or {})


def as_replayed(frames: Frames) -> Frames:
    """Return the same message with the replayed flag: for the record, never to be acted on."""
    return [frames[0], header_as_replayed(frames[1]), frames[2]]


def header_as_replayed(header: bytes) -> bytes:
    """Return a header with the replayed flag."""
    return header[:3] + bytes([header[3] | Flag.REPLAYED]) + header[4:]


def joined(frames: Frames) -> bytes:
    """Return a message as one block of bytes."""
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


def split(message: bytes) -> Frames:
    """Return the frames of a message that `joined` made."""
    frames, at = [], 0
    while at < len(message):
        length = int.from_bytes(message[at : at + 4], "big")
        frames.append(message[at + 4 : at + 4 + length])
        at += 4 + length
    return frames


def _flags(is_ready: bool, is_simulated: bool) -> Flag:
    flags = Flag.READY if is_ready else Flag(0)
    return flags | Flag.SIMULATED if is_simulated else flags
