"""The only room that knows ONNX Runtime: from a frame to tile scores and heat maps."""

import os

# ONNX Runtime on Linux gives this computer a number in the user's cache and is built to report to its maker, from its
# import on: `disable_telemetry_events` comes too late for the number. Nothing leaves the site.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
