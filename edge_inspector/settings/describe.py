"""What a configuration means, in sentences for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterator

from edge_inspector.core.features import steps_of
from edge_inspector.settings.camera import GenicamSettings, ReplaySettings, SyntheticSettings
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.performance import PROCESSES
from edge_inspector.settings.shape import listed


def describe(settings: LineSettings) -> list[str]:
    """Return one sentence for each thing the line will do, in the order of the data: camera first, log last."""
    return [
        f"line {settings.line}, recipe {settings.recipe}",
        *_camera(settings),
        *_model(settings),
        *_cores(settings),
        *_pictures(settings),
        *_decision(settings),
        *_gate(settings),
        *_more_views(settings),
        *_outputs(settings),
        *_evidence(settings),
        _bypass(settings),
        _drill(settings),
        _journal(settings),
        f"part numbers survive a restart in {settings.state_dir}; logged from {settings.log} on",
    ]


def _camera(settings: LineSettings) -> Iterator[str]:
    camera, frame = settings.camera, settings.camera.frame
    colour = "grey" if frame.channels == 1 else "RGB"
    yield f"camera {camera.name}: frames of {frame.width}x{frame.height} px, {colour}; other sizes are refused"
    if camera.repeat_lines:
        yield f"strips of {camera.strip().height} lines; the last {camera.repeat_lines} are seen again with the next"
    if isinstance(camera, GenicamSettings):
        which = f"serial {camera.serial}" if camera.serial else "the only camera it offers"
        yield f"GenICam through {camera.cti}: {which}, {camera.pixel_format}, {camera.buffers} buffers"
        yield from _writes(camera)
        yield from _identity(camera)
        if camera.is_triggered:
            yield "the camera waits for its trigger: silence is normal"
        else:
            yield f"the camera counts as lost after {camera.lost_after_s:g} s of silence"
    elif isinstance(camera, ReplaySettings):
        end = "from the start again after the last" if camera.loop else "ends after the last"
        yield f"pictures of {camera.folder} in the order of their names, {_rate(camera.rate_hz)}, {end}"
    elif isinstance(camera, SyntheticSettings):
        end = "without end" if camera.count is None else f"{camera.count} of them"
        yield f"drawn parts, {_rate(camera.rate_hz)}, {end}, a spot on every {camera.defect_every}th"
    if not isinstance(camera, GenicamSettings) and camera.wait_for_subscribers:
        yield f"the first picture waits until {camera.wait_for_subscribers} client(s) listen to the verdicts"


def _identity(camera: GenicamSettings) -> Iterator[str]:
    count, encoder = camera.trigger_count, camera.encoder
    yield {
        "frame_id": "triggers are counted by frame numbers: one that the camera itself missed is not seen",
        "counter": f"triggers are counted by {count.chunk}: missed ones and frames without one are seen",
        "over_trigger": "triggers are counted by frame numbers and the camera's over-trigger event",
    }[count.source]
    if encoder is not None:
        yield (
            f"places by {encoder.chunk}, {encoder.counts_per_mm:g} counts a mm, {encoder.direction}; a count that the "
            f"line cannot reach at {encoder.max_speed_mm_s:g} mm/s is UNKNOWN encoder"
        )


def _writes(camera: GenicamSettings) -> Iterator[str]:
    if camera.user_set:
        yield f"its user set {camera.user_set} is loaded first"
    for whose, features in ((f"by preset {camera.preset}", camera.preset_features), ("from features", camera.features)):
        if features:
            written = ", ".join(f"{step}={step.value}" for step in steps_of(features))
            yield f"written to it before arming, {whose}: {written}"
    if camera.levels is not None:
        yield f"grey values from {camera.levels.black} to {camera.levels.white} become black to white"


def _model(settings: LineSettings) -> Iterator[str]:
    model = settings.model
    threads = "as many threads as cores" if model.threads is None else f"{model.threads} thread(s)"
    places = {"cpu": f"the CPU, {threads}", "openvino": f"the CPU by OpenVINO, {threads}"}
    places |= {"null": "nothing: NO MODEL, every tile is called good"}
    where = places.get(model.provider, f"{model.provider}, GPU {model.device_id}")
    yield f"judged by the bundle in {model.bundle} ({model.precision}), on {where}, at most {model.chunk} tiles a run"
    if model.trusted_keys:
        yield f"bundles are signed by a key of {listed([str(path) for path in model.trusted_keys], 'or')}"
    if model.unsigned == "allow":
        yield "a bundle that no trusted key signed is used too, and the line says so"
    yield f"neighbouring tiles share at least {settings.tiling.overlap} px"


def _pictures(settings: LineSettings) -> Iterator[str]:
    health = settings.image_health
    policies = {check: getattr(health, check) for check in ("black", "saturated", "stuck", "defocus", "brightness")}
    yield "an unhealthy picture (black, saturated, stuck, defocus, brightness) is UNKNOWN image_health, which rejects"
    if counted := [check for check, policy in policies.items() if policy == "metric"]:
        yield f"only counted, the model is asked all the same: {listed(counted, 'and')}"
    if faults := [check for check, policy in policies.items() if policy == "fault"]:
        yield f"the line is not ready while pictures show: {listed(faults, 'and')}"
    if health.stuck is None:
        yield "a stuck picture is refused from a real camera only: a folder or a simulated camera may repeat one"


def _cores(settings: LineSettings) -> Iterator[str]:
    performance = settings.performance
    if performance.profile == "throughput":
        many = "one part on each core" if performance.workers is None else f"{performance.workers} parts"
        yield f"{many}, side by side; their verdicts come in order"
    bound = {name: getattr(performance.cores, name) for name in PROCESSES if getattr(performance.cores, name)}
    for name, cores in bound.items():
        yield f"the {name} process keeps to core {', '.join(map(str, cores))}"


def _rules(settings: LineSettings) -> Iterator[str]:
    decide = settings.decide
    if decide.limits:
        yield "limits: " + ", ".join(f"{label} from {limit:g}" for label, limit in decide.limits.items())
    else:
        yield "limits: those of the bundle"
    area = f" and {decide.min_area_px} px of defect" if decide.min_area_px else ""
    yield f"a part is rejected from {decide.min_defect_tiles} tile(s) at the limit{area} on"


def _decision(settings: LineSettings) -> Iterator[str]:
    decide = settings.decide
    yield from _rules(settings)
    yield from _regions(settings)
    if decide.deadline_ms is None:
        yield "no deadline: a verdict is never too late"
    else:
        late = f"{decide.deadline_ms:g} ms after the trigger a verdict is late: UNKNOWN, which rejects"
        taken = settings.camera.transport_ms
        yield late + (f" ({taken:g} ms of it count as over when the picture arrives)" if taken else "")


def _regions(settings: LineSettings) -> Iterator[str]:
    regions = settings.regions
    if regions is None:
        return
    if (roi := regions.roi) is not None:
        yield f"inspected: {roi.width}x{roi.height} px from x={roi.x}, y={roi.y} on"
    ignored = [area.name for area in regions.ignore] + ([str(regions.mask)] if regions.mask is not None else [])
    if ignored:
        yield f"not inspected: {listed(ignored, 'and')}"
    for zone in regions.zones:
        limits = ", ".join(f"{label} from {limit:g}" for label, limit in zone.limits.items()) or "limits as elsewhere"
        area = f" and {zone.min_area_px} px of defect" if zone.min_area_px else ""
        yield f"zone {zone.name}: {limits}; rejects from {zone.min_defect_tiles} tile(s){area} on"
    if (web := regions.background) is not None:
        which = (
            f"darker than {web.darker_than}" if web.darker_than is not None else f"brighter than {web.brighter_than}"
        )
        yield f"tiles at the ends of a row with {web.share:.0%} of their pixels {which} are skipped as background"


def _gate(settings: LineSettings) -> Iterator[str]:
    gate, encoder = settings.gate, getattr(settings.camera, "encoder", None)
    if gate is None:
        return
    way = f"the gate is {gate.distance_mm:g} mm behind the camera and gets its command {gate.lead_mm:.1f} mm before"
    if encoder is not None:
        yield f"{way}, at a count of {encoder.chunk} that each verdict names"
    else:
        after_ms = 1000 * gate.distance_mm / gate.speed_mm_s - gate.lead_ms
        yield f"{way}: {after_ms:.0f} ms after the trigger at {gate.speed_mm_s:g} mm/s"
    yield f"a verdict later than {gate.reach_ms:.0f} ms after the trigger may find the part behind the gate: it is late"


def _more_views(settings: LineSettings) -> Iterator[str]:
    if not settings.more_views:
        return
    sets = settings.sets
    together = f"triggers within {sets.window_ms:g} ms" if sets.by == "time" else "the n-th trigger of each camera"
    yield f"each part is seen by {len(settings.more_views) + 1} cameras; {together} are one part"
    yield f"a part that lacks a picture {sets.wait_ms:g} ms after its trigger is UNKNOWN partial_set"
    for view, line in zip(settings.more_views, settings.views()[1:], strict=True):
        told = [*_camera(line), *_model(line), *_rules(line), *_regions(line)]
        later = [f"sees a part {view.later_ms:g} ms later than the first"] if view.later_ms else []
        yield from (f"{line.camera.name}: {sentence}" for sentence in [*told, *later])


def _outputs(settings: LineSettings) -> Iterator[str]:
    ends, metrics = settings.endpoints, settings.metrics
    yield f"verdicts on {ends.signals}, state and metrics on {ends.telemetry}, questions on {ends.service}"
    if ends.curve is None:
        yield "they are not encrypted: every program on this computer may connect"
    else:
        yield f"they are encrypted; who may connect stands in {ends.curve.keys}"
    yield f"a client that hears nothing for {ends.lease_ms} ms must reject every part"
    if metrics.port is None:
        yield "no metrics page"
    else:
        host = f"[{metrics.host}]" if ":" in metrics.host else metrics.host
        yield f"metrics for Prometheus on http://{host}:{metrics.port}/metrics"


def _evidence(settings: LineSettings) -> Iterator[str]:
    evidence = settings.evidence
    if evidence is None:
        yield "no pictures are kept"
        return
    kept = listed(list(evidence.keep), "and")
    marked = ", each also marked for people" if evidence.annotated else ""
    yield f"pictures of {kept} parts in {evidence.folder}, {evidence.format}{marked}"
    yield f"at most {evidence.quota_mb} MB of them, {evidence.min_free_mb} MB of disk stay free; the oldest go first"


def _bypass(settings: LineSettings) -> str:
    if not settings.bypass.allowed:
        return "nobody can let defects pass: bypass is not allowed"
    return f"bypass lets defects pass for at most {settings.bypass.max_minutes:g} min, then they are rejected again"


def _drill(settings: LineSettings) -> str:
    if not settings.drill.allowed:
        return "nobody can rehearse failures: drill is not allowed"
    return f"a drill lasts at most {settings.drill.max_minutes:g} min; gates release nothing meanwhile"


def _journal(settings: LineSettings) -> str:
    journal = settings.journal
    folder = journal.folder or settings.state_dir / "journal"
    return f"every verdict is kept in {folder} before it is sent; at most {journal.max_mb} MB, the oldest go first"


def _rate(rate_hz: float | None) -> str:
    return "as fast as the line takes them" if rate_hz is None else f"{rate_hz:g} a second"
