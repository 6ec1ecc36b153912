"""What the measurements of the camera have in common."""

from __future__ import annotations

from edge_inspector.core.features import FeatureValue
from edge_inspector.core.frame import FrameShape

STRIP, AREA = FrameShape(256, 1600, 1), FrameShape(2048, 2448, 1)
EXPOSURE_US = 99.9
"""Short beside the bar; the camera keeps steps of 0.3 us."""
TRIGGERED: dict[str, FeatureValue] = {"TriggerSelector": "FrameStart", "TriggerMode": "On", "TriggerSource": "Line0"}
