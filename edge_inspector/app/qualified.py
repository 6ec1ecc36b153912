"""What stays of qualifying a line beside its state, and whether it still says something of the line as it is."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edge_inspector.app.qualify import Job, jobs_of
from edge_inspector.app.qualify_report import SCHEMA, Report, hashes_of
from edge_inspector.app.ready import Ready
from edge_inspector.core.errors import KeysError
from edge_inspector.doctor.row import Row
from edge_inspector.signal.whole_file import PUBLIC, replace_file

NAME = "qualified.json"
PACKAGES = (
    "edge_inspector",
    "onnxruntime-gpu",
    "onnxruntime",
    "openvino",
    "tensorrt-cu13",
    "tensorrt-cu12",
    "tensorrt",
)
"""A new one of these may be faster or slower, or answer otherwise."""
_MAX_BYTES = 1 << 20
"""One has some 10 KB; a larger file is something else."""
_DRIVER = Path("/proc/driver/nvidia/version")


def here() -> dict[str, Any]:
    """Return what the speed of an engine depends on besides bundle and line: processor, driver, versions."""
    versions = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {"cpu": _cpu(), "gpu_driver": _first_line(_DRIVER), "versions": versions}


def keep(report: Report, told: dict[str, Any]) -> str:
    """Write what was found beside the line's state; returns the file, or why it could not be kept.

    Args:
        report: Of a line.
        told: The same as JSON.
    """
    path = report.settings.state_dir / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(told, indent=1) + "\n", PUBLIC)
    except OSError as error:
        return f"not kept: {path} cannot be written ({error.strerror}); ask as the line's user"
    except KeysError as error:
        return f"not kept: {error}"
    return f"kept in {path}"


def qualified_rows(ready: Ready, now: dict[str, Any]) -> Iterator[Row]:
    """Yield for each model of a line whether it was qualified, and whether the line runs what was recommended.

    Args:
        ready: The line as it is.
        now: From `here`.
    """
    found = _read(ready.settings.state_dir / NAME)
    jobs = [job for job in jobs_of(ready) if job.configured.provider != "null"]
    for job in jobs:
        name = "qualified" if len(jobs) == 1 else f"qualified {job.cameras[0]}"
        again = "edge-inspector model qualify -c FILE tells which engine is the fastest here"
        if found is None:
            yield Row.note(name, "it was never measured which engine suits this computer", again)
            continue
        try:
            yield _row(name, job, found, now)
        except (KeyError, TypeError, AttributeError, StopIteration):
            yield Row.note(name, f"{ready.settings.state_dir / NAME} is damaged or of another version", again)


def _row(name: str, job: Job, found: dict[str, Any], now: dict[str, Any]) -> Row:
    again = "qualify again: edge-inspector model qualify -c FILE"
    at = f"qualified at {found['at_utc']}"
    told = next((model for model in found["models"] if model["cameras"] == list(job.cameras)), None)
    if told is None:
        return Row.note(name, f"{at}, but not for camera {', '.join(job.cameras)}", again)
    other = {
        "another bundle": told["model_sha256"] != hashes_of(job),
        "another processor": found["here"]["cpu"] != now["cpu"],
        "another GPU driver": found["here"]["gpu_driver"] != now["gpu_driver"],
        "other versions": found["here"]["versions"] != now["versions"],
    }
    if any(other.values()):
        return Row.note(name, f"{at}, for {', '.join(key for key, is_so in other.items() if is_so)}", again)
    mine = next((one for one in told["trials"] if _is(one, job)), None)
    if mine is not None and mine["standing"] == "refused":
        return Row.warning(name, f"{at}: {job.configured} was refused: {mine['why']}", again)
    if told["recommended"] is None:
        return Row.warning(name, f"{at}: nothing was proven", again)
    best = f"{told['recommended']['provider']} {told['recommended']['precision']}"
    if best != str(job.configured):
        said = f"{at}: {best} is recommended, the line runs on {job.configured}"
        return Row.note(name, said, "edge-inspector model qualify -c FILE --write takes it over")
    return Row.ok(name, f"{at}: {best} is recommended, and what the line runs on")


def _is(trial: dict[str, Any], job: Job) -> bool:
    return f"{trial['provider']} {trial['precision']}" == str(job.configured)


def _read(path: Path) -> dict[str, Any] | None:
    """Return what was kept; None when there is nothing. What is damaged is empty, and so holds no key."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}


def _cpu() -> str:
    with suppress(OSError):
        for row in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if row.startswith("model name"):
                return row.partition(":")[2].strip()
    return platform.machine()


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return None
