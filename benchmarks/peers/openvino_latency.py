"""A script on OpenVINO: the same graph, the LATENCY hint, all tiles of a frame at once."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.contender import read_task, serve


def main() -> None:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # its import would call its maker otherwise
    import openvino as ov

    task = read_task()
    core = ov.Core()
    # float32, as the bar says: on some processors OpenVINO would choose a shorter type by itself.
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(task.model), "CPU", hints).create_infer_request()
    frames = task.load_frames()

    def judge(i: int) -> object:
        return request.infer([np.stack(task.cut(frames[i]))], share_inputs=True)

    serve(judge, len(frames), len(task.corners_yx))


if __name__ == "__main__":
    main()
