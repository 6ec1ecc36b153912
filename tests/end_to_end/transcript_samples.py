"""A good transcript, row by row, and the ways to break it."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from typing import Any

from transcript import check_transcript

NOW_US = 1_800_000_000_000_000
SIMULATED, LATE, REJECT, READY, BYPASS, REPLAYED = 2, 8, 16, 32, 64, 1
Row = dict[str, Any]

HISTOGRAM = [
    ["_bucket", {"stage": "infer", "le": "0.01"}, 1],
    ["_bucket", {"stage": "infer", "le": "+Inf"}, 3],
    ["_count", {"stage": "infer"}, 3],
    ["_sum", {"stage": "infer"}, 0.5],
]


def verdict(seq: int, part_id: int, kind: str = "PASS", reason: str = "ok", **other: Any) -> Row:
    is_judged = kind != "UNKNOWN"
    n_defect_tiles = int(kind == "REJECT")
    defect = {"x": 8, "y": 0, "w": 8, "h": 16, "score": 0.9, "label": "DEFECT", "x_mm": None, "y_mm": None}
    body = {
        "v": 1, "line": "l1", "epoch": 7, "seq": seq, "part_id": part_id, "camera": "cam0", "frame_id": seq,
        "verdict": kind, "reason": reason, "score": 0.9 if is_judged else None,
        "label": "DEFECT" if is_judged else None, "defects": [defect] * n_defect_tiles,
        "n_tiles": 4 if is_judged else 0, "n_defect_tiles": n_defect_tiles, "model": "m@1",
        "model_sha256": "0" * 64, "recipe": "r", "context": {}, "t_trigger_utc_us": NOW_US,
        "t_trigger_source": "host", "latency_us": 900, "enc_trigger": -1, "enc_gen": 0, "enc_modulus": 0,
        "fire_enc": -1, "fire_window_enc": 0, "budget_us": -1, "late": reason == "deadline", "bypass": False,
        "evidence_id": None,
    } | other  # fmt: skip
    flags = SIMULATED | READY | (REJECT if kind != "PASS" else 0) | (LATE if body["late"] else 0)
    return {"kind": "verdict", "flags": flags, "seq": seq, "part_id": part_id, "body": body}


def beat(passes: int, rejects: int, unknowns: int, lates: int, state: str = "Ready", in_flight: int = 0) -> Row:
    head = passes + rejects + unknowns
    body = {
        "v": 1, "line": "l1", "epoch": 7, "head_seq": head, "durable_seq": 0, "state": state,
        "ready": state == "Ready", "faults": [], "lease_ms": 1000, "enc_now": -1, "enc_age_us": -1, "enc_gen": 0,
        "clock_synced": True, "last_frame_age_us": 5, "triggers": head + in_flight, "passes": passes,
        "rejects": rejects, "unknowns": unknowns, "lates": lates, "in_flight": in_flight,
    }  # fmt: skip
    flags = SIMULATED | (READY if state == "Ready" else 0)
    return {"kind": "hb", "flags": flags, "seq": head, "part_id": 1000, "body": body}


def telemetry(kind: str, **body: Any) -> Row:
    return {"kind": kind, "flags": SIMULATED, "seq": 4, "part_id": 0, "body": body}


def state(now: str, previous: str) -> Row:
    return telemetry("state", state=now, previous=previous, reason="because", unsigned=[])


def metrics(triggers: int) -> Row:
    counter = {"name": "x_triggers_total", "type": "counter", "help": "h", "samples": [["", {}, triggers]]}
    histogram = {"name": "x_seconds", "type": "histogram", "help": "h", "samples": copy.deepcopy(HISTOGRAM)}
    return telemetry("metrics", v=1, families=[counter, histogram])


def good() -> list[Row]:
    """Indices matter to the table below: change both."""
    return [
        state("Ready", "Preoperational"),  # 0
        beat(0, 0, 0, 0),  # 1
        verdict(1, 101),  # 2
        verdict(2, 102, "REJECT", "defect"),  # 3
        beat(1, 1, 0, 0, in_flight=2),  # 4
        metrics(2),  # 5
        verdict(3, 103, "UNKNOWN", "deadline"),  # 6
        verdict(4, 104, "UNKNOWN", "process_lost"),  # 7
        metrics(4),  # 8
        telemetry("event", name="parts_lost", severity="warning", detail="d", range=[90, 100]),  # 9
        state("Halted", "Ready"),  # 10
        beat(1, 1, 2, 1, state="Halted"),  # 11
    ]


def record(row: Row) -> str:
    if "link" in row:
        return json.dumps(row)
    head = struct.pack(
        ">2sBBIqQQqq", row.get("magic", b"IN"), row.get("version", 1), row["flags"], row.get("epoch", 7), row["seq"],
        row.get("t_utc_us", NOW_US), row["part_id"], row.get("fire_enc", -1), row.get("budget_us", -1),
    )  # fmt: skip
    body = row.get("raw") or json.dumps(row["body"]).encode()
    topic = row.get("topic", f"insp.v1.l1.{row['kind']}").encode()
    frames = [topic, head + row.get("tail", b""), body][: row.get("frames", 3)]
    return json.dumps({"frames": [frame.hex() for frame in frames], "at_utc_us": NOW_US + 1000})


def check(rows: list[Row], **options: Any) -> list[str]:
    return check_transcript([record(row) for row in rows], frame_hw=(64, 64), **options)


def put(at: int, **row: Any) -> Callable[[list[Row]], None]:
    return lambda rows: rows[at].update(row)


def body(at: int, **keys: Any) -> Callable[[list[Row]], None]:
    return lambda rows: rows[at]["body"].update(keys)


def lacks(at: int, key: str) -> Callable[[list[Row]], None]:
    return lambda rows: rows[at]["body"].pop(key)


def raw(at: int, old: bytes, new: bytes) -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        text = json.dumps(rows[at]["body"]).encode()
        assert old in text
        rows[at]["raw"] = text.replace(old, new)

    return change


def flip(at: int, bit: int) -> Callable[[list[Row]], None]:
    return lambda rows: rows[at].update(flags=rows[at]["flags"] ^ bit)


def drop(at: int) -> Callable[[list[Row]], None]:
    return lambda rows: rows.pop(at)


def swap(at: int) -> Callable[[list[Row]], None]:
    return lambda rows: rows.insert(at, rows.pop(at + 1))


def again(at: int, flags: int = 0, **keys: Any) -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        row = copy.deepcopy(rows[at])
        row["flags"] |= flags
        row["body"].update(keys)
        rows.insert(at + 1, row)

    return change


def both(*changes: Callable[[list[Row]], None]) -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        for one in changes:
            one(rows)

    return change


def sample(at: int, value: Any, suffix: str = "_bucket", le: str = "0.01") -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        for row in rows[at]["body"]["families"][1]["samples"]:
            if row[0] == suffix and row[1].get("le", le) == le:
                row[2] = value

    return change
