"""What most scripts do: for each tile one `session.run`, with the session's default options."""

from __future__ import annotations

import onnxruntime as ort

from benchmarks.contender import read_task, serve


def main() -> None:
    task = read_task()
    session = ort.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    frames = task.load_frames()

    def judge(i: int) -> list[object]:
        return [session.run(None, {name: tile[None]}) for tile in task.cut(frames[i])]

    serve(judge, len(frames), len(task.corners_yx))


if __name__ == "__main__":
    main()
