"""Writing features to a camera, each read back, and all of them once more at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from genicam import genapi

from edge_inspector.acquire.nodes import (
    Found,
    allowed,
    allowed_tail,
    find,
    for_camera,
    is_same,
    missing,
    read,
    why_refused,
)
from edge_inspector.core.errors import CameraFormatError
from edge_inspector.core.features import Features, FeatureValue, Place, Step, named, selected, steps_of
from edge_inspector.core.logs import get_log

log = get_log(__name__)

COMMAND_S = 5.0
"""How long a command such as UserSetLoad may take; cameras need up to 2 s to load a user set."""

_AS_IF_ABSENT: frozenset[tuple[str, FeatureValue]] = frozenset(
    {
        ("TriggerMode", "Off"),
        ("ExposureMode", "Timed"),
        ("ExposureAuto", "Off"),
        ("GainAuto", "Off"),
        ("BalanceWhiteAuto", "Off"),
        ("AcquisitionFrameRateEnable", True),
        ("AcquisitionLineRateEnable", True),
    }
)
"""A camera without the feature behaves as with this value: what is not there is off, and a rate is obeyed."""

_SETTING = {"PixelFormat": "camera.pixel_format", "Width": "camera.frame.width", "Height": "camera.frame.height"}
"""Where a feature is configured; all others under `camera.features`."""


def write_features(node_map: Any, features: Features, who: str) -> None:
    """Write features in order and compare each with what the camera then says.

    Args:
        node_map: The remote device's node map.
        features: See `core.features`. A command is executed when its value is true.
        who: Name of the camera, for the error.

    Raises:
        CameraFormatError: A feature is not there, cannot be written, or has another value afterwards.
        genicam.gentl.GenericException: The camera does not answer.
    """
    _Writer(node_map, who).write(features, ())


def check_kept(node_map: Any, features: Features, who: str) -> None:
    """Compare everything once more, when all is written: a later feature may have changed an earlier one.

    Raises:
        CameraFormatError: A feature has another value than it had when it was written.
        genicam.gentl.GenericException: The camera does not answer.
    """
    for found in differences(node_map, features):
        raise CameraFormatError(
            f"camera {who} kept {found.step} = {found.step.value!r} at first and has {found.got!r} now: a feature "
            "written after it changed it; change the order or the values in camera.features"
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """A feature that has another value than is wanted."""

    step: Step
    got: FeatureValue | None
    """What the camera has; None when it has no such feature, or none that can be read now."""
    allowed: str
    """What it may be; empty when that is not known."""


def differences(node_map: Any, features: Features) -> Iterator[Difference]:
    """Yield what a camera has otherwise; its selectors are switched meanwhile and left as they were.

    Commands are left out, and so is what a camera lacks that behaves without it as wanted.
    """
    last = {(step.name, step.at): step for step in steps_of(features)}
    with selection_kept(node_map, {selector for step in last.values() for selector, _ in step.at}):
        for step in last.values():
            is_switch = step.name.endswith("Selector")  # selects for those after it, and is switched again here
            found = find(node_map, step.name) if select(node_map, step.at) else None
            if is_switch or (found is not None and hasattr(found.node, "execute")):
                continue
            if found is None:
                if (step.name, step.value) not in _AS_IF_ABSENT:
                    yield Difference(step, None, "")
            elif not is_same(for_camera(found, step.value), got := read(found.node)):
                yield Difference(step, got, allowed(found.node))


def select(node_map: Any, at: Place) -> bool:
    """Switch selectors; False when the camera cannot select that."""
    for selector, entry in at:
        found = find(node_map, selector)
        if found is None or try_write(found.node, for_camera(found, entry)) is not None:
            return False
    return True


@contextmanager
def selection_kept(node_map: Any, selectors: Iterable[str]) -> Iterator[None]:
    """Switch selectors back at the end: what is read and written afterwards must not depend on it."""
    found = [one for selector in selectors if (one := find(node_map, selector)) is not None]
    before = [read(one.node) for one in found]
    try:
        yield
    finally:
        for one, value in zip(found, before, strict=True):
            if value is not None:
                try_write(one.node, value)


class _Writer:
    def __init__(self, node_map: Any, who: str) -> None:
        self._node_map, self._who = node_map, who

    def write(self, features: Features, at: Place) -> None:
        for name, value in features.items():
            if isinstance(value, Mapping):
                with selection_kept(self._node_map, [name]):
                    self._write_blocks(name, value, at)
            else:
                self._write(Step(name, value, at))

    def _write_blocks(self, selector: str, blocks: Mapping[str, Features], at: Place) -> None:
        for entry, block in blocks.items():
            if self._is_needless(selector, entry, block):
                log.info("feature_absent", camera=self._who, feature=f"{selector}={entry}", why="as if switched off")
                continue
            self._write(Step(selector, entry, at))
            self.write(block, selected(at, selector, entry))

    def _is_needless(self, selector: str, entry: str, block: Features) -> bool:
        """Return whether a camera that cannot select this is as a camera that has it, with all below switched off."""
        if not all((step.name, step.value) in _AS_IF_ABSENT for step in steps_of(block)):
            return False
        found = find(self._node_map, selector)
        if found is None:
            return all(find(self._node_map, step.name) is None for step in steps_of(block))
        return isinstance(found.node, genapi.IEnumeration) and entry not in found.node.symbolics

    def _write(self, step: Step) -> None:
        found = find(self._node_map, step.name)
        if found is None:
            if (step.name, step.value) in _AS_IF_ABSENT:
                log.info("feature_absent", camera=self._who, feature=step.name, why="as if switched off")
                return
            tail = missing(self._node_map, step.name)
            raise CameraFormatError(f"camera {self._who} has no feature {step.name!r}{tail}; check its manual")
        if found.name != step.name:
            log.info("older_name_used", camera=self._who, feature=step.name, older=found.name)
        self._compare(step, found, for_camera(found, step.value))

    def _compare(self, step: Step, found: Found, value: FeatureValue) -> None:
        node = found.node
        refused = try_write(node, value)
        if hasattr(node, "execute") and refused is None:
            return  # a command has nothing to read back
        got = read(node)
        if is_same(value, got):
            return  # also when it may only be read and says so already
        name, setting = named(found.name, step.at), _SETTING.get(step.name, "camera.features")
        if refused is not None:
            has = "" if got is None else f", it has {got!r}"
            raise CameraFormatError(
                f"camera {self._who} refuses {name} = {value!r} ({why_refused(node, value, refused)}){has}"
                f"{allowed_tail(node)}; change {setting}"
            ) from refused
        raise CameraFormatError(
            f"camera {self._who} made {got!r} of {name} = {value!r}{allowed_tail(node)}; "
            f"write a value that it keeps in {setting}"
        )


def try_write(node: Any, value: FeatureValue) -> Exception | None:
    """Write a value, or execute a command; return the camera's refusal, None when it took it."""
    try:
        if not hasattr(node, "execute"):
            node.value = value
        elif not isinstance(value, bool):
            return TypeError("a command is executed or not")
        elif value:
            _execute(node)
    except (genapi.GenericException, TypeError, OverflowError) as error:
        return error
    return None


def _execute(command: Any) -> None:
    command.execute()
    until = time.monotonic() + COMMAND_S
    while not command.is_done():
        if time.monotonic() > until:
            # Some cameras never say so. What it was to bring about is compared by what is written after it.
            log.warning("command_not_confirmed", command=command.node.name, waited_s=COMMAND_S)
            return
        time.sleep(0.01)
