"""From settings to the plain values that child processes are given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

from edge_inspector.acquire.encoder import EncoderPlan
from edge_inspector.acquire.plan import CameraPlan, GenicamPlan, ReplayPlan, SyntheticPlan
from edge_inspector.app.engines import engines_folder, tensorrt_options
from edge_inspector.app.plans import GrabPlan, InspectPlan, JournalPlan, ViewPlan
from edge_inspector.app.ready import ReadyView, as_written
from edge_inspector.app.regions import region_plan
from edge_inspector.app.trust import trust_of
from edge_inspector.core.verdict import Outcome, Scale
from edge_inspector.decide.gate import NO_GATE, Gate, counts_to_gate
from edge_inspector.decide.image_health import Baseline, HealthRules
from edge_inspector.decide.seam import Seam
from edge_inspector.run.memory import Layout
from edge_inspector.run.scheduling import Place
from edge_inspector.run.sets import SetRule
from edge_inspector.settings.camera import GenicamSettings, ReplaySettings
from edge_inspector.settings.identity import EncoderSettings
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.live import config_name
from edge_inspector.settings.performance import Process
from edge_inspector.simulator.names import is_simulator

PATIENCE_S = 20.0
"""A camera that is not there is waited for by the process that looks for it: a fresh one costs half a second."""
VIKY = ("viky", "viky.cti")
"""The producer in the genicam wheel, by its short name and by its file's: its pictures are no evidence of anything."""


def layout_of(settings: LineSettings) -> Layout:
    """Return the sizes of one camera's part of the line's shared memory."""
    ring = settings.ring
    return Layout(settings.camera.frame.shape(), ring.slots, ring.evidence_slots, ring.records)


def layouts_of(settings: LineSettings) -> tuple[Layout, ...]:
    """Return the sizes of all cameras' parts of the line's shared memory."""
    return tuple(layout_of(view) for view in settings.views())


def is_simulated(settings: LineSettings) -> bool:
    """Return whether any pictures come from anything but a real camera."""
    return any(_is_simulated(view) for view in settings.views())


def _is_simulated(settings: LineSettings) -> bool:
    camera = settings.camera
    if not isinstance(camera, GenicamSettings):
        return True
    return PurePath(camera.cti).name in VIKY or is_simulator(camera.cti)


def bypass_most_ns(settings: LineSettings) -> int:
    """Return the longest time for which bypass may be switched on; 0 where it may not."""
    return round(settings.bypass.max_minutes * 60e9) if settings.bypass.allowed else 0


def drill_most_ns(settings: LineSettings) -> int:
    """Return the longest time for which drill mode may be switched on; 0 where it may not."""
    return round(settings.drill.max_minutes * 60e9) if settings.drill.allowed else 0


def place_of(settings: LineSettings, process: Process) -> Place:
    """Return the cores of a process and its steps of priority; main's priority is not the site's to set."""
    cores: list[int] | None = getattr(settings.performance.cores, process)
    nice: int = getattr(settings.performance.nice, process, 0)
    return Place(None if cores is None else tuple(sorted(cores)), nice)


def grab_plans(settings: LineSettings) -> list[GrabPlan]:
    """Return the camera processes' plans, in the order of the cameras."""
    layouts, cores = layouts_of(settings), place_of(settings, "camera")
    return [_grab_plan(view, layouts, place, cores) for place, view in enumerate(settings.views())]


def _grab_plan(settings: LineSettings, layouts: tuple[Layout, ...], place: int, cores: Place) -> GrabPlan:
    camera = settings.camera
    rate_hz = None if isinstance(camera, GenicamSettings) else camera.rate_hz
    is_real = isinstance(camera, GenicamSettings)
    return GrabPlan(
        line=settings.line,
        log_level=settings.log,
        layouts=layouts,
        place=place,
        camera=camera_plan(settings),
        can_wait=not is_real and rate_hz is None,
        wait_for_subscribers=0 if isinstance(camera, GenicamSettings) else camera.wait_for_subscribers,
        cores=cores,
    )


