"""`camera:` where the pictures come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from edge_inspector.core.features import without
from edge_inspector.core.frame import FrameShape
from edge_inspector.settings.feature_tree import FeatureTree
from edge_inspector.settings.identity import EncoderSettings, ScaleSettings, TriggerCountSettings
from edge_inspector.settings.presets import PRESETS, PresetName
from edge_inspector.settings.section import AnyPath, ProducerPath, Section
from edge_inspector.settings.trigger import TriggerSettings

CameraName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
PixelFormat = Literal[
    "Mono8",
    "RGB8",
    "BGR8",
    "RGBa8",
    "BGRa8",
    "BayerGR8",
    "BayerRG8",
    "BayerGB8",
    "BayerBG8",
    "Mono10",
    "Mono12",
    "Mono14",
    "Mono16",
    "Mono10p",
    "Mono12p",
    "Mono10Packed",
    "Mono12Packed",
    "YUV422_8",
    "YUV422_8_UYVY",
]
"""What the acquire room can read. Mono… becomes frames of one channel, all others RGB."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Names of pictures that are replayed end in one of these, in small or capital letters."""


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


class LevelSettings(Section):
    """Which grey values of a format with more than 8 bits become black and white; those between in proportion."""

    black: int = Field(ge=0, le=65535)
    """Becomes 0, as does what is darker."""
    white: int = Field(ge=1, le=65535)
    """Becomes 255, as does what is brighter. Mono10 goes to 1023, Mono12 to 4095, Mono14 to 16383, Mono16 to 65535."""


class CameraSection(Section):
    """What every kind of camera has."""

    name: CameraName = "cam0"
    """Name in verdicts and metrics: lower-case letters, digits and dashes."""
    frame: FrameSettings
    repeat_lines: int = Field(default=0, ge=0, le=32768)
    """Strips of a web: so many of a frame's lines are the last ones of the frame before, so that a defect on the seam
    is seen whole, and once. The camera sends `frame.height` less that many."""
    mm_per_px: ScaleSettings | None = None
    """Size of a pixel; null: defects are told in pixels alone."""
    transport_ms: float = Field(default=0.0, ge=0.0, le=1000.0)
    """Worst-case time from the trigger edge to the host, in ms. Taken off where the host gives the trigger time."""

    def strip(self) -> FrameShape:
        """Return the shape of what the camera sends: a frame without the lines of the one before."""
        whole = self.frame.shape()
        return FrameShape(whole.height - self.repeat_lines, whole.width, whole.channels)


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
    levels: LevelSettings | None = None
    """Range of grey values of a format with more than 8 bits. Left out: the low bits are dropped."""
    user_set: str = Field(default="", max_length=64)
    """Settings that the camera keeps itself, such as Default or UserSet1: loaded before anything is written."""
    preset: PresetName | None = None
    """How it is triggered: a table of features, written before `features`; see docs/how-to/trigger-a-camera.md."""
    trigger: TriggerSettings = TriggerSettings()
    """What the preset needs to know."""
    features: FeatureTree = Field(default={})
    """Features written in this order before arming, each read back and compared. A block belongs to a selector."""
    # 30 s: a longer wait for a camera that a killed process held would count as a process that hangs (60 s at arm).
    heartbeat_timeout_ms: int | None = Field(default=None, ge=500, le=30_000)
    """A GigE camera lets go of a computer that is silent for so long. Left out: 2000, or the nearest it can."""
    buffers: int = Field(default=16, ge=3, le=256)
    """Buffers announced to the producer: room for that many frames while this computer is busy."""
    lost_after_s: float = Field(default=5.0, gt=0.0, le=3600.0)
    """Access is checked twice a second; a free-running camera is also lost after this time without a frame."""
    triggered: bool | None = None
    """True when the camera waits for a trigger: silence is then normal. Left out: as the preset says, else false."""
    trigger_count: TriggerCountSettings = TriggerCountSettings()
    """Where triggers are counted."""
    clock: Literal["auto", "host"] = "auto"
    """`auto`: trigger times by the camera's own clock where it can be asked for its time, else as `host`: the moment a
    buffer is seen, less `transport_ms`."""
    stamp_late_us: float = Field(default=0.0, ge=0.0, le=10_000_000.0)
    """How much later than the trigger edge the camera stamps a frame (trigger delay, or exposure), in microseconds."""
    encoder: EncoderSettings | None = None
    """null for a line without one."""

    @property
    def is_triggered(self) -> bool:
        """Whether silence is normal."""
        if self.triggered is None and self.preset is not None:
            return PRESETS[self.preset].is_triggered(self.trigger)
        return bool(self.triggered)

    @property
    def preset_features(self) -> dict[str, Any]:
        """What the preset writes, less what `features` sets at the same place; empty without one."""
        if self.preset is None:
            return {}
        return without(PRESETS[self.preset].features(self.trigger), self.features)


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
