"""The only room that knows ONNX Runtime and OpenVINO: from a frame to tile scores and heat maps."""

import os
import sys

# ONNX Runtime on Linux keeps a number for this computer and calls its maker, from its import on, whatever
# `disable_telemetry_events` is told: docs/decisions/0034-runtime-telemetry.md. Nothing leaves the site.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# `import openvino` does both as well, in a process that it forks: docs/decisions/0036-openvino.md. Not so where
# these two cannot be imported: the sender, and the converter of models that sends.
for _name in ("openvino_telemetry", "openvino.tools.ovc"):
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # so Python says: there is no such module