def health_rules(settings: LineSettings, baseline: Baseline | None) -> HealthRules:
    """Return what counts as an unhealthy picture; None for no baseline."""
    health = settings.image_health
    return HealthRules(
        policies={
            "black": health.black,
            "saturated": health.saturated,
            # A folder or a simulated producer may repeat a picture, a sensor's noise never does.
            "stuck": health.stuck or ("metric" if is_simulated(settings) else "unknown"),
            "defocus": health.defocus,
            "brightness": health.brightness,
        },
        black_share=health.black_share,
        saturated_share=health.saturated_share,
        brightness_tolerance=health.brightness_tolerance,
        sharpness_tolerance=health.sharpness_tolerance,
        baseline=baseline,
    )


def journal_plan(settings: LineSettings) -> JournalPlan:
    """Return where the line's journal lies and how large it may be."""
    journal = settings.journal
    folder = journal.folder or settings.state_dir / "journal"
    return JournalPlan(folder, journal.max_mb << 20, journal.segment_mb << 20)


def inspect_plan(settings: LineSettings, views: Sequence[ReadyView], config_file: Path) -> InspectPlan:
    """Return the inspect process's plan.

    Args:
        settings: Of the line.
        views: One for each camera, in the order of the configuration.
        config_file: For messages.
    """
    performance = settings.performance
    return InspectPlan(
        line=settings.line,
        log_level=settings.log,
        recipe=settings.recipe,
        journal=journal_plan(settings),
        views=tuple(_view_plan(view, config_file) for view in views),
        sets=set_rule(settings),
        needs_pause=settings.sets.by == "count"
        and any(isinstance(view.settings.camera, GenicamSettings) for view in views),
        gate=gate_of(settings),
        cache_dir=engines_folder(settings),
        deadline_ns=deadline_ns(settings),
        endpoint=settings.endpoints.signals,
        lease_ms=settings.endpoints.lease_ms,
        is_simulated=is_simulated(settings),
        bypass_most_ns=bypass_most_ns(settings),
        drill_most_ns=drill_most_ns(settings),
        keep=kept_outcomes(settings),
        profile=performance.profile,
        workers=performance.workers,
        spin=performance.spin,
        cores=place_of(settings, "inspect"),
        config=config_name(as_written(settings, views)),
    )


def deadline_ns(settings: LineSettings) -> int | None:
    """Return the time from a trigger to the latest useful verdict; None for any."""
    return None if settings.deadline_ms is None else round(settings.deadline_ms * 1e6)


def kept_outcomes(settings: LineSettings) -> frozenset[Outcome]:
    """Return the outcomes whose pictures are kept."""
    return frozenset(Outcome(name) for name in (settings.evidence.keep if settings.evidence else ()))


def _view_plan(view: ReadyView, config_file: Path) -> ViewPlan:
    settings, model, decide = view.settings, view.settings.model, view.settings.decide
    return ViewPlan(
        camera=settings.camera.name,
        layout=layout_of(settings),
        config_file=str(config_file),
        bundle=model.bundle,
        model=view.bundle.label,
        model_sha256=view.bundle.model_sha256,
        precision=model.graph,
        trust=trust_of(model),
        provider=model.provider,
        device_id=model.device_id,
        threads=model.threads,
        chunk=model.chunk,
        tensorrt=tensorrt_options(model),
        overlap=settings.tiling.overlap,
        limits=dict(decide.limits),
        min_defect_tiles=decide.min_defect_tiles,
        min_area_px=decide.min_area_px,
        regions=region_plan(settings),
        image_health=health_rules(settings, view.baseline),
        scale=scale_of(settings),
        seam=seam_of(settings),
    )


