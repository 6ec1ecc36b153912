"""Inference with buffers on a device: tiles go up, scores come back, heat maps only where somebody will read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from edge_inspector.core.frame import F32, U8
from edge_inspector.decide.evidence import tile_scores
from edge_inspector.infer.errors import RUNTIME_ERRORS
from edge_inspector.infer.gpu_context import GpuContext
from edge_inspector.infer.gpu_errors import told
from edge_inspector.infer.pinned import Pin
from edge_inspector.infer.runtime import RunFailed


class DeviceBuffers:
    """The buffers of one size of chunk on a device, at addresses that never change, and the binding to them.

    Batches of the same size and thread share them: what one run left there the next one writes over.

    Args:
        session: Takes `input_name` and gives the outputs below.
        input_name: Graph input, uint8 [n, h, w, c].
        tiles: Shape (n, h, w, c), where the caller fills in tiles; pinned where `pin` can.
        shapes: Graph output name to its shape, all float32.
        device: What ONNX Runtime calls the device: `cuda`, or `cpu` to do the same without one.
        device_id: Which of them.
        pin: Pins `tiles`.

    Raises:
        RuntimeError and its like: The device has no room.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        input_name: str,
        tiles: U8,
        shapes: dict[str, tuple[int, ...]],
        device: str,
        device_id: int,
        pin: Pin,
    ) -> None:
        self.tiles = tiles
        """Kept here: as long as it lives nobody else gets its address."""
        self.is_pinned = pin(tiles)
        self._session, self._binding = session, session.io_binding()
        self._input = ort.OrtValue.ortvalue_from_shape_and_type(tiles.shape, np.uint8, device, device_id)
        self._outputs = {
            name: ort.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, device, device_id)
            for name, shape in shapes.items()
        }
        self._binding.bind_ortvalue_input(input_name, self._input)
        for name, value in self._outputs.items():
            self._binding.bind_ortvalue_output(name, value)

    @property
    def addresses(self) -> tuple[int, ...]:
        """Of the input and the outputs, on the device."""
        return tuple(value.data_ptr() for value in (self._input, *self._outputs.values()))

    def upload(self) -> None:
        """Bring the tiles to the device."""
        self._input.update_inplace(self.tiles)

    def score(self) -> None:
        """Score the tiles that are on the device."""
        self._session.run_with_iobinding(self._binding)

    def fetch(self, name: str, into: F32) -> None:
        """Bring one output of the last run back."""
        into[...] = self._outputs[name].numpy()


class DeviceBatch:
    """One inference call of a fixed size on a device; see the `Batch` seam.

    Heat that is not brought back is 0, which speaks neither for a defect nor for its absence: below every limit
    nothing else is made of it.

    Args:
        buffers: Of its size.
        outputs: Graph output name to the array it is written to: scores (n, labels), heat (n, h', w').
        context: Takes in a failed run, and is asked about all others.
    """

    def __init__(self, buffers: DeviceBuffers, outputs: dict[str, F32], context: GpuContext) -> None:
        self.tiles = buffers.tiles
        self.outputs: Sequence[F32] = tuple(outputs.values())
        """In the order they were given."""
        self.buffers, self._context = buffers, context
        # A row for each tile: the scores. A map for each tile: heat.
        self._scores_name, self._scores = next(item for item in outputs.items() if item[1].ndim == 2)
        self._heats = [item for item in outputs.items() if item[0] != self._scores_name]

    def __len__(self) -> int:
        """Return the number of tiles of one run."""
        return len(self.tiles)

    def run(self, heat_from: float = 0.0) -> None:
        """Score what is in `tiles`; raises RunFailed, and from then on nothing else in this process."""
        for array in self.outputs:
            array.fill(np.nan)
        self._context.check_answer()
        try:
            self.buffers.upload()
            self.buffers.score()
            self.buffers.fetch(self._scores_name, self._scores)
            # "not below" instead of "at or over": heat that comes with a NaN is looked at too.
            is_read = not (tile_scores(self._scores) < heat_from).all()
            for name, heat in self._heats:
                if is_read:
                    self.buffers.fetch(name, heat)
                else:
                    heat.fill(0.0)
        except RUNTIME_ERRORS as error:
            for array in self.outputs:
                array.fill(np.nan)
            self._context.fail(why := told(str(error)))
            raise RunFailed(why) from error
        self._context.check_answer()
