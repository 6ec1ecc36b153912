"""How long main waits for a child's progress before it takes it for hung."""

from __future__ import annotations

from collections.abc import Sequence

from edge_inspector.app.ready import ReadyView

STALL_S = 5.0
"""A child without progress for so long hangs: it shows some ten times a second, and between chunks of tiles."""
START_S = {"null": 60.0, "cpu": 60.0, "openvino": 60.0, "cuda": 120.0, "tensorrt": 120.0}
"""First progress of the inspect process, where no engine is compiled."""
BUILD_S = 1800.0
"""What compiling one engine may take on top; the time counts from the moment that it is said to begin."""
CAMERA_START_S = 60.0
"""First progress of the camera process: some producers search the network for half a minute."""


def start_s(views: Sequence[ReadyView]) -> float:
    """Return how long the first progress of a line's inspect process may take, where no engine is compiled."""
    return max(START_S[view.settings.model.provider] for view in views)
