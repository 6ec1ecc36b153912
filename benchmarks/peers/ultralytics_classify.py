"""Ultralytics' classify path on the network part of the graph, a frame's tiles as one list; their preprocessing."""

from __future__ import annotations

import os

os.environ["YOLO_OFFLINE"] = "True"  # before the import that reads it
os.environ["YOLO_AUTOINSTALL"] = "False"

import numpy as np
import torch

# torchvision built for CUDA beside torch for the CPU lacks its own operators and stops at the first; only its
# transforms are needed here.
_operators = torch.library.Library("torchvision", "FRAGMENT")
for _name in ("nms", "qnms"):
    _operators.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from ultralytics import YOLO  # noqa: E402

from benchmarks.contender import read_task, serve  # noqa: E402


def main() -> None:
    task = read_task()
    model = YOLO(task.options["core"], task="classify")
    frames = task.load_frames()

    def judge(i: int) -> object:
        # It expects BGR pictures of three channels.
        tiles = [np.ascontiguousarray(tile[:, :, ::-1]) for tile in task.cut(frames[i])]
        return model.predict(tiles, imgsz=task.tile_hw[0], device="cpu", verbose=False)

    serve(judge, len(frames), len(task.corners_yx))


if __name__ == "__main__":
    main()
