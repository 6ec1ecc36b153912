"""Checks of what decides and what sees: bundles, sessions, cameras. A running line keeps what it holds."""

from __future__ import annotations

import time
from collections.abc import Iterator

from edge_inspector.app.patient import Answers, Patient
from edge_inspector.app.qualified import here, qualified_rows
from edge_inspector.app.ready import Ready
from edge_inspector.app.rehearse import see_camera, try_model
from edge_inspector.core.errors import CameraError, EdgeInspectorError, SettingsError
from edge_inspector.doctor.row import Row

_LEFT = "left to the running line"


def bundles(patient: Patient) -> Iterator[Row]:
    """Read and prove each bundle as a start does."""
    try:
        ready = patient.ready
    except SettingsError as error:
        yield Row.failed("bundle", str(error), f"mend {patient.asked.config}, or take the bundle it was written for",
                         error.exit_code)  # fmt: skip
        return
    except EdgeInspectorError as error:
        yield Row.of("bundle", error)
        return
    for label, view in {view.bundle.path: view for view in ready.views}.items():
        bundle = view.bundle
        seen = f"{bundle.label} ({bundle.precision}) in {label}: every hash fits; {bundle.signing}"
        if bundle.signing.is_trusted:
            yield Row.ok("bundle", seen)
        else:
            yield Row.warning("bundle", seen, "sign it, and name the key in model.trusted_keys (docs: ship a model)")


def sessions(patient: Patient) -> Iterator[Row]:
    """Load each model on the provider that is asked and replay its golden tiles, unless the running line did."""
    settings = patient.settings
    if patient.main is not None:
        yield _proven_by_line(patient)
        return
    try:
        views = patient.ready.views
    except EdgeInspectorError:
        yield Row.note("session", "not tried: there is no bundle to try", "mend the bundle first")
        return
    for view in views:
        name = "session" if len(views) == 1 else f"session {view.settings.camera.name}"
        began_s = time.monotonic()
        try:
            told = try_model(Ready(view.settings, (view,)))
        except EdgeInspectorError as error:
            yield Row.of(name, error)
            continue
        took = f"{time.monotonic() - began_s:.1f} s to load and replay"
        if settings.model.provider == "null":
            yield Row.warning(name, told[0], "name a provider before parts count")
        else:
            yield Row.ok(name, f"{told[0]}; {took}")


def _proven_by_line(patient: Patient) -> Row:
    answers, provider = patient.answers, patient.settings.model.provider
    if not isinstance(answers, Answers):
        return Row.note("session", f"{_LEFT}, which was not asked: {answers}")
    if "model" in answers.heartbeat.get("faults", ["model"]):
        return Row.failed("session", f"{_LEFT}, which says that its model is not proven on {provider}",
                          "see the service's log; stop the line and ask again to see it here")  # fmt: skip
    return Row.ok("session", f"{_LEFT}, which has replayed its golden tiles on {provider} and answers for them")


def qualified(patient: Patient) -> Iterator[Row]:
    """Compare the line with what `model qualify` found."""
    try:
        ready = patient.ready
    except EdgeInspectorError:
        yield Row.note("qualified", "not compared: there is no bundle to compare with", "mend the bundle first")
        return
    yield from qualified_rows(ready, here())


def cameras(patient: Patient) -> Iterator[Row]:
    """Connect to each camera, unless the running line holds it."""
    views = patient.settings.views()
    for view in views:
        name = f"camera {view.camera.name}"
        if patient.main is not None:
            yield _held(name, patient)
        elif not patient.asked.camera:
            yield Row.note(name, "not connected to: --no-camera")
        else:
            try:
                transport = see_camera(view)
            except EdgeInspectorError as error:
                yield Row.of(name, error)
                continue
            patient.transports.add(transport)
            over = f", over {transport}" if transport else ""
            yield Row.ok(name, f"{view.camera.kind}: there, and armed as configured{over}")


def _held(name: str, patient: Patient) -> Row:
    held, answers = "held by the running line", patient.answers
    if not isinstance(answers, Answers):
        return Row.note(name, f"{held}, which was not asked: {answers}")
    beat = answers.heartbeat
    faults = [fault for fault in beat.get("faults", []) if fault.startswith(("camera", "image_health", "resync"))]
    age_us = beat.get("last_frame_age_us", -1)
    age = "no picture yet" if age_us is None or age_us < 0 else f"newest picture {age_us / 1e6:.1f} s old"
    says = f"{held}, which says {', '.join(faults) or 'nothing is wrong with it'}; {age}"
    if faults:
        return Row.failed(name, says, "see row `line`", CameraError.exit_code)
    return Row.ok(name, says)
