"""The dashboard for whoever looks after the line: where the time goes, what waits, what drifts, what is kept."""

from __future__ import annotations

from board import RED, Panel, Query, dashboard, lines, row, steps, table

L = 'line="$line"'


def _time() -> list[Panel]:
    latency = "edge_inspector:trigger_to_verdict_seconds"
    by_stage = f"sum by (stage, le) (rate(edge_inspector_stage_duration_seconds_bucket{{{L}}}[5m]))"
    late = [Query(f"edge_inspector:late:ratio_rate{window}{{{L}}}", window) for window in ("5m", "30m", "1h", "6h")]
    return [
        row("Time"),
        lines(
            "Trigger to verdict",
            Query(f"{latency}:p50_rate5m{{{L}}}", "half of the parts"),
            Query(f"{latency}:p99_rate5m{{{L}}}", "99 of 100"),
            unit="s",
            min=0,
        ),
        lines(
            "Where the time goes, mean of a part",
            Query(f"edge_inspector:stage_seconds:mean_rate5m{{{L}}}", "{{stage}}"),
            unit="s",
            is_stacked=True,
        ),
        lines(
            "99 of 100 parts, by stage",
            Query(f"histogram_quantile(0.99, {by_stage})", "{{stage}}"),
            unit="s",
        ),
        Panel(
            "Trigger to verdict, all parts",
            "heatmap",
            (Query(f"sum by (le) (increase(edge_inspector_trigger_to_verdict_seconds_bucket{{{L}}}[1m]))", "{{le}}"),),
            width=12,
            options={"calculate": False, "yAxis": {"unit": "s"}},
        ),
        lines(
            "Share of verdicts after their deadline",
            *late,
            unit="percentunit",
            width=12,
            description="Over the line for 5 minutes and for an hour: EdgeInspectorDeadlineBurn.",
            thresholds=steps((None, "transparent"), (0.0144, RED)),
        ),
    ]


def _queues() -> list[Panel]:
    return [
        row("What waits"),
        lines("Parts without a verdict", Query(f"edge_inspector_parts_in_flight{{{L}}}", "in flight")),
        lines(
            "How full queues are",
            Query(f"edge_inspector_queue_depth{{{L}}} / edge_inspector_queue_capacity{{{L}}}", "{{stage}}"),
            unit="percentunit",
            min=0,
            max=1,
        ),
        lines(
            "Dropped, a minute",
            Query(f"60 * rate(edge_inspector_frames_overrun_total{{{L}}}[5m])", "pictures without room, {{camera}}"),
            Query(f"60 * rate(edge_inspector_handover_dropped_total{{{L}}}[5m])", "records that metrics never saw"),
            Query(f"60 * rate(edge_inspector_evidence_dropped_total{{{L}}}[5m]) > 0", "evidence, {{reason}}"),
        ),
        lines("Consumers behind, in verdicts", Query(f"edge_inspector:consumer_lag:parts{{{L}}}", "{{consumer}}")),
        lines(
            "What gates did, parts a minute",
            Query(f"60 * rate(edge_inspector_gate_outcomes_total{{{L}}}[5m])", "{{outcome}}"),
        ),
        lines(
            "Requests to the service, a minute",
            Query(f"60 * rate(edge_inspector_service_requests_total{{{L}}}[5m])", "{{op}}"),
            Query(f"60 * rate(edge_inspector_service_bad_requests_total{{{L}}}[5m])", "made no sense"),
        ),
    ]


def _drift() -> list[Panel]:
    over, tiles = (f"rate(edge_inspector_{name}_total{{{L}}}[15m])" for name in ("defect_tiles", "tiles"))
    score = f"sum by (le) (rate(edge_inspector_score_bucket{{{L}}}[15m]))"
    return [
        row("What drifts"),
        lines("Brightness, mean grey", Query(f"edge_inspector_image_brightness{{{L}}}", "{{camera}}"), min=0, max=255),
        lines("Sharpness", Query(f"edge_inspector_image_sharpness{{{L}}}", "{{camera}}"), min=0),
        lines(
            "Share of black and of saturated pixels",
            Query(f"edge_inspector_image_dark_share{{{L}}}", "black, {{camera}}"),
            Query(f"edge_inspector_image_bright_share{{{L}}}", "saturated, {{camera}}"),
            unit="percentunit",
            min=0,
        ),
        lines(
            "Score of parts",
            Query(f"histogram_quantile(0.5, {score})", "half"),
            Query(f"histogram_quantile(0.9, {score})", "9 of 10"),
            Query(f"histogram_quantile(0.99, {score})", "99 of 100"),
            description="The good ones' scores rise before the first of them is rejected.",
            min=0,
            max=1,
        ),
        lines(
            "Share of tiles over their limit",
            Query(f"{over} / ({tiles} > 0)", "tiles"),
            unit="percentunit",
        ),
        lines(
            "Pictures in which a check found something, in 5 minutes",
            Query(f"increase(edge_inspector_image_troubles_total{{{L}}}[5m])", "{{check}}"),
            is_bars=True,
        ),
    ]


