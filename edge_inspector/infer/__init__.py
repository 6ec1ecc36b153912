"""The only room that knows ONNX Runtime: from a frame to tile scores and heat maps."""

import os

# ONNX Runtime on Linux keeps a number for this computer and calls its maker, from its import on, whatever
# `disable_telemetry_events` is told: docs/decisions/0034-runtime-telemetry.md. Nothing leaves the site.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
