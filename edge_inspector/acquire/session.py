"""A camera that is connected, and neither written to nor armed: to look at its features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge_inspector.acquire.genicam import SETUP_ERRORS, open_device
from edge_inspector.acquire.producer import CameraInfo, choose, describe, load_producer, producer_path
from edge_inspector.acquire.teardown import let_go
from edge_inspector.core.errors import CameraNotFoundError


@contextmanager
def connected(cti: str, serial: str) -> Iterator[tuple[Any, CameraInfo]]:
    """Connect to a camera for the time of the block; yields its node map and what it says of itself.

    Args:
        cti: Path of the .cti file, or `viky`.
        serial: Its serial number; empty when the producer offers exactly one camera.

    Raises:
        CameraNotFoundError: No such producer or camera, it is in use, or it stopped answering.
    """
    harvester = load_producer(producer_path(cti))
    acquirer: Any = None
    try:
        devices = harvester.device_info_list
        infos = [describe(device) for device in devices]
        index = choose(infos, serial)
        acquirer = open_device(harvester, devices[index], serial or infos[index].serial)
        yield acquirer.remote_device.node_map, infos[index]
    except SETUP_ERRORS as error:
        raise CameraNotFoundError(
            f"the camera stopped answering ({error}); check its power and cable, and that no other program uses it"
        ) from error
    finally:
        let_go(acquirer, harvester)
