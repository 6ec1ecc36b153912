"""The workstation half: labelled pictures in, a calibrated, self-proving bundle out."""

import os

# ONNX Runtime on Linux gives this computer a number in the user's cache and is built to report to its maker, from its
# import on: `disable_telemetry_events` comes too late for the number. Nothing leaves the site.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
