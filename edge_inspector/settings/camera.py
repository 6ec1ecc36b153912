"""`camera:` where the pictures come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from edge_inspector.core.frame import FrameShape
from edge_inspector.settings.identity import EncoderSettings, ScaleSettings, TriggerCountSettings
from edge_inspector.settings.section import AnyPath, ProducerPath, Section

CameraName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
PixelFormat = Literal["Mono8", "RGB8", "BGR8", "RGBa8", "BGRa8", "BayerGR8", "BayerRG8", "BayerGB8", "BayerBG8"]
"""What the acquire room can read. Mono8 becomes frames of one channel, all others RGB."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Names of pictures that are replayed end in one of these, in small or capital letters."""

FeatureName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
FeatureValue = bool | int | float | str


def _whole(value: object) -> object:
    # A literal compares with ==, and to Python true is 1 and 3.0 is 3.
    if type(value) is not int:
        raise PydanticCustomError("literal_error", "not a whole number")
    return value


Channels = Annotated[Literal[1, 3], BeforeValidator(_whole)]


class FrameSettings(Section):
    """The size of every frame. Another size is refused, never scaled."""

    width: int = Field(ge=16, le=65536)
    """Pixels."""
    height: int = Field(ge=16, le=65536)
    """Pixels (line scan: lines per strip)."""
    channels: Channels
    """1 for grey, 3 for RGB. It must fit the model; a grey camera can feed an RGB model."""

    def shape(self) -> FrameShape:
        """Return the same as a plain value."""
        return FrameShape(self.height, self.width, self.channels)


class CameraSection(Section):
    """What every kind of camera has."""

    name: CameraName = "cam0"
    """Name in verdicts and metrics: lower-case letters, digits and dashes."""
    frame: FrameSettings
    mm_per_px: ScaleSettings | None = None
    """Size of a pixel; null: defects are told in pixels alone."""
    transport_ms: float = Field(default=0.0, ge=0.0, le=1000.0)
    """Worst-case time from the trigger edge to the host, in ms. Taken off where the host gives the trigger time."""


class GenicamSettings(CameraSection):
    """A GenICam camera through a GenTL producer (.cti), by Harvesters."""

    kind: Literal["genicam"]
    """`genicam`."""
    cti: ProducerPath
    """Producer's .cti file, relative to this file; `viky` or `simulator` for a simulated one."""
    serial: str = ""
    """Serial number in quotes, so that it stays text. Empty: the producer must offer exactly one camera."""
    pixel_format: PixelFormat = "Mono8"
    """PFNC name. Set on the camera and compared; it must give frames of the configured channels."""
    features: dict[FeatureName, FeatureValue] = Field(default={})
    """Features written in this order before arming, each read back and compared."""
    buffers: int = Field(default=16, ge=3, le=256)
    """Buffers announced to the producer: room for that many frames while this computer is busy."""
    lost_after_s: float = Field(default=5.0, gt=0.0, le=3600.0)
    """Access is checked twice a second; a free-running camera is also lost after this time without a frame."""
    triggered: bool = False
    """True when the camera waits for a hardware trigger: silence is then normal."""
    trigger_count: TriggerCountSettings = TriggerCountSettings()
    """Where triggers are counted."""
    clock: Literal["auto", "host"] = "auto"
    """`auto`: trigger times by the camera's own clock where it can be asked for its time, else as `host`: the moment a
    buffer is seen, less `transport_ms`."""
    stamp_late_us: float = Field(default=0.0, ge=0.0, le=10_000_000.0)
    """How much later than the trigger edge the camera stamps a frame (trigger delay, or exposure), in microseconds."""
    encoder: EncoderSettings | None = None
    """null for a line without one."""


class ReplaySettings(CameraSection):
    """Pictures from a folder, in the order of their names."""

    kind: Literal["replay"]
    """`replay`."""
    folder: AnyPath
    """Folder of .png, .jpg, .bmp or .tif pictures, all of the frame's size; relative to this file."""
    rate_hz: float | None = Field(default=None, gt=0.0, le=10000.0)
    """Pictures per second; null plays as fast as the line takes them."""
    loop: bool = False
    """Begin again after the last picture. Without it the daemon drains and ends."""
    wait_for_subscribers: int = Field(default=0, ge=0, le=100)
    """Play the first picture when so many clients have subscribed to the verdicts: a rehearsal loses none."""


class SyntheticSettings(CameraSection):
    """Drawn parts: brushed metal with dark spots in known places."""

    kind: Literal["synthetic"]
    """`synthetic`."""
    rate_hz: float | None = Field(default=10.0, gt=0.0, le=10000.0)
    """Parts per second; null draws as fast as the line takes them."""
    count: int | None = Field(default=None, ge=1)
    """Parts to draw before the daemon drains and ends; null for no end."""
    defect_every: int = Field(default=5, ge=1)
    """Every n-th part carries one spot."""
    seed: int = 0
    """The same seed draws the same parts."""
    wait_for_subscribers: int = Field(default=0, ge=0, le=100)
    """As in `replay`."""


CameraSettings = Annotated[GenicamSettings | ReplaySettings | SyntheticSettings, Field(discriminator="kind")]
