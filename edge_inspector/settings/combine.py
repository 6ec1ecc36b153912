"""Settings that are right one by one and wrong together, or wrong on this computer."""

from __future__ import annotations

import ipaddress
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.settings.areas import wrong_areas
from edge_inspector.settings.camera import PICTURE_SUFFIXES, GenicamSettings, ReplaySettings
from edge_inspector.settings.camera_faults import genicam_faults
from edge_inspector.settings.endpoint import TcpAddress, endpoint_fault, parse_tcp, tcp_address
from edge_inspector.settings.gate import gate_faults
from edge_inspector.settings.journal import journal_faults
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath, dotted
from edge_inspector.settings.model import model_faults
from edge_inspector.settings.performance import performance_faults
from edge_inspector.settings.view_faults import in_view, view_faults

_ENDPOINTS = ("signals", "telemetry", "service")


@dataclass(frozen=True, slots=True)
class Clash:
    """One mistake that involves one or more settings."""

    paths: tuple[KeyPath, ...]
    """The settings involved; the mistake is told at the first."""
    what: str


def find_clashes(settings: LineSettings) -> list[Clash]:
    """Return what does not fit together, looking at the settings and at the folders they name."""
    first, *others = settings.views()
    found = [clash for check in (_addresses, _performance, *_OF_VIEW, _gates, _evidence) for clash in check(first)]
    found += [clash for check in (_sets, _journal, _folders) for clash in check(settings)]
    for index, view in enumerate(others):
        for clash in (one for check in _OF_VIEW for one in check(view)):
            found.append(Clash(tuple(in_view(path, index) for path in clash.paths), clash.what))
    return found


