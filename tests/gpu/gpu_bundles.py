"""The shipped model, for tests on a GPU."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE

_SHIPPED = Path(__file__).resolve().parents[2] / "models" / "bsdata-pitting"


def shipped(graph: str) -> Bundle:
    """Return it with one of its graphs."""
    return load_bundle(_SHIPPED, graph, trust=ANYONE)
