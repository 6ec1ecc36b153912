"""`endpoints:`, `metrics:` and `evidence:` where results go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_inspector.settings.section import AnyPath, Section

Endpoint = Annotated[str, Field(pattern=r"^(tcp|ipc)://.+$")]
Outcomes = Literal["PASS", "REJECT", "UNKNOWN"]


class CurveSettings(Section):
    """Encryption of the three addresses, and keys for all who connect (CURVE)."""

    keys: AnyPath
    """Folder that `edge-inspector keys` fills: who may connect, and the line's own key. Relative to this file."""
    server_key: Literal["file", "credential"] = "file"
    """`credential`: the line's own key is not `server.key` in the folder but the systemd credential `curve-secret`."""


class EndpointSettings(Section):
    """The three ZeroMQ addresses. Others than loopback and ipc need `curve`."""

    signals: Endpoint = "tcp://127.0.0.1:5560"
    """Verdicts and heartbeats."""
    telemetry: Endpoint = "tcp://127.0.0.1:5561"
    """State, events, metrics."""
    service: Endpoint = "tcp://127.0.0.1:5562"
    """Hello, replay, acknowledgements, status."""
    lease_ms: int = Field(default=1000, ge=300, le=60000)
    """A client that hears no heartbeat for so long must reject every part."""
    curve: CurveSettings | None = None
    """Left out: nothing is encrypted, and every program on this computer may connect."""


class MetricsSettings(Section):
    """Prometheus over HTTP, from the same numbers that telemetry carries."""

    host: str = "127.0.0.1"
    """Address to bind; loopback unless the plant's firewall protects it."""
    port: int | None = Field(default=9560, ge=1, le=65535)
    """Port of http://host:port/metrics; null for no page."""


class EvidenceSettings(Section):
    """Pictures kept for people. Evidence never delays a verdict: when it cannot keep up it is dropped and counted."""

    folder: AnyPath
    """Where pictures and their verdicts (JSON) go, relative to this file."""
    keep: list[Outcomes] = Field(default=["REJECT", "UNKNOWN"])
    """Verdicts worth a picture."""
    format: Literal["jpeg", "png"] = "jpeg"
    """`png` is lossless and slower."""
    annotated: bool = True
    """Also a picture with tile frames and heat map for a person."""
    quota_mb: int = Field(default=2000, ge=1)
    """The folder never grows over this; the oldest go first."""
    min_free_mb: int = Field(default=1000, ge=0)
    """Below this much free disk the oldest go first, then nothing is written."""
