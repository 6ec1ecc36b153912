from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_samples import CAMERAS, FRAME, bundle_in, changed, settings_of, values
from fakes.line_memory import make_memory
from pydantic import BaseModel

from edge_inspector.acquire.plan import GenicamPlan, ReplayPlan, SyntheticPlan
from edge_inspector.app import keeping, keys, outlet, regions, trust
from edge_inspector.app.keeping import EvidenceKeeper, Looking
from edge_inspector.app.outlet import Outlet
from edge_inspector.app.planning import grab_plans, inspect_plan, is_simulated, layouts_of, place_of
from edge_inspector.app.plans import GrabPlan, InspectPlan
from edge_inspector.app.ready import ReadyView
from edge_inspector.app.regions import Scene
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE, TrustedKey
from edge_inspector.core.verdict import Outcome
from edge_inspector.run.ring import EvidenceBorrower
from edge_inspector.settings.camera import GenicamSettings, ReplaySettings, SyntheticSettings
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.views import ViewSettings

KINDS: dict[str, type[BaseModel]] = {
    "genicam": GenicamSettings,
    "replay": ReplaySettings,
    "synthetic": SyntheticSettings,
}

OTHER: dict[str, Any] = {
    "line": "press-4",
    "recipe": "bolt-m8",
    "journal.folder": "/journal",
    "journal.max_mb": 200,
    "journal.segment_mb": 8,
    "state_dir": "/elsewhere",
    "log": "debug",
    "camera.name": "cam1",
    "camera.frame.width": 256,
    "camera.frame.height": 192,
    "camera.frame.channels": 3,
    "camera.repeat_lines": 32,
    "camera.transport_ms": 4.0,
    "camera.cti": "/opt/other.cti",
    "camera.serial": "12345",
    "camera.pixel_format": "RGB8",
    "camera.levels.black": 64,
    "camera.levels.white": 3000,
    "camera.user_set": "UserSet1",
    "camera.preset": "photo_eye",
    "camera.trigger.line": "Line3",
    "camera.trigger.edge": "FallingEdge",
    "camera.trigger.delay_us": 10.0,
    "camera.trigger.debounce_us": 20.0,
    "camera.trigger.encoder_a": "Line4",
    "camera.trigger.encoder_b": "Line5",
    "camera.trigger.encoder_divider": 3,
    "camera.trigger.burst_frames": 4,
    "camera.trigger.frame_rate_hz": 25.0,
    "camera.trigger.line_rate_hz": 9000.0,
    "camera.features": {"Gain": 2.0},
    "camera.heartbeat_timeout_ms": 1500,
    "camera.buffers": 5,
    "camera.lost_after_s": 1.5,
    "camera.triggered": True,
    "camera.trigger_count.source": "over_trigger",
    "camera.trigger_count.chunk": "ChunkLineTriggers",
    "camera.clock": "host",
    "camera.stamp_late_us": 70.0,
    "camera.encoder.chunk": "ChunkShaft",
    "camera.encoder.counts_per_mm": 12.0,
    "camera.encoder.max_speed_mm_s": 900.0,
    "camera.encoder.modulus": 65536,
    "camera.encoder.direction": "backward",
    "camera.mm_per_px.x": 0.5,
    "camera.mm_per_px.y": 0.25,
    "camera.folder": "/other-pictures",
    "camera.rate_hz": 7.0,
    "camera.loop": True,
    "camera.wait_for_subscribers": 1,
    "camera.count": 9,
    "camera.defect_every": 3,
    "camera.seed": 8,
    "model.bundle": "/other-bundle",
    "model.trusted_keys": ["/trusted"],
    "model.unsigned": "refuse",
    "model.precision": "int8",
    "model.provider": "cuda",
    "model.device_id": 1,
    "model.threads": 3,
    "model.chunk": 4,
    "model.tensorrt.builder_level": 5,
    "model.tensorrt.workspace_mib": 1024,
    "tiling.overlap": 16,
    "decide.limits": {"DEFECT": 0.25},
    "decide.min_defect_tiles": 2,
    "decide.min_area_px": 100,
    "decide.deadline_ms": 80.0,
    "gate.distance_mm": 90.0,
    "gate.lead_ms": 8.0,
    "gate.window_mm": 20.0,
    "gate.speed_mm_s": 150.0,
    "gate.fastest_mm_s": 400.0,
    "regions.roi.x": 4,
    "regions.roi.y": 5,
    "regions.roi.width": 80,
    "regions.roi.height": 70,
    "regions.ignore": [{"name": "clamp", "polygon": [[0, 0], [9, 0], [9, 9]]}],
    "regions.mask": "/mask.png",
    "regions.zones": [{"name": "seal", "polygon": [[0, 0], [9, 0], [9, 9]], "limits": {"DEFECT": 0.3}}],
    "regions.background.darker_than": 20,
    "regions.background.brighter_than": 230,
    "regions.background.share": 0.9,
    "regions.background.min_tiles": 2,
    "more_views": [{"camera": {"kind": "synthetic", "name": "cam9", "frame": FRAME}}],
    "sets.by": "count",
    "sets.window_ms": 7.0,
    "sets.wait_ms": 150.0,
    "image_health.black": "fault",
    "image_health.saturated": "metric",
    "image_health.stuck": "fault",
    "image_health.defocus": "metric",
    "image_health.brightness": "fault",
    "image_health.black_share": 0.5,
    "image_health.saturated_share": 0.6,
    "image_health.brightness_tolerance": 0.7,
    "image_health.sharpness_tolerance": 0.8,
    "endpoints.signals": "tcp://127.0.0.1:6001",
    "endpoints.telemetry": "tcp://127.0.0.1:6002",
    "endpoints.service": "tcp://127.0.0.1:6003",
    "endpoints.lease_ms": 500,
    "endpoints.curve.keys": "/other-keys",
    "endpoints.curve.server_key": "credential",
    "metrics.host": "127.0.0.2",
    "metrics.port": 6004,
    "evidence.folder": "/other-evidence",
    "evidence.keep": ["PASS"],
    "evidence.format": "png",
    "evidence.annotated": False,
    "evidence.quota_mb": 7,
    "evidence.min_free_mb": 8,
    "ring.slots": 20,
    "ring.evidence_slots": 2,
    "ring.records": 128,
    "performance.profile": "throughput",
    "performance.workers": 2,
    "performance.spin": True,
    "performance.cores.inspect": [2, 3],
    "performance.cores.camera": [1],
    "performance.cores.main": [0],
    "performance.nice.inspect": -5,
    "performance.nice.camera": 5,
    "bypass.allowed": False,
    "bypass.max_minutes": 30.0,
    "drill.allowed": False,
    "drill.max_minutes": 15.0,
}
"""Another value for every setting. A setting that is added belongs here, and must then reach somebody."""


