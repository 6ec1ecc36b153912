"""What does not fit together in how a camera is triggered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_inspector.core.features import named, steps_of
from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.lines import KeyPath
from edge_inspector.settings.presets import PRESETS
from edge_inspector.settings.presets.preset import DEFAULT_A, DEFAULT_B, DEFAULT_LINE
from edge_inspector.settings.shape import listed

Fault = tuple[tuple[KeyPath, ...], str]
"""The settings involved, the first of them to blame, and what is wrong."""
_PRESET: KeyPath = ("camera", "preset")


def trigger_faults(camera: GenicamSettings) -> Iterator[Fault]:
    """Yield what contradicts the preset, and what the preset lacks."""
    given = {name: value for name, value in camera.trigger.model_dump().items() if value is not None}
    if camera.preset is None:
        if given:
            yield (("camera", "trigger"), _PRESET), "belongs to a preset: name one in camera.preset, or leave it out"
        return
    yield from _parameters(camera, given)
    yield from _inputs(camera)
    if camera.triggered and not PRESETS[camera.preset].is_triggered(camera.trigger):
        yield (
            (("camera", "triggered"), _PRESET),
            f"preset {camera.preset} waits for no trigger here, so silence means that the camera is lost; leave it out",
        )
    yield from _own_features(camera)


def _parameters(camera: GenicamSettings, given: dict[str, Any]) -> Iterator[Fault]:
    preset = PRESETS[str(camera.preset)]
    for name in given.keys() - set(preset.uses):
        yield (
            (("camera", "trigger", name), _PRESET),
            f"preset {camera.preset} does not use it; it takes {listed(list(preset.uses), 'and')}",
        )
    for name in set(preset.needs) - given.keys():
        yield (("camera", "trigger", name), _PRESET), f"is missing: preset {camera.preset} needs it"
    by_time, by_encoder = "line_rate_hz" in given, sorted(given.keys() & {"encoder_a", "encoder_b", "encoder_divider"})
    if camera.preset == "endless_web" and by_time and by_encoder:
        yield (
            (("camera", "trigger", "line_rate_hz"), ("camera", "trigger", by_encoder[0])),
            f"lines come by time or by the encoder, not both; leave it or {listed(by_encoder, 'and')} out",
        )
    frames = camera.trigger.burst_frames
    if camera.preset == "burst" and frames is not None and frames > camera.buffers:
        yield (
            (("camera", "trigger", "burst_frames"), ("camera", "buffers")),
            f"a burst of {frames} pictures does not fit {camera.buffers} buffers; raise camera.buffers to {frames}",
        )


def _inputs(camera: GenicamSettings) -> Iterator[Fault]:
    uses, trigger = PRESETS[str(camera.preset)].uses, camera.trigger
    wired = {
        "line": trigger.line or DEFAULT_LINE,
        "encoder_a": trigger.encoder_a or DEFAULT_A,
        "encoder_b": trigger.encoder_b or DEFAULT_B,
    }
    taken: dict[str, str] = {}
    for name, entry in wired.items():
        if name in uses and (other := taken.setdefault(entry, name)) != name:
            paths = (("camera", "trigger", name), ("camera", "trigger", other))
            yield paths, f"{entry} is {other} already; each signal has an input of its own"


def _own_features(camera: GenicamSettings) -> Iterator[Fault]:
    preset = list(steps_of(PRESETS[str(camera.preset)].features(camera.trigger)))
    there = {(step.name, frozenset(step.at)): step.value for step in preset}
    places = {step.name: step.at for step in preset if step.at}
    for step in steps_of(camera.features):
        top = ("camera", "features", step.at[0][0] if step.at else step.name)
        if not step.at and step.name in places:
            selector, entry = places[step.name][-1]
            yield (
                (top, _PRESET),
                f"preset {camera.preset} sets {step.name} below a selector; say which is meant, as in "
                f"{selector}: {{{entry}: {{{step.name}: {step.value}}}}}",
            )
        is_decisive = step.name == "TriggerMode" or (camera.preset == "software" and step.name == "TriggerSource")
        wanted = there.get((step.name, frozenset(step.at)), step.value)
        if is_decisive and wanted != step.value:
            yield (
                (top, _PRESET),
                f"{named(step.name, step.at)} is {step.value} here and {wanted} with preset {camera.preset}; "
                "choose another preset, or none",
            )
