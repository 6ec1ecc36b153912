"""What `check` and `camera snap` try in this process, without starting a line."""

from __future__ import annotations

from edge_inspector.acquire.look import snap
from edge_inspector.app.planning import camera_plan
from edge_inspector.app.start import Ready
from edge_inspector.core.frame import U8
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.settings.line import LineSettings


def try_model(ready: Ready) -> list[str]:
    """Load the model as the line would and replay its golden tiles; returns what that showed.

    Raises:
        EngineError: It cannot run here as configured.
        BundleError: The graph is not what its manifest says.
    """
    settings, bundle = ready.settings, ready.bundle
    cache_dir = settings.state_dir / "engines" / bundle.model_sha256[:16]
    engine = OnnxEngine(
        bundle,
        settings.camera.frame.shape(),
        overlap=settings.tiling.overlap,
        provider=settings.model.provider,
        device_id=settings.model.device_id,
        threads=settings.model.threads,
        chunk=settings.model.chunk,
        cache_dir=cache_dir if settings.model.provider == "tensorrt" else None,
    )
    engine.verify()
    height, width = engine.tile_hw
    chunks = " + ".join(str(size) for size in engine.chunk_sizes)
    return [
        f"model {bundle.label} on {engine.provider_name}: {len(bundle.golden)} golden tiles replayed within tolerance",
        f"each frame is cut into {len(engine.corners_yx)} tiles of {width}x{height} px, judged in chunks of {chunks}",
    ]


def see_camera(settings: LineSettings) -> str:
    """Connect to the camera as the line would and disconnect; returns what it said.

    Raises:
        CameraError: It is not there, or sends something else than configured.
    """
    from edge_inspector.acquire.open import open_camera

    with open_camera(camera_plan(settings)):
        return f"camera {settings.camera.name} is there and armed as configured"


def take_picture(settings: LineSettings, timeout_s: float) -> U8:
    """Return one picture of the line's camera: shape (h, w, c), RGB or grey.

    Raises:
        CameraError: It is not there, sends something else, or sent no whole picture in time.
    """
    return snap(camera_plan(settings), timeout_s)
