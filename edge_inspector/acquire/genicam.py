"""A GenICam camera through Harvesters: the only place, with `producer`, that knows it.

One camera, one process. After a loss the process is killed and a new one spawned, for three reasons that were
measured: a hung control channel blocks inside the producer with the GIL held, every reconnection leaks the node
map, and a failed reset leaves the producer unusable in this process. So nothing here reconnects.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from genicam import genapi, gentl
from harvesters.core import Harvester, ParameterKey, ParameterSet

from edge_inspector.acquire.configure import configure
from edge_inspector.acquire.description import DESCRIPTION_ERRORS, overheard, why_no_description
from edge_inspector.acquire.grab import Grabber
from edge_inspector.acquire.meters import HarvestersMeters
from edge_inspector.acquire.pixels import find_format, fit_format
from edge_inspector.acquire.plan import GenicamPlan
from edge_inspector.acquire.producer import ACCESS_LOST, choose, describe, load_producer, producer_path
from edge_inspector.acquire.software_trigger import SoftwareTrigger
from edge_inspector.acquire.teardown import let_go
from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.core.frame import Arrival
from edge_inspector.core.logs import get_log

log = get_log(__name__)

LOOK_AGAIN_S = 0.25
"""Between two looks for a camera that is not there."""
HELD_S = 4.0
"""How long a refused access is tried again: a GigE camera stays held for its heartbeat timeout, up to 3 s unless the
configuration says more, after the process that had it was killed."""
_HELD_ERRORS = (gentl.AccessDeniedException, gentl.ResourceInUseException, gentl.BusyException)
SETUP_ERRORS = (gentl.GenericException, genapi.GenericException, RuntimeError, ValueError, AssertionError, OSError)
"""What a camera that dies during set-up raises: Harvesters lets ValueError and RuntimeError through."""


class GenicamCamera:
    """One camera of one producer. Obeys the `Camera` port.

    Numbers, times and places of the parts: docs/explanation/identity.md.
    """

    def __init__(self, plan: GenicamPlan) -> None:
        self.transport = ""
        """How it is connected (GEV, U3V and so on), once it is."""
        self._plan = plan
        self._harvester: Harvester | None = None
        self._acquirer: Any | None = None

    def __enter__(self) -> Self:
        """Load the producer, connect, write and compare the features, arm.

        Raises:
            CameraNotFoundError: No such producer or camera, it is in use, or it stopped answering meanwhile.
            CameraFormatError: It refuses a feature, or would send another size or format.
        """
        try:
            self._connect()
        except SETUP_ERRORS as error:
            let_go(self._acquirer, self._harvester)
            raise CameraNotFoundError(
                f"camera {self._plan.name} could not be set up ({error}); check its power and cable, "
                "and that no other program uses it"
            ) from error
        except BaseException:
            let_go(self._acquirer, self._harvester)
            raise
        return self

    @property
    def discarded(self) -> int:
        """Buffers so far that were no trigger of their own."""
        return self._grabber.discarded

    def fetch(self, timeout_s: float) -> Arrival | None:
        """Return the next arrival; see the `Camera` port."""
        if self._software is None:
            return self._grabber.fetch(timeout_s)
        until = time.monotonic() + timeout_s
        while True:
            self._software.ask_if_due()
            left_s = max(0.0, until - time.monotonic())
            arrival = self._grabber.fetch(min(left_s, self._software.wait_s()))
            if arrival is not None or left_s == 0.0:
                return arrival

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and disconnect; never raises. A hung producer can hang it: the supervisor's watchdog ends that."""
        let_go(self._acquirer, self._harvester)
        self._acquirer = self._harvester = None

    def _connect(self) -> None:
        plan = self._plan
        self._acquirer = self._harvester = None
        pixel_format = fit_format(find_format(plan.pixel_format, plan.frame.channels), plan.frame, plan.levels)
        self._harvester = load_producer(producer_path(plan.cti))
        device = _await_device(self._harvester, plan)
        held_s = max(HELD_S, 1.0 + (plan.heartbeat_timeout_ms or 0) / 1000)
        self._acquirer = open_device(self._harvester, device, plan.name, held_s)
        self.transport = describe(device).tl_type.upper()
        is_gige = self.transport == "GEV"
        configure(self._acquirer.remote_device.node_map, plan, pixel_format, is_gige)
        self._acquirer.num_buffers = plan.buffers
        meters = HarvestersMeters(self._acquirer, plan)
        self._acquirer.start()
        self._software = (
            None
            if plan.software_rate_hz is None
            else SoftwareTrigger(self._acquirer.remote_device.node_map, plan.software_rate_hz, plan.name)
        )
        stream = _HarvestersStream(self._acquirer)
        self._grabber = Grabber(stream, meters, plan, pixel_format, is_gige, counts_from=meters.counts_from)


