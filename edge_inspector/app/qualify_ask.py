"""From what a person asks of `model qualify` to its report, and to the configuration that has the choice in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from edge_inspector.app.labelled import Picture, find_pictures
from edge_inspector.app.qualify import Job, Pace, Tell, jobs_of, labels_of, try_all
from edge_inspector.app.qualify_report import Report, Result
from edge_inspector.app.ready import Ready, view_named
from edge_inspector.app.start import prepare_settings
from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.signature import Trust, read_trusted
from edge_inspector.core.errors import UsageError
from edge_inspector.doctor.processes import inspecting, main_of, named
from edge_inspector.settings.edit import Edit, edit_line
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.lines import KeyPath, LineMap
from edge_inspector.settings.load import load_line_with_lines

TILES = 9
"""Of a part, where no line says how many: chunks of 5 and 4 then, so that two sizes are proven."""
EXACT = "fp32"
"""The graph that every bundle has."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks."""

    labelled: Path | None = None
    camera: str | None = None
    """Only this one's model; None for all of the line."""
    pace: Pace = field(default_factory=Pace)
    beside: bool = False
    """Also while the line inspects."""


def qualify_line(config: Path, wish: Wish, tell: Tell) -> Report:
    """Return what came of every model of a line.

    Raises:
        UsageError: The line inspects; or labelled pictures cannot be judged.
        SettingsError, BundleError, KeysError: As at a start.
    """
    settings, lines = load_line_with_lines(config)
    running = main_of(settings.state_dir)
    if running is not None and not wish.beside:
        raise UsageError(
            f"line {settings.line} inspects ({named(running)}), and would lose cores to this; stop it, or ask with "
            "--beside: then it goes first, and the times are those that it leaves"
        )
    ready = prepare_settings(settings, lines, EXACT)
    return _report(ready, str(config), replace(wish, beside=running is not None), tell)


def qualify_bundle(path: Path, keys: Sequence[Path], unsigned: bool, wish: Wish, tell: Tell) -> Report:
    """Return what came of a bundle without a line: drawn parts of nine tiles, by the bundle's own limits.

    Raises:
        UsageError: As `qualify_line`.
        BundleError, KeysError: It cannot be used, or nobody who is trusted signed it.
    """
    with _stand_in(path, keys, unsigned) as settings:
        return _report(prepare_settings(settings, LineMap(str(path)), EXACT), None, wish, tell)


def neighbours(state_dir: Path | None) -> str:
    """Return what to say of other lines that inspect on this computer; empty where none does.

    Args:
        state_dir: Of the line that is asked about; None for none.
    """
    own = None if state_dir is None else main_of(state_dir)
    others = inspecting(own)
    if not others:
        return ""
    return f"another line inspects on this computer ({named(others[0])}): it takes time from all that is measured here"


def choice_edit(report: Report, config: Path) -> Edit:
    """Return the configuration with every recommendation in it; nothing is written.

    Raises:
        SettingsError: It cannot be edited, or would be wrong then.
    """
    values: dict[KeyPath, str] = {}
    for result in report.results:
        chosen, now = result.choice, result.job.configured
        assert chosen is not None  # asked for by those who have a choice
        for place in result.job.places:
            for key in ("provider", "precision"):
                if getattr(chosen.candidate, key) != getattr(now, key):
                    values[*place, key] = getattr(chosen.candidate, key)
    return edit_line(config, values)


def _report(ready: Ready, config: str | None, wish: Wish, tell: Tell) -> Report:
    jobs = _asked_jobs(ready, wish)
    pictures: tuple[Picture, ...] = ()
    if wish.labelled is not None:
        tell("read the labelled pictures", 0, 1)
        pictures = find_pictures(wish.labelled, jobs[0].sizes)
    results = []
    for job in jobs:
        trials = try_all(job, ready, Path(config or ""), pictures, wish.pace, wish.beside, tell)
        configured = None if config is None else job.configured
        results.append(Result(job, tuple(trials), labels_of(pictures), configured))
    return Report(ready.settings, config, tuple(results), wish.pace, wish.beside, wish.labelled)


def _asked_jobs(ready: Ready, wish: Wish) -> list[Job]:
    """Return the models that are asked about; the camera that is named is the first of its job."""
    jobs = jobs_of(ready)
    if wish.camera is not None:
        place, _ = view_named(ready.settings, wish.camera)
        first = ready.views[place]
        [job] = [job for job in jobs if first in job.views]
        return [Job(job.places, (first, *(view for view in job.views if view is not first)))]
    if wish.labelled is not None and len(jobs) > 1:
        names = " or ".join(job.cameras[0] for job in jobs)
        raise UsageError(f"the cameras have several models; say whose the labelled pictures are: --camera {names}")
    return jobs


@contextmanager
def _stand_in(path: Path, keys: Sequence[Path], unsigned: bool) -> Iterator[LineSettings]:
    policy: Literal["allow", "refuse"] = "allow" if unsigned else "refuse"
    manifest = load_bundle(path, EXACT, trust=Trust(read_trusted(keys), policy)).manifest
    height, width, channels = manifest.tile_hwc
    frame = {"height": height, "width": width * TILES, "channels": channels}
    model = {
        "bundle": os.path.abspath(path),
        "trusted_keys": [os.path.abspath(key) for key in keys],
        "unsigned": policy,
    }
    with tempfile.TemporaryDirectory(prefix="edge-inspector-") as folder:
        camera = {"kind": "synthetic", "frame": frame}
        given = {"line": "none", "camera": camera, "model": model, "state_dir": folder}
        try:
            yield LineSettings.model_validate(given)
        except ValidationError as error:
            raise UsageError(f"{path}: {error.errors()[0]['msg']}; move the bundle to another place") from error