def _addresses(settings: LineSettings) -> Iterator[Clash]:
    taken: dict[KeyPath, TcpAddress] = {}
    sockets: dict[str, KeyPath] = {}
    for name in _ENDPOINTS:
        path: KeyPath = ("endpoints", name)
        endpoint: str = getattr(settings.endpoints, name)
        if fault := endpoint_fault(endpoint, settings.endpoints.curve is not None):
            yield Clash((path,), fault)
        elif address := parse_tcp(endpoint):
            taken[path] = address
        elif (other := sockets.setdefault(endpoint, path)) != path:
            yield Clash((path, other), f"{endpoint} is {dotted(other)} already; each needs its own")
    metrics = settings.metrics
    if not _is_host(metrics.host):
        yield Clash((("metrics", "host"),), f"{metrics.host!r} is no address to listen on; write 127.0.0.1")
    elif metrics.port is not None:
        taken[("metrics", "port")] = tcp_address(metrics.host, metrics.port)
    for (first, one), (second, other_address) in itertools.combinations(taken.items(), 2):
        if one.overlaps(other_address):
            yield Clash((second, first), f"port {one.port} is taken by {dotted(first)} already; each needs its own")


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # Digits and dots alone are an address with a slip, not a name.
        return bool(re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", host)) and not host[-1].isdigit()
    return True


def _rings(settings: LineSettings) -> Iterator[Clash]:
    ring = settings.ring
    if ring.evidence_slots > ring.slots - 3:
        yield Clash(
            (("ring", "evidence_slots"), ("ring", "slots")),
            f"{ring.evidence_slots} of {ring.slots} slots lent to evidence leave too few to inspect with: one is "
            f"being filled, one judged, one waits; at most {ring.slots - 3}, or raise ring.slots",
        )
    needed = settings.camera.frame.shape().n_bytes * ring.slots
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Half: the model, evidence and the rest of the computer need the other half.
    if needed > memory // 2:
        yield Clash(
            (("ring", "slots"), ("camera", "frame")),
            f"{ring.slots} frames of this size take {needed / 1e9:.1f} GB, over half of the {memory / 1e9:.1f} GB "
            "here; lower ring.slots or check camera.frame",
        )
    rate_hz = None if isinstance(settings.camera, GenicamSettings) else settings.camera.rate_hz
    if rate_hz is not None and rate_hz > ring.records:
        yield Clash(
            (("ring", "records"), ("camera", "rate_hz")),
            f"{ring.records} records are less than a second at {rate_hz:g} a second; at least {rate_hz:.0f}",
        )


def _workers(settings: LineSettings) -> Iterator[Clash]:
    performance, ring = settings.performance, settings.ring
    if performance.profile != "throughput":
        return
    workers = performance.workers or len(performance.cores.inspect or os.sched_getaffinity(0))
    # Each worker reads one picture and has one waiting; one more is being filled.
    needed = 2 * workers + 1 + ring.evidence_slots
    if ring.slots < needed:
        yield Clash(
            (("ring", "slots"), ("performance", "workers")),
            f"{ring.slots} slots are too few for {workers} workers side by side: each holds two pictures, evidence "
            f"{ring.evidence_slots}, and one is being filled; at least {needed}",
        )


def _frames(settings: LineSettings) -> Iterator[Clash]:
    frame = settings.camera.frame
    if settings.decide.min_area_px > frame.width * frame.height:
        yield Clash(
            (("decide", "min_area_px"), ("camera", "frame")),
            f"{settings.decide.min_area_px} px are more than the whole frame of {frame.width * frame.height} px: "
            "no part would ever be rejected",
        )


def _times(settings: LineSettings) -> Iterator[Clash]:
    deadline_ms, transport_ms = settings.decide.deadline_ms, settings.camera.transport_ms
    if deadline_ms is not None and transport_ms >= deadline_ms:
        yield Clash(
            (("decide", "deadline_ms"), ("camera", "transport_ms")),
            f"{deadline_ms:g} ms are over before the picture arrives (camera.transport_ms is {transport_ms:g}): "
            "every part would be late",
        )


def _cameras(settings: LineSettings) -> Iterator[Clash]:
    if isinstance(settings.camera, ReplaySettings):
        if what := _without_pictures(settings.camera.folder):
            yield Clash((("camera", "folder"),), what)
    elif isinstance(settings.camera, GenicamSettings):
        for paths, what in genicam_faults(settings.camera):
            yield Clash(tuple(paths), what)


def _models(settings: LineSettings) -> Iterator[Clash]:
    for path, what in model_faults(settings.model):
        yield Clash((path,), what)
    if settings.model.provider == "null" and isinstance(settings.camera, GenicamSettings):
        yield Clash(
            (("model", "provider"), ("camera", "kind")),
            "null calls every part good without looking, which no camera's parts may be: only replay and synthetic "
            "pictures; write cpu, openvino, cuda or tensorrt",
        )
    if settings.model.provider == "openvino" and settings.performance.spin:
        what = "openvino decides by itself how its threads wait: leave performance.spin out, or write cpu"
        yield Clash((("model", "provider"),), what)


def _sets(settings: LineSettings) -> Iterator[Clash]:
    for paths, what in view_faults(settings):
        yield Clash(paths, what)


def _gates(settings: LineSettings) -> Iterator[Clash]:
    if settings.gate is not None:
        encoder = getattr(settings.camera, "encoder", None)
        for paths, what in gate_faults(settings.gate, encoder, settings.camera.transport_ms):
            yield Clash(paths, what)


def _regions(settings: LineSettings) -> Iterator[Clash]:
    for path, what in wrong_areas(settings):
        yield Clash((path,), what)


def _performance(settings: LineSettings) -> Iterator[Clash]:
    for path, what in performance_faults(settings.performance):
        yield Clash((path,), what)


def _journal(settings: LineSettings) -> Iterator[Clash]:
    for path, what in journal_faults(settings.journal):
        yield Clash((path,), what)


def _strips(settings: LineSettings) -> Iterator[Clash]:
    overlap, height = settings.camera.repeat_lines, settings.camera.frame.height
    here: KeyPath = ("camera", "repeat_lines")
    if overlap > height // 2:
        yield Clash(
            (here, ("camera", "frame", "height")),
            f"{overlap} of a frame's {height} lines are more than half: a strip must have at least as many new ones",
        )
    if overlap and settings.regions is not None and settings.regions.zones:
        yield Clash(
            (here, ("regions", "zones")),
            "zones judge each frame for itself, so a defect on a seam would be told twice; leave one of them out",
        )


def _without_pictures(folder: Path) -> str | None:
    try:
        with os.scandir(folder) as entries:
            if any(_is_picture(entry) for entry in entries):
                return None
    except FileNotFoundError:
        return f"there is no folder {folder}; relative paths count from the folder of this file"
    except NotADirectoryError:
        return f"{folder} is a file; name the folder that holds the pictures"
    except OSError as error:
        return f"{folder} cannot be read: {error.strerror}"
    return f"{folder} holds no picture; their names end in {', '.join(PICTURE_SUFFIXES)}"


def _is_picture(entry: os.DirEntry[str]) -> bool:
    # Names with a leading dot are left-overs of other systems (._a.jpg), which the replay camera skips.
    return entry.name.lower().endswith(PICTURE_SUFFIXES) and not entry.name.startswith(".") and entry.is_file()


def _evidence(settings: LineSettings) -> Iterator[Clash]:
    evidence = settings.evidence
    if evidence is None:
        return
    if not evidence.keep:
        yield Clash((("evidence", "keep"),), "names no verdict; leave `evidence:` out to keep no pictures")
    for index, outcome in enumerate(evidence.keep):
        if outcome in evidence.keep[:index]:
            yield Clash((("evidence", "keep", index),), f"{outcome} stands twice; once is enough")
    frame_mb = settings.camera.frame.shape().n_bytes / 1e6
    # A lossless picture can be as large as the frame, and an annotated one stands beside it.
    if evidence.quota_mb < 2 * frame_mb:
        yield Clash(
            (("evidence", "quota_mb"), ("camera", "frame")),
            f"{evidence.quota_mb} MB may not hold one part: a frame has {frame_mb:.0f} MB; at least {2 * frame_mb:.0f}",
        )


def _is_no_folder(path: Path) -> bool:
    # os.path, not Path: a name that is too long or may not be looked at answers False instead of raising.
    return os.path.exists(path) and not os.path.isdir(path)


def _folders(settings: LineSettings) -> Iterator[Clash]:
    folders: dict[KeyPath, Path] = {("state_dir",): settings.state_dir}
    for place, view in enumerate(settings.views()):
        if isinstance(view.camera, ReplaySettings):
            path: KeyPath = ("camera", "folder")
            folders[in_view(path, place - 1) if place else path] = view.camera.folder
        folders.setdefault(in_view(("model", "bundle"), place - 1) if place else ("model", "bundle"), view.model.bundle)
    folders |= {("model", "trusted_keys", i): path for i, path in enumerate(settings.model.trusted_keys)}
    if settings.journal.folder is not None:
        folders[("journal", "folder")] = settings.journal.folder
    if settings.endpoints.curve is not None:
        folders[("endpoints", "curve", "keys")] = settings.endpoints.curve.keys
    for path in (("state_dir",), ("journal", "folder"), ("endpoints", "curve", "keys")):
        if path in folders and _is_no_folder(folders[path]):
            yield Clash((path,), f"{folders[path]} is a file; name a folder")
    if settings.evidence is None:
        return
    evidence, here = settings.evidence.folder, ("evidence", "folder")
    if _is_no_folder(evidence):
        yield Clash((here,), f"{evidence} is a file; name a folder")
    for path, folder in folders.items():
        # Retention deletes the oldest files of the evidence folder: nothing else may lie in it.
        if evidence == folder or evidence in folder.parents or folder in evidence.parents:
            what = (
                f"{evidence} overlaps {dotted(path)}, {folder}; old evidence is deleted, so give it a folder of its own"
            )
            yield Clash((here, path), what)


_OF_VIEW = (_rings, _workers, _frames, _times, _cameras, _strips, _models, _regions)
"""What is asked of each camera as if it were the only one."""
