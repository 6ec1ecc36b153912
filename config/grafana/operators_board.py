"""The dashboard for whoever stands at the line: does it inspect, why not, what is rejected, what to do."""

from __future__ import annotations

from board import GREEN, GREY, RED, YELLOW, Panel, Query, dashboard, lines, stat, steps, table, text, words

L = 'line="$line"'

WHAT_TO_DO = {
    "starting": ("the line starts", "wait a minute; a model for TensorRT takes longer the first time"),
    "camera": ("the camera does not deliver", "power and network cable of the camera; it is tried again by itself"),
    "camera_stalled": (
        "the camera's program stands still",
        "it is replaced by itself; if this comes again, call the line engineer",
    ),
    "resync": ("the camera was just connected again", "let one part pass"),
    "image_health": (
        "the picture shows nothing that can be judged",
        "lamp on? cap off? lens clean? Then let one part pass",
    ),
    "model": ("the model cannot run", "call the line engineer: the daemon's log says why"),
    "journal": ("the disk takes no verdicts", "call the line engineer: free the disk, or replace it"),
    "part_numbers": ("the disk takes no part numbers", "the same"),
    "recovering": ("parts of a process that ended get their verdicts", "wait some seconds"),
    "authenticator": ("no new client can connect", "call the line engineer: restart the daemon when the line may stop"),
    "no_heartbeat": (
        "what judges parts stands still",
        "it is replaced by itself; if this stays, call the line engineer",
    ),
    "other": ("something that this page does not know", "`edge-inspector watch` names it"),
}
"""Fault -> what it is, what an operator does."""


def _advice() -> str:
    rows = [f"| `{fault}` | {what} | {do} |" for fault, (what, do) in WHAT_TO_DO.items()]
    head = [
        "While the line is not ready, its gate rejects every part.",
        "",
        "| fault | what it is | what to do |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows])


def _state() -> list[Panel]:
    inspecting = words(
        {1: ("INSPECTING", GREEN), 0: ("NOT INSPECTING: all is rejected", RED), -1: ("NO ANSWER: all is rejected", RED)}
    )
    return [
        # Without a page there is no `ready`: then what Prometheus says of its own scrape, 0, becomes -1.
        stat(
            "Does it inspect?",
            Query(f'edge_inspector_ready{{{L}}} or up{{job="edge-inspector", {L}}} - 1'),
            width=8,
            mappings=inspecting,
        ),
        stat("State", Query(f"edge_inspector_state{{{L}}} == 1", "{{state}}"), shows_name=True),
        stat(
            "Bypass",
            Query(f"edge_inspector_bypass{{{L}}}"),
            mappings=words({0: ("off", GREEN), 1: ("DEFECTS PASS", RED)}),
        ),
        stat(
            "Drill",
            Query(f"edge_inspector_drill_seconds_left{{{L}}} > bool 0"),
            mappings=words({0: ("off", GREEN), 1: ("NOTHING IS RELEASED", YELLOW)}),
        ),
        stat(
            "Camera",
            Query(f"min(edge_inspector_camera_connected{{{L}}})"),
            mappings=words({1: ("connected", GREEN), 0: ("GONE", RED)}),
        ),
        table("Why not?", Query(f"edge_inspector_fault{{{L}}} == 1"), ["fault"], width=6, height=7),
        table(
            "What rings",
            Query(f'ALERTS{{alertstate="firing", {L}}}'),
            ["alertname", "severity", "reason", "camera", "check", "consumer", "process", "endpoint"],
            width=10,
            height=7,
            description="Alerts that fire now. docs/reference/alerts.md says what each asks for.",
        ),
        lines("Faults of the last hour", Query(f"edge_inspector_fault{{{L}}}", "{{fault}}"), width=8, min=0, max=1),
        text("What to do", _advice(), width=24, height=9),
    ]


def _parts() -> list[Panel]:
    kinds = {"pass": "passes", "reject": "rejects", "not judged": "unknowns"}
    of_minute = [Query(f"increase(edge_inspector_{name}_total{{{L}}}[1m])", kind) for kind, name in kinds.items()]
    return [
        stat("Parts a minute", Query(f"60 * rate(edge_inspector_triggers_total{{{L}}}[1m])"), decimals=0),
        stat(
            "Rejected, last 5 minutes",
            Query(f"edge_inspector:rejects:ratio_rate5m{{{L}}}"),
            unit="percentunit",
            thresholds=steps((None, GREY)),
        ),
        stat(
            "Not judged, last 5 minutes",
            Query(f"edge_inspector:unknowns:ratio_rate5m{{{L}}}"),
            unit="percentunit",
            thresholds=steps((None, GREEN), (0.001, YELLOW), (0.05, RED)),
        ),
        stat(
            "Picture age",
            Query(f"max(edge_inspector_last_frame_age_seconds{{{L}}})"),
            unit="s",
            thresholds=steps((None, GREY)),
        ),
        stat(
            "Rejected since the start of the epoch", Query(f"edge_inspector_rejects_total{{{L}}}"), width=8, decimals=0
        ),
        lines("The last minutes, parts a minute", *of_minute, width=12, is_bars=True, is_stacked=True),
        lines(
            "Share rejected",
            Query(f"edge_inspector:rejects:ratio_rate5m{{{L}}}", "5 minutes"),
            Query(f"edge_inspector:rejects:ratio_rate15m{{{L}}}", "15 minutes"),
            Query(f"edge_inspector:rejects:ratio_rate1d{{{L}}}", "a day"),
            unit="percentunit",
            width=12,
            min=0,
        ),
        lines(
            "Rejected and not judged, by reason, in 5 minutes",
            Query(
                f'sum by (reason) (increase(edge_inspector_verdicts_total{{verdict!="PASS", {L}}}[5m]))', "{{reason}}"
            ),
            width=12,
            is_bars=True,
            is_stacked=True,
        ),
        lines(
            "Rejected by zone, in 5 minutes",
            Query(f"sum by (zone) (increase(edge_inspector_zone_rejects_total{{{L}}}[5m]))", "{{zone}}"),
            width=12,
            description="Empty on a line without zones.",
            is_bars=True,
        ),
    ]


def operators_json() -> str:
    """Return config/grafana/operators.json as it must be."""
    return dashboard(
        "edge-inspector-operators",
        "Edge inspector: the line",
        "Does it inspect, why not, what is rejected, what to do.",
        [*_state(), *_parts()],
        since="now-1h",
        refresh="5s",
    )
