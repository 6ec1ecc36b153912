"""What the bodies of the protocol must hold, as tables and as rules between keys. Standard library only."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from witness import BYPASS, LATE, REJECT, Head

WHOLE_BELOW = 2**53
Rule = Callable[[Any], bool]


def text(value: Any) -> bool:
    return isinstance(value, str)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return whole(value) or (isinstance(value, float) and math.isfinite(value))


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def count(value: Any) -> bool:
    return whole(value) and value >= 0


def none_or(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)


def one_of(*values: object) -> Rule:
    return lambda value: any(value == known and type(value) is type(known) for known in values)


def from_minus_one(value: Any) -> bool:
    return whole(value) and value >= -1


def names(value: Any) -> bool:
    return isinstance(value, list) and all(map(text, value))


REASONS = {
    "PASS": {"ok", "below_area", "bypass"},
    "REJECT": {"defect"},
    "UNKNOWN": {
        "deadline", "frame_lost", "frame_incomplete", "frame_invalid", "partial_set", "overrun", "camera_lost",
        "model_error", "model_nan", "encoder", "image_health", "process_lost", "shutdown",
    },
}  # fmt: skip
STATES = ("Preoperational", "Initialized", "Ready", "ContinuousExecution", "Halted", "Error")
READY_STATES = ("Ready", "ContinuousExecution")

KEYS: dict[str, dict[str, Rule]] = {
    "verdict": {
        "v": one_of(1), "line": text, "epoch": count, "seq": count, "part_id": count, "camera": text,
        "frame_id": from_minus_one, "verdict": one_of(*REASONS), "reason": one_of(*set().union(*REASONS.values())),
        "score": none_or(number), "label": none_or(text), "defects": lambda value: isinstance(value, list),
        "n_tiles": count, "n_defect_tiles": count, "model": text,
        "model_sha256": lambda value: text(value) and re.fullmatch("[0-9a-f]{64}", value) is not None,
        "recipe": text, "context": lambda value: isinstance(value, dict), "t_trigger_utc_us": count,
        "t_trigger_source": one_of("camera", "host"), "latency_us": count, "enc_trigger": from_minus_one,
        "enc_gen": count, "enc_modulus": count, "fire_enc": from_minus_one, "fire_window_enc": count,
        "budget_us": from_minus_one, "late": flag, "bypass": flag, "evidence_id": none_or(text),
    },
    "hb": {
        "v": one_of(1), "line": text, "epoch": count, "head_seq": count, "durable_seq": count,
        "state": one_of(*STATES), "ready": flag, "faults": names, "lease_ms": lambda value: whole(value) and value > 0,
        "enc_now": from_minus_one, "enc_age_us": from_minus_one, "enc_gen": count, "clock_synced": flag,
        "last_frame_age_us": from_minus_one, "triggers": count, "passes": count, "rejects": count,
        "unknowns": count, "lates": count, "in_flight": count,
    },
    "state": {"state": one_of(*STATES), "previous": one_of(*STATES), "reason": text, "unsigned": names},
    "event": {"name": text, "severity": one_of("info", "warning", "error"), "detail": text},
    "metrics": {"families": lambda value: isinstance(value, list)},
}  # fmt: skip
DEFECT: dict[str, Rule] = {
    "x": count, "y": count, "w": count, "h": count, "score": number, "label": text,
    "x_mm": none_or(number), "y_mm": none_or(number),
}  # fmt: skip


def is_line_name(name: str) -> bool:
    return re.fullmatch("[a-z0-9-]{1,32}", name) is not None


def is_bypass_event(body: dict[str, Any]) -> bool:
    """Return whether an event of bypass says who and until when, or why it ended."""
    if body.get("name") == "bypass_off":
        return body.get("why") in ("person", "time", "stop")
    who = text(body.get("by")) and body["by"] != "" and text(body.get("reason"))
    return who and number(body.get("minutes")) and body["minutes"] > 0 and count(body.get("until_utc_us"))


def is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(count, value)) and value[0] <= value[1]


def parse(data: bytes) -> dict[str, Any]:
    """Return a body; ValueError for what the protocol does not allow in JSON."""

    def no_token(token: str) -> None:
        raise ValueError(f"{token} is no JSON")

    def bounded(digits: str) -> int:
        value = int(digits)
        if abs(value) >= WHOLE_BELOW:
            raise ValueError(f"integer {value} is not below 2^53")
        return value

    body = json.loads(data.decode("utf-8"), parse_constant=no_token, parse_int=bounded)
    if not isinstance(body, dict):
        raise ValueError("not an object")
    return body


def check(kind: str, body: dict[str, Any], frame_hw: tuple[int, int] | None) -> list[str]:
    """Return what is wrong with one body by itself."""
    found = [f"{key} is missing" for key in KEYS[kind] if key not in body]
    found += [f"{key} is {body[key]!r}" for key, rule in KEYS[kind].items() if key in body and not rule(body[key])]
    if found:
        return found
    if kind == "verdict":
        return [*_verdict(body), *_defects(body["defects"], frame_hw)]
    if kind == "hb" and body["ready"] and body["state"] not in READY_STATES:
        return [f"ready in state {body['state']}"]
    return list(_families(body["families"])) if kind == "metrics" else []


def header_differences(head: Head, body: dict[str, Any]) -> Iterator[str]:
    """Yield where the header of a verdict says something else than its body."""
    for key in ("seq", "part_id", "fire_enc", "budget_us"):
        if body[key] != getattr(head, key):
            yield f"{key} is {body[key]} in the body, {getattr(head, key)} in the header"
    if bool(head.flags & REJECT) == (body["verdict"] == "PASS"):
        yield f"reject flag {head.flags & REJECT} of a {body['verdict']}"
    for key, bit in (("late", LATE), ("bypass", BYPASS)):
        if body[key] != bool(head.flags & bit):
            yield f"{key} is {body[key]} in the body, not so in the flags"


def _verdict(body: dict[str, Any]) -> Iterator[str]:
    verdict, reason = body["verdict"], body["reason"]
    if reason not in REASONS[verdict]:
        yield f"reason {reason} does not belong to {verdict}"
    if body["late"] and verdict != "UNKNOWN":
        yield f"late, but {verdict}"
    if reason == "deadline" and not body["late"]:
        yield "reason deadline, but not late"
    if reason == "bypass" and not body["bypass"]:
        yield "reason bypass, but bypass is off"
    if body["bypass"] and verdict != "UNKNOWN" and reason != "bypass":
        yield f"bypass is on, but {verdict} {reason}"
    if verdict in ("PASS", "REJECT") and (body["score"] is None or body["n_tiles"] == 0):
        yield f"{verdict} without being judged"
    if (reason == "defect" and body["n_defect_tiles"] == 0) or (reason == "ok" and body["n_defect_tiles"] > 0):
        yield f"{reason} with {body['n_defect_tiles']} defect tiles"
    if body["n_defect_tiles"] > body["n_tiles"]:
        yield "more defect tiles than tiles"
    if body["seq"] < 1 or body["part_id"] < 1:
        yield "seq and part_id begin at 1"


def _defects(defects: list[Any], frame_hw: tuple[int, int] | None) -> Iterator[str]:
    if len(defects) > 32:
        yield f"{len(defects)} defects"
    scores = []
    for defect in defects:
        if not isinstance(defect, dict) or any(not rule(defect.get(key, ...)) for key, rule in DEFECT.items()):
            yield f"defect {defect!r}"
            return
        scores.append(defect["score"])
        x, y, w, h = (defect[key] for key in "xywh")
        if w == 0 or h == 0 or (frame_hw is not None and (y + h > frame_hw[0] or x + w > frame_hw[1])):
            yield f"defect {(x, y, w, h)} is not inside the frame"
    if scores != sorted(scores, reverse=True):
        yield f"defects are not worst first: {scores}"


def _families(families: list[Any]) -> Iterator[str]:
    seen = set()
    for family in families:
        if not isinstance(family, dict) or not all(text(family.get(key)) for key in ("name", "type", "help")):
            yield f"family {family!r}"
            continue
        name = family["name"]
        if name in seen:
            yield f"family {name} twice"
        seen.add(name)
        samples = family.get("samples")
        if not isinstance(samples, list) or not all(map(_is_sample, samples)):
            yield f"samples of {name}"
        elif family["type"] == "histogram":
            yield from (f"{name}: {what}" for what in _histogram(samples))
        if family["type"] == "counter" and not name.endswith("_total"):
            yield f"counter {name} does not end in _total"


def _is_sample(sample: Any) -> bool:
    if not isinstance(sample, list) or len(sample) != 3:
        return False
    suffix, labels, value = sample
    return text(suffix) and isinstance(labels, dict) and all(map(text, labels.values())) and number(value)


def _histogram(samples: list[Any]) -> Iterator[str]:
    buckets: dict[str, list[tuple[float, float]]] = {}
    counts: dict[str, float] = {}
    for suffix, labels, value in samples:
        others = json.dumps({key: labels[key] for key in sorted(labels) if key != "le"})
        if suffix == "_bucket":
            try:
                buckets.setdefault(others, []).append((float(labels["le"]), value))
            except (KeyError, ValueError):
                yield f"bucket without a bound: {labels}"
        elif suffix == "_count":
            counts[others] = value
        elif suffix != "_sum":
            yield f"suffix {suffix!r} in a histogram"
    for others in buckets.keys() | counts.keys():
        row = buckets.get(others, [])
        bounds, values = [bound for bound, _ in row], [value for _, value in row]
        if bounds != sorted(set(bounds)) or not bounds or bounds[-1] != math.inf:
            yield f"bounds {bounds} of {others}"
        elif values != sorted(values):
            yield f"buckets are not cumulative: {values} of {others}"
        elif counts.get(others) != values[-1]:
            yield f"count {counts.get(others)} is not the last bucket {values[-1]} of {others}"


def counters(families: list[Any]) -> dict[str, float]:
    """Return every number of a snapshot that may only rise, by a name of its own."""
    rising = {}
    for family in families:
        for suffix, labels, value in family["samples"]:
            if family["type"] == "counter" or suffix in ("_bucket", "_count"):
                rising[f"{family['name']}{suffix}{json.dumps(labels, sort_keys=True)}"] = value
    return rising
