"""Checks of a line: its configuration, its daemon, its keys and addresses."""

from __future__ import annotations

import platform
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from edge_inspector.app.keys import key_sentences
from edge_inspector.app.patient import Answers, Patient
from edge_inspector.core.errors import CameraError, SettingsError
from edge_inspector.doctor.permissions import open_to_others, secrets_open_to_others
from edge_inspector.doctor.ports import Named, named_ports, port_row
from edge_inspector.doctor.processes import named
from edge_inspector.doctor.row import Row

PACKAGES = (
    *("onnxruntime-gpu", "onnxruntime", "nvidia-ml-py"),
    *("harvesters", "genicam", "pyzmq", "numpy", "opencv-python-headless"),
)
PAGE_S = 2.0
_ADVICE = {
    "model": "the model does not run here: see `sessions`, and the service's log",
    "camera": "no camera is connected: power, cable, network; see the service's log",
    "camera_stalled": "the camera process hangs and is replaced; see the service's log",
    "journal": "the disk takes no verdicts: see `journal`",
    "part_numbers": "the disk takes no part numbers: see `state`",
    "image_health": "the newest picture is black, frozen, blurred or wrongly lit: look at lamp and lens",
    "recovering": "a process was replaced and settles what its predecessor left; ask again in some seconds",
    "resync": "the camera was armed again; ask again after the next part",
}
"""What a person does about a fault that heartbeats name."""


def configuration(patient: Patient) -> Iterator[Row]:
    """Read the file."""
    try:
        settings = patient.settings
    except SettingsError as error:
        yield Row.failed(
            "configuration",
            str(error),
            f"mend {patient.asked.config}, then ask again: all else depends on it",
            SettingsError.exit_code,
        )
        return
    cameras = ", ".join(f"{view.camera.name} ({view.camera.kind})" for view in settings.views())
    yield Row.ok("configuration", f"no mistakes; line {settings.line}, cameras: {cameras}")


def versions(_: Patient) -> Iterator[Row]:
    """Name what runs here."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    here = f"Python {platform.python_version()}, Linux {platform.release()} on {platform.machine()}"
    yield Row.ok("versions", f"edge-inspector {version('edge_inspector')}; {here}; {', '.join(found)}")
    if sys.maxsize < 2**32:
        yield Row.failed("versions", "Python has 32 bits", "install a Python of 64 bits")


def permissions(patient: Patient) -> Iterator[Row]:
    """Look at who else may change what decides, or read what is secret."""
    settings = patient.settings
    rows = list(open_to_others("configuration", patient.asked.config))
    for bundle in dict.fromkeys(view.model.bundle for view in settings.views()):
        rows += open_to_others("bundle", bundle)
    for key in dict.fromkeys(key for view in settings.views() for key in view.model.trusted_keys):
        rows += open_to_others("trusted keys", key)
    if settings.endpoints.curve is not None:
        rows += secrets_open_to_others(settings.endpoints.curve.keys)
    yield from rows or [Row.ok("permissions", "nobody else may change the configuration and what it names")]


def line(patient: Patient) -> Iterator[Row]:
    """Ask the daemon, if one runs."""
    settings = patient.settings
    if patient.main is None:
        yield Row.note("line", f"no daemon holds {settings.state_dir}", "start it when the rows below are good")
        return
    who = named(patient.main)
    if patient.asked.egress:  # a check that nothing is sent sends nothing, not even to this computer
        yield Row.ok("line", f"{who} runs it; not asked, for that would be a message")
        return
    answers = patient.answers
    if isinstance(answers, str):
        is_key = settings.endpoints.curve is not None and patient.asked.key is None
        then = "give --key FILE of a client, and it is asked" if is_key else "see the service's log"
        row = Row.note if is_key else Row.failed
        yield row("line", f"{who} runs it; not asked: {answers}" if is_key else f"{who} runs it, but {answers}", then)
        return
    yield from _state(who, answers)


def _state(who: str, answers: Answers) -> Iterator[Row]:
    hello, beat = answers.hello, answers.heartbeat
    if not beat:
        yield Row.failed("line", f"{who}: {hello['state']}, no heartbeat yet", "wait for the model; see the log")
        return
    parts = f"{beat['triggers']} parts: {beat['passes']} pass, {beat['rejects']} reject, {beat['unknowns']} not judged"
    seen = f"{who}: {hello['state']}, {'ready' if hello['ready'] else 'NOT READY'}; {parts}; heartbeat "
    seen += f"{hello['hb_age_ms']} ms old"
    if hello["ready"]:
        yield Row.ok("line", seen)
        return
    if hello["hb_age_ms"] > hello["lease_ms"]:
        seen += f", over the lease of {hello['lease_ms']} ms"
        yield Row.failed("line", seen, "its inspect process hangs, or other programs leave it no core; see its log")
        return
    faults = list(beat["faults"])
    advice = "; ".join(_ADVICE[fault] for fault in faults if fault in _ADVICE) or "see the service's log"
    code = CameraError.exit_code if faults[:1] and faults[0].startswith("camera") else 70
    yield Row.failed("line", f"{seen}; faults: {', '.join(faults) or 'none named'}", advice, code)


def keys(patient: Patient) -> Iterator[Row]:
    """Read the keys as a start does, and see whether those of a running line still let clients in."""
    settings = patient.settings
    if settings.endpoints.curve is None:
        yield Row.ok("keys", "endpoints are not encrypted, and listen on this computer alone")
        return
    for sentence in key_sentences(settings):
        yield Row.warning("keys", sentence, "authorise a client") if "NOBODY" in sentence else Row.ok("keys", sentence)
    if patient.main is not None:
        yield _authenticator(settings.metrics.host, settings.metrics.port)


def _authenticator(host: str, port: int | None) -> Row:
    if port is None:
        return Row.note("keys", "whether the running line lets clients in is not known: it has no metrics page")
    here = "127.0.0.1" if host in ("0.0.0.0", "*") else "[::1]" if host in ("::", "[::]") else host
    name = b"edge_inspector_authenticator_alive "
    # A proxy of the environment would take the question off this computer.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{here}:{port}/metrics", timeout=PAGE_S) as page:
            rows = page.read(5_000_000).splitlines()
    except (OSError, urllib.error.URLError, ValueError) as error:
        return Row.note("keys", f"whether the running line lets clients in is not known: {error}")
    value = next((row.removeprefix(name) for row in rows if row.startswith(name)), b"")
    if value == b"1.0":
        return Row.ok("keys", "the running line's authenticator is alive")
    return Row.failed(
        "keys", "the running line's authenticator is dead: nobody new may connect", "restart the line; see its log"
    )


def ports(patient: Patient) -> Iterator[Row]:
    """See who has each address of the configuration."""
    ours = {process.pid for process in patient.processes}
    for address in named_ports(patient.settings):
        yield port_row(address, ours, _other_line(patient, address))


def _other_line(patient: Patient, address: Named) -> str:
    """Return the line that answers at the service's address where none of ours runs; empty when none does."""
    curve = patient.settings.endpoints.curve
    if patient.main is not None or address.name != "service" or curve is not None or not address.is_taken():
        return ""
    from edge_inspector.client.service import ask

    answer = ask(address.here, {"op": "hello"}, PAGE_S)
    return str((answer or {}).get("line", ""))[:40]
