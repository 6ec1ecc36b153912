"""The least anyone could do: tiles already cut, `session.run` in a loop, answers thrown away.

Options: `chunk` tiles a call, `workers` threads that share the session, `intra` threads inside a call, `spin`.
"""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from benchmarks.contender import Task, Tiles, read_task, serve


def main() -> None:
    task = read_task()
    session = make_session(task)
    name = session.get_inputs()[0].name
    frames = [in_chunks(np.stack(task.cut(frame)), task.options["chunk"]) for frame in task.load_frames()]

    def judge(i: int) -> None:
        for chunk in frames[i]:
            session.run(None, {name: chunk})

    serve(judge, len(frames), len(task.corners_yx), task.options["workers"])


def make_session(task: Task) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = task.options["intra"]
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if task.options["spin"] else "0")
    return ort.InferenceSession(task.model, options, ["CPUExecutionProvider"])


def in_chunks(tiles: Tiles, chunk: int) -> list[Tiles]:
    """Split tiles into as few calls as possible, as even as possible: what the line does too."""
    return [np.ascontiguousarray(part) for part in np.array_split(tiles, -(-len(tiles) // chunk))]


if __name__ == "__main__":
    main()
