"""What `check` and `camera snap` try in this process, without starting a line."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from edge_inspector.acquire.host import host_checks
from edge_inspector.acquire.look import snap
from edge_inspector.app.engines import engines_folder, tensorrt_options
from edge_inspector.app.planning import camera_plan
from edge_inspector.app.ready import Ready, ReadyView
from edge_inspector.app.regions import laid_out, region_plan, scene_of
from edge_inspector.core.frame import U8
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.runtime import Hardware, TellBuild
from edge_inspector.record.annotate import survey
from edge_inspector.settings.line import LineSettings
from edge_inspector.tile.background import WebEdges
from edge_inspector.tile.regions import REST, Plan


def try_model(ready: Ready, tell_build: TellBuild = lambda _: None) -> list[str]:
    """Load the models as the line would and replay their golden tiles; returns what that showed.

    Args:
        ready: Of the line.
        tell_build: Called before an engine is compiled, which takes minutes, and after it.

    Raises:
        EngineError: One cannot run here as configured.
        BundleError: A graph is not what its manifest says.
    """
    return [sentence for view in ready.views for sentence in _try_view(view, tell_build)]


def _try_view(view: ReadyView, tell_build: TellBuild) -> list[str]:
    settings, bundle = view.settings, view.bundle
    if settings.model.provider == "null":
        return ["NO MODEL is asked (model.provider: null): every tile is called good; for measuring the line itself"]
    laid = laid_out(settings, bundle.manifest)
    engine = OnnxEngine(
        bundle,
        settings.camera.frame.shape(),
        overlap=settings.tiling.overlap,
        hardware=Hardware(
            settings.model.provider,
            settings.model.device_id,
            settings.model.threads,
            cache_dir=engines_folder(settings),
            tensorrt=tensorrt_options(settings.model),
        ),
        chunk=settings.model.chunk,
        corners_yx=None if laid is None else laid.corners_yx,
        may_skip=settings.regions is not None and settings.regions.background is not None,
        reads_heat=laid is not None and not laid.is_plain,
        tell_build=tell_build,
    )
    engine.verify()
    height, width = engine.tile_hw
    chunks = " + ".join(str(size) for size in engine.chunk_sizes)
    return [
        f"model {bundle.label} ({bundle.precision}) on {engine.provider_name}: {len(bundle.golden)} golden tiles "
        "replayed within tolerance",
        f"its bundle is {bundle.signing}",
        f"each frame is cut into {len(engine.corners_yx)} tiles of {width}x{height} px, judged in chunks of {chunks}",
        *_told(laid),
    ]


def _told(laid: Plan | None) -> list[str]:
    if laid is None:
        return []
    n_zones = sum(name != REST for name, _ in laid.zones)
    zones = f", {n_zones} zone{'s' * (n_zones != 1)}" if n_zones else ""
    ignored = int((~laid.inspected).sum())
    cells = f", {ignored} of {laid.inspected.size} heat cells in them ignored" if ignored else ""
    return [f"regions: {len(laid.corners_yx)} of {laid.n_grid} tiles inspected{zones}{cells}"]


def draw_regions(view: ReadyView, pixels: U8) -> U8:
    """Return a copy of a picture with tiles, regions and background drawn on it: shape (H, W, 3), RGB.

    Args:
        view: A camera of the line.
        pixels: Shape (h, w, c), a picture of its camera.
    """
    manifest, plan = view.bundle.manifest, region_plan(view.settings)
    scene, laid = scene_of(view.settings, manifest), laid_out(view.settings, manifest)
    corners_yx, skipped_yx = scene.corners_yx, None
    if laid is not None and plan is not None and plan.background is not None:
        left = WebEdges(laid, manifest.tile_hw, plan.background).tiles(pixels)
        is_left = np.isin(np.arange(len(corners_yx)), np.empty(0, np.intp) if left is None else left)
        corners_yx, skipped_yx = corners_yx[is_left], corners_yx[~is_left]
    return survey(pixels, corners_yx, manifest.tile_hw, scene.regions, skipped_yx)


@runtime_checkable
class HasTransport(Protocol):
    """A camera that is connected by something that this computer can be set up for."""

    transport: str
    """GEV, U3V and so on, once it is connected."""


def see_cameras(settings: LineSettings) -> list[str]:
    """Connect to each camera as the line would and disconnect; returns what they said.

    What this computer should have set otherwise for a camera's transport is told with it.

    Raises:
        CameraError: One is not there, or sends something else than configured.
    """
    return [sentence for view in settings.views() for sentence in _see(view)]


def _see(settings: LineSettings) -> list[str]:
    hints = [f"hint: {one}" for one in host_checks(see_camera(settings)) if not one.ok]
    return [f"camera {settings.camera.name} is there and armed as configured", *hints]


def see_camera(settings: LineSettings) -> str:
    """Connect to the first camera as the line would and disconnect; returns its transport: GEV, U3V, or empty.

    Raises:
        CameraError: It is not there, or sends something else than configured.
    """
    from edge_inspector.acquire.open import open_camera

    with open_camera(camera_plan(settings)) as camera:
        return camera.transport if isinstance(camera, HasTransport) else ""


def take_picture(settings: LineSettings, timeout_s: float) -> U8:
    """Return one picture of the line's camera: shape (h, w, c), RGB or grey.

    Raises:
        CameraError: It is not there, sends something else, or sent no whole picture in time.
    """
    return snap(camera_plan(settings), timeout_s)