def set_rule(settings: LineSettings) -> SetRule | None:
    """Return how several cameras' pictures become one part; None for one camera."""
    if not settings.more_views:
        return None
    sets = settings.sets
    later_ns = (0, *(round(view.later_ms * 1e6) for view in settings.more_views))
    return SetRule(sets.by, round(sets.window_ms * 1e6), round(sets.wait_ms * 1e6), later_ns)


def gate_of(settings: LineSettings) -> Gate:
    """Return where the gate acts, in counts of the first camera's encoder."""
    gate, encoder = settings.gate, getattr(settings.camera, "encoder", None)
    if gate is None or encoder is None:
        return NO_GATE
    way = counts_to_gate(gate.distance_mm, gate.lead_mm, encoder.counts_per_mm, encoder.direction == "backward")
    return Gate(way, round(gate.window_mm * encoder.counts_per_mm), encoder.modulus)


def encoder_plan(encoder: EncoderSettings | None) -> EncoderPlan | None:
    """Return how to read the line's encoder; None where there is none."""
    if encoder is None:
        return None
    is_backward = encoder.direction == "backward"
    return EncoderPlan(encoder.chunk, encoder.counts_per_mm, encoder.max_speed_mm_s, encoder.modulus, is_backward)


def scale_of(settings: LineSettings) -> Scale:
    """Return what pixels and counts are in mm."""
    mm_per_px, encoder = settings.camera.mm_per_px, getattr(settings.camera, "encoder", None)
    return Scale(
        x_mm_per_px=mm_per_px.x if mm_per_px else 0.0,
        y_mm_per_px=mm_per_px.y if mm_per_px else 0.0,
        counts_per_mm=encoder.counts_per_mm if encoder else 0.0,
        modulus=encoder.modulus if encoder else 0,
        y_first_px=settings.camera.repeat_lines,
    )


def seam_of(settings: LineSettings) -> Seam | None:
    """Return where strips overlap; None where they do not."""
    camera = settings.camera
    return Seam(camera.repeat_lines, camera.strip().height) if camera.repeat_lines else None


def camera_plan(settings: LineSettings) -> CameraPlan:
    """Return how to open the line's camera."""
    camera, shape = settings.camera, settings.camera.strip()
    if isinstance(camera, GenicamSettings):
        return genicam_plan(camera)
    if isinstance(camera, ReplaySettings):
        return ReplayPlan(
            name=camera.name,
            frame=shape,
            folder=camera.folder,
            rate_hz=camera.rate_hz,
            loop=camera.loop,
            transport_ms=camera.transport_ms,
            repeat_lines=camera.repeat_lines,
        )
    return SyntheticPlan(
        name=camera.name,
        frame=shape,
        rate_hz=camera.rate_hz,
        count=camera.count,
        defect_every=camera.defect_every,
        seed=camera.seed,
        transport_ms=camera.transport_ms,
        repeat_lines=camera.repeat_lines,
    )


def genicam_plan(camera: GenicamSettings) -> GenicamPlan:
    """Return how to open a GenICam camera."""
    return GenicamPlan(
        name=camera.name,
        frame=camera.strip(),
        cti=camera.cti,
        serial=camera.serial,
        pixel_format=camera.pixel_format,
        levels=None if camera.levels is None else (camera.levels.black, camera.levels.white),
        user_set=camera.user_set,
        preset_features=camera.preset_features,
        features=dict(camera.features),
        software_rate_hz=(camera.trigger.frame_rate_hz or 1.0) if camera.preset == "software" else None,
        heartbeat_timeout_ms=camera.heartbeat_timeout_ms,
        buffers=camera.buffers,
        lost_after_s=camera.lost_after_s,
        triggered=camera.is_triggered,
        transport_ms=camera.transport_ms,
        clock=camera.clock,
        stamp_late_us=camera.stamp_late_us,
        count_source=camera.trigger_count.source,
        count_chunk=camera.trigger_count.chunk,
        encoder=encoder_plan(camera.encoder),
        patience_s=PATIENCE_S,
        repeat_lines=camera.repeat_lines,
    )
