"""OpenCV's DNN module on the float part of the graph, with its usual preprocessing, all tiles of a frame at once."""

from __future__ import annotations

import cv2

from benchmarks.contender import read_task, serve


def main() -> None:
    task = read_task()
    net = cv2.dnn.readNetFromONNX(task.options["core"])
    outputs = ["scores", "heat"]
    frames = task.load_frames()

    def judge(i: int) -> object:
        net.setInput(cv2.dnn.blobFromImages(task.cut(frames[i])))
        return net.forward(outputs)

    serve(judge, len(frames), len(task.corners_yx))


if __name__ == "__main__":
    main()
