"""Whether graph, manifest and frame belong together."""

from __future__ import annotations

from edge_inspector.bundle.manifest import Manifest
from edge_inspector.core.errors import BundleError, Mistake, SettingsError
from edge_inspector.core.frame import FrameShape, Index
from edge_inspector.infer.runtime import Runtime, Tensor
from edge_inspector.tile.grid import grid_corners


def check_frame(manifest: Manifest, frame: FrameShape, overlap: int) -> Index:
    """Return the corners of the tiles of a frame, shape (n_tiles, 2), (y, x) in pixels.

    Raises:
        SettingsError: The frame is smaller than a tile, the overlap too large, or the colour cannot be served.
    """
    if frame.channels not in (1, manifest.channels):
        what = f"the camera sends colour, but {manifest.label} judges grey pictures: set the camera to a Mono format"
        raise SettingsError([Mistake("configuration", None, "camera.frame", what)])
    try:
        return grid_corners((frame.height, frame.width), manifest.tile_hw, overlap)
    except ValueError as error:
        what = f"{error} ({manifest.label} sets the tile size)"
        raise SettingsError([Mistake("configuration", None, "tiling", what)]) from error


def check_graph(runtime: Runtime, manifest: Manifest) -> None:
    """Compare the graph's input and outputs with the manifest.

    Raises:
        BundleError: Another name, type, tile size, number of labels or heat map; or a fixed number of tiles.
    """
    inputs = {node.name: node for node in runtime.inputs}
    outputs = {node.name: node for node in runtime.outputs}
    if list(inputs) != [manifest.input_name]:
        raise _misfit(manifest, "input", [manifest.input_name], list(inputs))
    wanted = {
        manifest.scores_name: (len(manifest.labels),),
        manifest.heat_name: manifest.heat_hw,
    }
    for name in wanted:
        if name not in outputs:
            raise _misfit(manifest, "outputs", list(wanted), list(outputs))
    _check_tensor(manifest, inputs[manifest.input_name], "uint8", manifest.tile_hwc)
    for name, dimensions in wanted.items():
        _check_tensor(manifest, outputs[name], "float32", dimensions)


def _check_tensor(manifest: Manifest, node: Tensor, kind: str, dimensions: tuple[int, ...]) -> None:
    if node.kind != kind:
        raise _misfit(manifest, f"type of {node.name}", kind, node.kind)
    batch, *rest = node.shape or (None,)
    if isinstance(batch, int):
        raise _misfit(manifest, f"first dimension of {node.name}", "any number of tiles", batch)
    # A dimension that the graph leaves open is None; the golden tiles then show whether it fits.
    if len(rest) != len(dimensions) or any(
        isinstance(got, int) and got != wanted for got, wanted in zip(rest, dimensions, strict=True)
    ):
        raise _misfit(manifest, f"dimensions of {node.name} after the first", list(dimensions), rest)


def _misfit(manifest: Manifest, what: str, wanted: object, got: object) -> BundleError:
    return BundleError(
        f"{manifest.label}: the graph is not what manifest.json says: {what} should be {wanted}, but is {got}. "
        "Export the bundle again; manifest and graph must come from the same export"
    )
