"""One inference call of a fixed size on the CPU, with its buffers bound once."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from edge_inspector.core.frame import F32, U8
from edge_inspector.infer.errors import RUNTIME_ERRORS, first_line
from edge_inspector.infer.runtime import RunFailed


class BoundBatch:
    """Runs a session from one buffer into others, without an allocation of its own. Used from one thread.

    Args:
        session: Takes `input_name` and gives the outputs below.
        input_name: Graph input, uint8 [n, h, w, c].
        tiles: Shape (n, h, w, c); filled by the caller before each run.
        outputs: Graph output name to the array it is written to, float32, first dimension n. They may be slices of
            larger arrays, so that the answers of all batches of a frame stand side by side.
    """

    def __init__(self, session: ort.InferenceSession, input_name: str, tiles: U8, outputs: dict[str, F32]) -> None:
        self.tiles = tiles
        self.outputs = tuple(outputs.values())
        """In the order they were given."""
        self._session = session
        # An OrtValue on an array is a view of it, which the binding keeps alive.
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(input_name, ort.OrtValue.ortvalue_from_numpy(tiles))
        for name, array in outputs.items():
            self._binding.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(array))

    def __len__(self) -> int:
        """Return the number of tiles of one run."""
        return len(self.tiles)

    def run(self, heat_from: float = 0.0) -> None:  # noqa: ARG002 - heat is written in place, so it costs nothing
        """Score what is in `tiles`; raises RunFailed."""
        for array in self.outputs:
            # Should the runtime write elsewhere, the answer is NaN, which rejects, and not that of the last part.
            array.fill(np.nan)
        try:
            self._session.run_with_iobinding(self._binding)
        except RUNTIME_ERRORS as error:
            raise RunFailed(first_line(error)) from error