def _processes() -> list[Panel]:
    frames = {"lost": "numbers missing", "incomplete": "packets missing", "invalid": "wrong size or format"}
    return [
        row("Processes and camera"),
        lines("Memory", Query(f"edge_inspector_process_resident_bytes{{{L}}}", "{{process}}"), unit="bytes", min=0),
        lines(
            "Processes replaced, in an hour",
            Query(f"increase(edge_inspector_process_restarts_total{{{L}}}[1h])", "{{process}}"),
            Query(f"increase(edge_inspector_camera_reconnects_total{{{L}}}[1h])", "found again, {{camera}}"),
        ),
        lines(
            "Age of the heartbeat", Query(f"edge_inspector_heartbeat_age_seconds{{{L}}}", "heartbeat"), unit="s", min=0
        ),
        lines(
            "Bad pictures, in 5 minutes",
            *[
                Query(f"increase(edge_inspector_frames_{name}_total{{{L}}}[5m])", f"{what}, {{{{camera}}}}")
                for name, what in frames.items()
            ],
            is_bars=True,
        ),
        lines("Pictures a second", Query(f"rate(edge_inspector_frames_total{{{L}}}[1m])", "{{camera}}")),
        lines("Clock synchronised", Query(f"edge_inspector_clock_synced{{{L}}}", "synchronised"), min=0, max=1),
    ]


def _gpu() -> list[Panel]:
    used, total = (f"edge_inspector_gpu_memory_{what}_bytes{{{L}}}" for what in ("used", "total"))
    return [
        row("GPU, on a line that computes on one"),
        lines(
            "GPU at work",
            Query(f"edge_inspector_gpu_utilization_ratio{{{L}}}", "GPU {{gpu}}"),
            unit="percentunit",
            description="Share of the time in which it computed anything: 1 does not say that it can do no more.",
            min=0,
            max=1,
        ),
        lines(
            "Memory of the GPU", Query(used, "used, GPU {{gpu}}"), Query(total, "all, GPU {{gpu}}"), unit="bytes", min=0
        ),
        lines(
            "Temperature of the GPU",
            Query(f"edge_inspector_gpu_temperature_celsius{{{L}}}", "GPU {{gpu}}"),
            unit="celsius",
        ),
        lines(
            "GPU slowed down",
            Query(f"edge_inspector_gpu_throttled{{{L}}}", "{{reason}}, GPU {{gpu}}"),
            description="power_cap is usual at work; thermal_… is dust or a cabinet without air.",
            min=0,
            max=1,
        ),
        lines(
            "GPU lost, and errors of its memory",
            Query(f"edge_inspector_gpu_lost{{{L}}}", "lost, GPU {{gpu}}"),
            Query(f"increase(edge_inspector_gpu_ecc_uncorrected_total{{{L}}}[5m])", "uncorrected, GPU {{gpu}}"),
            min=0,
        ),
        lines(
            "Age of what is known of the GPU",
            Query(f"edge_inspector_gpu_sample_age_seconds{{{L}}}", "sample"),
            unit="s",
        ),
        table(
            "Which GPU",
            Query(f"edge_inspector_gpu_info{{{L}}}"),
            ["gpu", "product", "uuid", "driver", "cuda"],
            width=24,
            height=4,
        ),
    ]


def _kept() -> list[Panel]:
    return [
        row("What is kept, and who is let in"),
        lines(
            "Evidence",
            Query(f"edge_inspector_evidence_bytes{{{L}}}", "in the folder"),
            Query(f"edge_inspector_evidence_quota_bytes{{{L}}}", "quota"),
            Query(f"edge_inspector_disk_free_bytes{{{L}}}", "free disk"),
            unit="bytes",
            min=0,
        ),
        lines(
            "Evidence, parts a minute",
            Query(f"60 * rate(edge_inspector_evidence_written_total{{{L}}}[5m])", "kept"),
            Query(f"60 * rate(edge_inspector_evidence_evicted_total{{{L}}}[5m])", "made room"),
        ),
        lines(
            "Verdicts not yet safe against a power cut",
            Query(f"edge_inspector:journal_behind:parts{{{L}}}", "behind"),
            min=0,
        ),
        lines(
            "Rows of the journal, in 5 minutes",
            Query(f"increase(edge_inspector_journal_rows_refused_total{{{L}}}[5m])", "refused"),
            Query(f"increase(edge_inspector_journal_rows_late_total{{{L}}}[5m])", "too late to be sent"),
        ),
        lines("Size of the journal", Query(f"edge_inspector_journal_bytes{{{L}}}", "journal"), unit="bytes", min=0),
        lines(
            "Not let in, in 5 minutes",
            Query(
                f"sum by (endpoint, reason) (increase(edge_inspector_handshakes_refused_total{{{L}}}[5m]))",
                "{{endpoint}}, {{reason}}",
            ),
            description="Empty on a line without encryption.",
        ),
        lines("Clients of the verdicts", Query(f"edge_inspector_subscribers{{{L}}}", "subscribed"), min=0),
        table(
            "What runs",
            Query("edge_inspector_build_info"),
            ["line", "recipe", "camera", "model", "model_sha256", "version"],
            width=16,
            height=7,
            description="All lines: the same recipe should show the same model.",
        ),
        table(
            "Who signed",
            Query(f"edge_inspector_bundle_signed{{{L}}}"),
            ["camera", "signer", "Value"],
            width=8,
            height=7,
        ),
    ]


def engineers_json() -> str:
    """Return config/grafana/engineers.json as it must be."""
    return dashboard(
        "edge-inspector-engineers",
        "Edge inspector: behind the line",
        "Where the time goes, what waits, what drifts, what is kept.",
        [*_time(), *_queues(), *_drift(), *_processes(), *_gpu(), *_kept()],
        since="now-6h",
        refresh="30s",
    )
