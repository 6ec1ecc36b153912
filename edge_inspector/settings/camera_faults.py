"""What does not fit together in the settings of a GenICam camera."""

from __future__ import annotations

from collections.abc import Iterator

from edge_inspector.settings.camera import GenicamSettings
from edge_inspector.settings.trigger_faults import Fault, trigger_faults

DEPTHS = {"Mono10": 10, "Mono12": 12, "Mono14": 14, "Mono16": 16}
"""Bits of a grey value, by the beginning of the format's name; all others have 8."""
GROUPS = {"Mono10p": 4, "Mono12p": 2, "Mono10Packed": 2, "Mono12Packed": 2, "YUV422_8": 2, "YUV422_8_UYVY": 2}
"""Pixels that share bytes: a row has a whole number of such groups."""


def genicam_faults(camera: GenicamSettings) -> Iterator[Fault]:
    """Yield what does not fit together."""
    if camera.cti not in ("viky", "simulator") and not camera.cti.endswith(".cti"):
        yield (("camera", "cti"),), f"{camera.cti} is no producer: their files end in .cti"
    if camera.serial != camera.serial.strip():
        yield (("camera", "serial"),), f"{camera.serial!r} has blanks around it; leave them out"
    yield from _format(camera)
    yield from _levels(camera)
    yield from trigger_faults(camera)
    for feature, setting, value in (
        ("Width", "frame.width", camera.frame.width),
        ("Height", "frame.height", camera.strip().height),
        ("PixelFormat", "pixel_format", camera.pixel_format),
    ):
        if camera.features.get(feature, value) != value:
            here = camera.features[feature]
            what = f"is {here} here and {value} in camera.{setting}, which sets it; leave it out here"
            yield (("camera", "features", feature), ("camera", *setting.split("."))), what


def _format(camera: GenicamSettings) -> Iterator[Fault]:
    name = camera.pixel_format
    channels = 1 if name.startswith("Mono") else 3
    if channels != camera.frame.channels:
        yield (
            (("camera", "pixel_format"), ("camera", "frame", "channels")),
            f"{name} makes frames of {channels} channel{'s' * (channels > 1)}, "
            f"camera.frame.channels is {camera.frame.channels}; change one of them",
        )
    if camera.frame.width % (group := GROUPS.get(name, 1)):
        yield (
            (("camera", "frame", "width"), ("camera", "pixel_format")),
            f"{camera.frame.width} is no multiple of {group}, and {group} pixels {name} share bytes; "
            f"write {camera.frame.width // group * group}, or a pixel_format that is not packed",
        )


def _levels(camera: GenicamSettings) -> Iterator[Fault]:
    if camera.levels is None:
        return
    name, black, white = camera.pixel_format, camera.levels.black, camera.levels.white
    depth = next((bits for start, bits in DEPTHS.items() if name.startswith(start)), 8)
    if depth == 8:
        yield (
            (("camera", "levels"), ("camera", "pixel_format")),
            f"{name} has 8 bits already; leave `levels` out, or set a pixel_format of 10 bits or more",
        )
    elif black >= white:
        yield (("camera", "levels", "black"), ("camera", "levels", "white")), f"{black} must be below white, {white}"
    elif white >= 2**depth:
        yield (
            (("camera", "levels", "white"), ("camera", "pixel_format")),
            f"{white} is over the greatest value of {name}, {2**depth - 1}",
        )