TAKEN_BY = {
    "camera.trigger.line": "photo_eye",
    "camera.trigger.edge": "photo_eye",
    "camera.trigger.delay_us": "photo_eye",
    "camera.trigger.debounce_us": "photo_eye",
    "camera.trigger.encoder_a": "line_scan_encoder",
    "camera.trigger.encoder_b": "line_scan_encoder",
    "camera.trigger.encoder_divider": "line_scan_encoder",
    "camera.trigger.burst_frames": "burst",
    "camera.trigger.frame_rate_hz": "free_run",
    "camera.trigger.line_rate_hz": "endless_web",
}
"""Which preset takes a parameter."""


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        for branch in typing.get_args(annotation):
            yield from _sections(branch)


def leaves(section: type[BaseModel], kind: str, before: str = "") -> Iterator[str]:
    """Return the dotted path of every single setting below a section, for one kind of camera."""
    for name, field in section.model_fields.items():
        path = before + name
        blocks = [KINDS[kind]] if path == "camera" else list(_sections(field.annotation))
        if not blocks and path != "camera.kind":
            yield path
        for block in blocks:
            yield from leaves(block, kind, f"{path}.")


FURTHER: dict[str, Any] = {"camera": {"kind": "genicam", "cti": "/opt/producer.cti", "name": "cam1", "frame": FRAME}}
"""A further camera, for settings that mean nothing without one."""
ALL = [
    (kind, path)
    for kind in KINDS
    for path in leaves(LineSettings, kind)
    if path != "gate.window_mm" or kind == "genicam"  # in counts: refused without an encoder
]
OF_FURTHER = [(kind, path) for kind in KINDS for path in leaves(ViewSettings, kind)]


