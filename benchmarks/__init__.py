"""What the system costs beside what it is made of: `scripts/bench`."""

import os

# Bare sessions run here too, and ONNX Runtime would call its maker: docs/decisions/0034-runtime-telemetry.md.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
