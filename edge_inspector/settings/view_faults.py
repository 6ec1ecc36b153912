"""What of several cameras cannot be one line."""

from __future__ import annotations

import os
from collections.abc import Iterator

from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath

Found = tuple[tuple[KeyPath, ...], str]
OF_ONE = ("camera", "model", "tiling", "decide", "regions", "image_health", "ring")
"""Sections that each view may have for itself."""


def in_view(path: KeyPath, index: int) -> KeyPath:
    """Return where a setting of the line of one camera stands in the file, for a view by its place in `more_views`."""
    return ("more_views", index, *path) if path[:1] and path[0] in OF_ONE else path


def view_faults(settings: LineSettings) -> Iterator[Found]:
    """Return what is wrong between the views, and with `sets:`; nothing for a line of one camera."""
    if not settings.more_views:
        return
    yield from _names(settings)
    yield from _memory(settings)
    sets, lease_ms = settings.sets, settings.endpoints.lease_ms
    if sets.wait_ms > lease_ms:
        what = (
            f"{sets.wait_ms:g} ms is longer than the lease of {lease_ms} ms: a part that waits would look like a stall"
        )
        yield (("sets", "wait_ms"), ("endpoints", "lease_ms")), what
    for index, view in enumerate(settings.more_views):
        if view.later_ms + sets.wait_ms > 2 * lease_ms:
            both = f"{view.later_ms:g} ms and the {sets.wait_ms:g} of sets.wait_ms"
            path: KeyPath = ("more_views", index, "later_ms")
            what = f"{both} are over twice the lease of {lease_ms} ms; raise endpoints.lease_ms"
            yield (path, ("sets", "wait_ms"), ("endpoints", "lease_ms")), what
    if sets.by == "count":
        yield from _uncounted(settings)


def _names(settings: LineSettings) -> Iterator[Found]:
    taken = {settings.camera.name}
    for index, view in enumerate(settings.more_views):
        if view.camera.name in taken:
            path: KeyPath = ("more_views", index, "camera", "name")
            yield (path,), f"the name {view.camera.name} is taken by another camera; each needs its own"
        taken.add(view.camera.name)


def _memory(settings: LineSettings) -> Iterator[Found]:
    needed = sum(view.camera.frame.shape().n_bytes * view.ring.slots for view in settings.views())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory // 2:
        what = f"the slots of all cameras take {needed / 1e9:.1f} GB, over half of the {memory / 1e9:.1f} GB here"
        yield (("more_views",), ("ring", "slots")), f"{what}; lower ring.slots"


def _uncounted(settings: LineSettings) -> Iterator[Found]:
    cameras = [(("camera",), settings.camera)] + [
        (("more_views", index, "camera"), view.camera) for index, view in enumerate(settings.more_views)
    ]
    for path, camera in cameras:
        if isinstance(camera, GenicamSettings) and camera.trigger_count.source == "frame_id":
            yield (
                (*path, "trigger_count"), ("sets", "by")
            ), (
                "sets by count need every trigger counted, and frame numbers do not show one that the camera missed: "
                "each later set would be of two parts; set trigger_count.source to counter, or sets.by to time"
            )  # fmt: skip