class Taken:
    """Stands in for what main builds, and keeps what it was given."""

    def __init__(self, seen: list[Any], name: str) -> None:
        self._seen, self._name = seen, name

    def __call__(self, *given: Any, **named: Any) -> Any:
        plain = [value for value in given if not callable(value) and not isinstance(value, types.SimpleNamespace)]
        self._seen.append((self._name, plain, named))
        return types.SimpleNamespace(step=lambda: False, guard=None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(bundle_in(tmp_path_factory.mktemp("bundle")), trust=ANYONE)


class Reach:
    """Collects everything that settings lead to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bundle: Bundle) -> None:
        self._bundle = bundle
        self._seen: list[Any] = []
        for module, name in ((outlet, "Telemetry"), (outlet, "Service"), (outlet, "MetricsPage")):
            monkeypatch.setattr(module, name, Taken(self._seen, name))
        for name in ("JournalReader", "Consumers"):
            monkeypatch.setattr(outlet, name, Taken(self._seen, name))
        monkeypatch.setattr(outlet, "Worker", lambda *_, **__: None)
        for module, name in ((keys, "server_key_of"), (keys, "read_authorized"), (outlet, "KeyKeeper")):
            monkeypatch.setattr(module, name, Taken(self._seen, name))
        monkeypatch.setattr(keeping, "EvidenceStore", Taken(self._seen, "EvidenceStore"))
        monkeypatch.setattr(trust, "read_trusted", lambda paths: tuple(TrustedKey(str(path), b"") for path in paths))
        monkeypatch.setattr(regions, "read_mask", lambda path, frame_hw: f"{path}{frame_hw}".encode())

    def __call__(self, settings: LineSettings) -> list[Any]:
        self._seen.clear()
        memory, manifest = make_memory(), self._bundle.manifest
        Outlet(settings, memory)
        assert settings.evidence is not None
        scene = Scene(np.zeros((1, 2), np.intp), manifest.tile_hw)
        cameras = [Looking(settings.camera.name, EvidenceBorrower(memory.cameras[0]), scene)]
        EvidenceKeeper(settings.evidence, cameras)._open_store()
        plans = [grab_plans(settings), inspect_plan_of(settings, self._bundle), layouts_of(settings)]
        return [*plans, place_of(settings, "main"), *self._seen]


def grab_plan(settings: LineSettings) -> GrabPlan:
    """Return the plan of the only camera process."""
    [plan] = grab_plans(settings)
    return plan


def inspect_plan_of(settings: LineSettings, bundle: Bundle) -> InspectPlan:
    """Return the plan of an inspect process whose cameras all have one bundle."""
    views = [ReadyView(view, bundle) for view in settings.views()]
    return inspect_plan(settings, views, Path("line.yaml"))


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch, bundle: Bundle) -> Reach:
    return Reach(monkeypatch, bundle)


def with_blocks(kind: str, path: str = "") -> dict[str, Any]:
    """A configuration in which every block is there, and the preset that takes a setting."""
    given = values(kind) | {"regions": {"roi": {"width": 64, "height": 64}, "background": {}}}
    given["camera"] |= {"mm_per_px": {"x": 0.1, "y": 0.1}}
    given |= {"gate": {"distance_mm": 100.0, "speed_mm_s": 200.0}}
    given["endpoints"] = {"curve": {"keys": "/keys"}}
    if kind == "genicam":
        given["camera"] |= {"encoder": {"counts_per_mm": 10.0, "max_speed_mm_s": 500.0}}
    if kind == "genicam" and path:
        given["camera"] |= {"levels": {"black": 0, "white": 255}, "preset": TAKEN_BY.get(path)}
    return given


def test_every_setting_has_another_value_to_try() -> None:
    assert {path for _, path in ALL} == set(OTHER)


@pytest.mark.parametrize(("kind", "path"), ALL)
def test_every_setting_reaches_somebody(kind: str, path: str, reach: Reach) -> None:
    given = with_blocks(kind, path)
    if path.startswith("sets."):
        given |= {"more_views": [FURTHER]}
    before, after = (settings_of(one) for one in (given, changed(given, path, OTHER[path])))
    assert before != after, f"{OTHER[path]} is no other value for {path}"

    assert reach(before) != reach(after), f"nobody takes notice of {path}"


@pytest.mark.parametrize(("kind", "path"), OF_FURTHER)
def test_every_setting_of_a_further_camera_reaches_somebody(kind: str, path: str, reach: Reach) -> None:
    further = {key: block for key, block in with_blocks(kind, path).items() if key in ViewSettings.model_fields}
    other = 3.0 if path == "later_ms" else OTHER[path]
    before, after = (settings_of(values() | {"more_views": [one]}) for one in (further, changed(further, path, other)))
    assert before != after, f"{other} is no other value for {path}"

    assert reach(before) != reach(after), f"nobody takes notice of {path} of a further camera"


@pytest.mark.parametrize("kind", CAMERAS)
def test_the_same_settings_give_the_same_plans(kind: str, reach: Reach) -> None:
    assert reach(settings_of(values(kind))) == reach(settings_of(values(kind)))


@pytest.mark.parametrize(
    ("kind", "plan"), [("genicam", GenicamPlan), ("replay", ReplayPlan), ("synthetic", SyntheticPlan)]
)
def test_each_kind_of_camera_gets_its_own_plan_with_its_own_values(kind: str, plan: type) -> None:
    given = with_blocks(kind)
    own = {path.removeprefix("camera.") for k, path in ALL if k == kind and path.startswith("camera.")}
    for name in own:
        if "." in name:
            continue
        given = changed(given, f"camera.{name}", OTHER[f"camera.{name}"])

    camera = grab_plan(settings_of(given)).camera

    assert isinstance(camera, plan)
    for name in own & set(plan.__dataclass_fields__):  # type: ignore[attr-defined]
        assert getattr(camera, name) == type(getattr(camera, name))(OTHER[f"camera.{name}"]), name


@pytest.mark.parametrize(
    ("kind", "change", "can_wait"),
    [
        ("replay", {"rate_hz": None}, True),
        ("replay", {"rate_hz": 5.0}, False),
        ("synthetic", {"rate_hz": None}, True),
        ("synthetic", {"rate_hz": 5.0}, False),
        ("genicam", {}, False),
    ],
)
def test_only_a_source_without_a_rate_of_its_own_is_held_back(
    kind: str, change: dict[str, Any], can_wait: bool
) -> None:
    given = values(kind)
    given["camera"] |= change

    assert grab_plan(settings_of(given)).can_wait is can_wait


def test_a_real_camera_never_waits_for_subscribers() -> None:
    assert grab_plan(settings_of(values("genicam"))).wait_for_subscribers == 0


@pytest.mark.parametrize(
    ("kind", "cti", "expected"),
    [
        ("genicam", "/opt/producer.cti", False),
        ("genicam", "viky", True),
        ("genicam", "/usr/lib/python3/genicam/viky.cti", True),
        ("genicam", "simulator", True),
        ("genicam", "/home/line/.cache/edge_inspector/simulator-0123456789abcdef.cti", True),
        ("replay", None, True),
        ("synthetic", None, True),
    ],
)
def test_every_message_of_a_source_that_is_no_real_camera_says_so(
    kind: str, cti: str | None, expected: bool, bundle: Bundle
) -> None:
    given = values(kind)
    if cti is not None:
        given["camera"]["cti"] = cti
    settings = settings_of(given)

    assert is_simulated(settings) is expected
    assert inspect_plan_of(settings, bundle).is_simulated is expected


@pytest.mark.parametrize(("deadline_ms", "deadline_ns"), [(None, None), (120.0, 120_000_000), (0.0001, 100)])
def test_the_deadline_is_in_nanoseconds(deadline_ms: float | None, deadline_ns: int | None, bundle: Bundle) -> None:
    given = values() | {"decide": {"deadline_ms": deadline_ms}}

    assert inspect_plan_of(settings_of(given), bundle).deadline_ns == deadline_ns


def test_without_evidence_no_verdict_wants_a_picture(bundle: Bundle) -> None:
    given = values()
    del given["evidence"]

    assert inspect_plan_of(settings_of(given), bundle).keep == frozenset()


def test_evidence_is_asked_for_by_verdict(bundle: Bundle) -> None:
    given = values()
    given["evidence"]["keep"] = ["PASS", "UNKNOWN"]

    keep = inspect_plan_of(settings_of(given), bundle).keep

    assert keep == {Outcome.PASS, Outcome.UNKNOWN}


def test_the_inspect_process_is_told_which_model_main_has_checked(bundle: Bundle) -> None:
    plan = inspect_plan_of(settings_of(values()), bundle)

    assert [(view.model, view.model_sha256) for view in plan.views] == [(bundle.label, bundle.model_sha256)]