class _HarvestersStream:
    """The buffers of a started ImageAcquirer, taken without its `fetch`.

    Its fetch holds the GIL while it waits, hides incomplete frames (and their numbers) as if no trigger had come,
    and never gives back the buffer of a vendor's own pixel format.
    """

    def __init__(self, acquirer: Any) -> None:
        self._device = acquirer.device.module
        # Private, but the only way to ask without waiting; harvesters is pinned for it.
        self._monitor = next(iter(acquirer._new_buffer_event_monitor_dict.values()))

    def take(self) -> Any | None:
        if self._monitor.num_in_queue == 0:
            return None
        try:
            self._monitor.update_event_data(1)  # ms; something is queued, so it returns at once
        except gentl.TimeoutException:
            return None
        return self._monitor.buffer

    def give_back(self, buffer: Any) -> None:
        buffer.parent.queue_buffer(buffer)

    def is_reachable(self) -> bool:
        return int(self._device.access_status) != ACCESS_LOST


def _await_device(harvester: Harvester, plan: GenicamPlan) -> Any:
    """Return the one device that is meant, as soon as the producer offers it.

    Raises:
        CameraNotFoundError: It did not come within the plan's patience.
    """
    until = time.monotonic() + plan.patience_s
    was_said = False
    while True:
        devices = harvester.device_info_list
        try:
            return devices[choose([describe(info) for info in devices], plan.serial)]
        except CameraNotFoundError as error:
            if time.monotonic() > until:
                raise
            if not was_said:  # at once: it may be a slip in the configuration, and nobody waits gladly to be told
                log.warning("camera_awaited", camera=plan.name, detail=str(error))
                was_said = True
        time.sleep(LOOK_AGAIN_S)
        harvester.update()  # it breaks cameras that this process has open: there are none


def open_device(harvester: Harvester, device: Any, name: str, held_s: float = HELD_S) -> Any:
    """Return Harvesters' ImageAcquirer of a camera, its description loaded and nothing written yet.

    Args:
        harvester: With the producer loaded.
        device: One of its `device_info_list`.
        name: Of the camera, for the error.
        held_s: A camera that is in use is tried again for so long.

    Raises:
        CameraNotFoundError: It stayed in use, or its description cannot be read.
    """
    config = {ParameterKey.ENABLE_AUTO_CHUNK_DATA_UPDATE: False}  # a broken chunk layout would raise out of a fetch
    until = time.monotonic() + held_s
    while True:
        try:
            with overheard() as heard, _own_interrupt():
                acquirer = harvester.create(device, config=ParameterSet(config))
            acquirer.remote_device.node_map.has_node("Root")  # raises where there is no description
            return acquirer
        except _HELD_ERRORS as error:
            if time.monotonic() > until:
                raise CameraNotFoundError(
                    f"camera {name} is in use by another program: it denied access for {held_s:g} s ({error}); end "
                    "that program, or wait until the camera's heartbeat timeout has passed"
                ) from error
            time.sleep(0.25)
        except DESCRIPTION_ERRORS as error:
            if (why := why_no_description(error, heard)) is None:
                raise
            raise CameraNotFoundError(
                f"the description (GenICam XML) of camera {name} {why}; its producer is {', '.join(harvester.files)}: "
                "install the maker's current GenTL package and camera firmware, and power the camera off and on"
            ) from error


@contextmanager
def _own_interrupt() -> Iterator[None]:
    """Keep this process's own SIGINT handler: Harvesters installs one that swallows Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
