"""The features of a simulated camera: one table, from which its GenApi XML and its register map are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["integer", "float", "enum", "command", "boolean", "string"]

PIXEL_FORMATS: Mapping[str, int] = {
    "Mono8": 0x01080001,
    "Mono10": 0x01100003,
    "Mono12": 0x01100005,
    "Mono14": 0x01100025,
    "Mono16": 0x01100007,
    "Mono10p": 0x010A0046,
    "Mono12p": 0x010C0047,
    "BayerGR8": 0x01080008,
    "BayerRG8": 0x01080009,
    "BayerGB8": 0x0108000A,
    "BayerBG8": 0x0108000B,
    "RGB8": 0x02180014,
    "BGR8": 0x02180015,
    "RGBa8": 0x02200016,
    "YUV422_8": 0x02100032,
    "YUV422_8_UYVY": 0x0210001F,
    "SimulatorVendor8": 0x81080001,
}
"""PFNC names and values. The last is a format of the vendor's own, as cameras offer that nobody else can read."""

OFF_ON = {"Off": 0, "On": 1}
AUTO = {"Off": 0, "Once": 1, "Continuous": 2}


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature and its register."""

    name: str
    kind: Kind
    category: str
    access: Literal["RO", "RW"] = "RW"
    n_bytes: int = 4
    low: float = 0
    high: float = 0xFFFFFFFF
    step: int = 1
    high_from: str = ""
    """Another feature that gives the upper limit."""
    unit: str = ""
    entries: Mapping[str, int] = field(default_factory=dict)
    is_locked: bool = False
    """Cannot be written while the camera is armed."""
    is_signed: bool = False
    selector: str = ""
    """Has one register for each entry of that feature."""
    is_hidden: bool = False


def _integer(name: str, category: str, **more: object) -> Feature:
    return Feature(name, "integer", category, **more)  # type: ignore[arg-type]


def _float(name: str, category: str, low: float, high: float, unit: str, **more: object) -> Feature:
    return Feature(name, "float", category, n_bytes=8, low=low, high=high, unit=unit, **more)  # type: ignore[arg-type]


def _enum(name: str, category: str, entries: Mapping[str, int], **more: object) -> Feature:
    return Feature(name, "enum", category, entries=entries, **more)  # type: ignore[arg-type]


def _text(name: str, access: Literal["RO", "RW"] = "RO") -> Feature:
    return Feature(name, "string", "DeviceControl", access, n_bytes=32)


def _count(*names: str) -> dict[str, int]:
    return {name: value for value, name in enumerate(names)}


_DEVICE, _IMAGE, _ACQUISITION = "DeviceControl", "ImageFormatControl", "AcquisitionControl"
_IO, _COUNTER, _ENCODER = "DigitalIOControl", "CounterAndTimerControl", "EncoderControl"
_CHUNK, _EVENT, _TRANSPORT = "ChunkDataControl", "EventControl", "TransportLayerControl"
_LINES = _count("Line0", "Line1", "Line2")
_EDGES = _count("RisingEdge", "FallingEdge", "AnyEdge")
_WAYS = _count("Off", "PositionUp", "PositionDown", "DirectionUp", "DirectionDown", "Motion")

FEATURES: tuple[Feature, ...] = (
    _text("DeviceVendorName"),
    _text("DeviceModelName"),
    _text("DeviceVersion"),
    _text("DeviceFirmwareVersion"),
    _text("DeviceSerialNumber"),
    _text("DeviceUserID", "RW"),
    _enum("DeviceScanType", _DEVICE, _count("Areascan", "Linescan"), access="RO"),
    _float("DeviceTemperature", _DEVICE, -40, 150, "C", access="RO"),
    Feature("DeviceReset", "command", _DEVICE),
    # SFNC gives this in microseconds; the older name below in milliseconds. Both stand for one timeout.
    _float("DeviceLinkHeartbeatTimeout", _DEVICE, 0, 60_000_000, "us"),
    Feature("TimestampLatch", "command", _DEVICE),
    _integer("TimestampLatchValue", _DEVICE, access="RO", n_bytes=8, high=2**62),
    _integer("Timestamp", _DEVICE, access="RO", n_bytes=8, high=2**62),
    _integer("WidthMax", _IMAGE, access="RO"),
    _integer("HeightMax", _IMAGE, access="RO"),
    # Steps of 4 pixels keep the rows of packed formats on whole bytes.
    _integer("Width", _IMAGE, low=16, high_from="WidthMax", step=4, is_locked=True),
    _integer("Height", _IMAGE, low=1, high_from="HeightMax", is_locked=True),
    _integer("OffsetX", _IMAGE, high=16384, step=4, is_locked=True),
    _integer("OffsetY", _IMAGE, high=16384, is_locked=True),
    _enum("PixelFormat", _IMAGE, PIXEL_FORMATS, is_locked=True),
    _enum("AcquisitionMode", _ACQUISITION, _count("Continuous", "SingleFrame", "MultiFrame")),
    _integer("AcquisitionFrameCount", _ACQUISITION, low=1, high=65535),
    _integer("AcquisitionBurstFrameCount", _ACQUISITION, low=1, high=1023),
    Feature("AcquisitionStart", "command", _ACQUISITION),
    Feature("AcquisitionStop", "command", _ACQUISITION),
    Feature("AcquisitionFrameRateEnable", "boolean", _ACQUISITION),
    _float("AcquisitionFrameRate", _ACQUISITION, 0.1, 100_000, "Hz"),
    _float("AcquisitionLineRate", _ACQUISITION, 1, 1_000_000, "Hz"),
    _enum("ExposureMode", _ACQUISITION, {"Timed": 1, "TriggerWidth": 2}),
    _float("ExposureTime", _ACQUISITION, 3, 1_000_000, "us"),
    _enum("ExposureAuto", _ACQUISITION, AUTO),
    _enum("TriggerSelector", _ACQUISITION, _count("FrameStart", "LineStart", "FrameBurstStart")),
    _enum("TriggerMode", _ACQUISITION, OFF_ON, selector="TriggerSelector"),
    _enum("TriggerSource", _ACQUISITION, _count("Software", "Line0", "Line1", "Encoder0"), selector="TriggerSelector"),
    _enum("TriggerActivation", _ACQUISITION, _EDGES, selector="TriggerSelector"),
    _float("TriggerDelay", _ACQUISITION, 0, 10_000_000, "us", selector="TriggerSelector"),
    Feature("TriggerSoftware", "command", _ACQUISITION, selector="TriggerSelector"),
    _float("Gain", "AnalogControl", 0, 48, "dB"),
    _enum("GainAuto", "AnalogControl", AUTO),
    _enum("LineSelector", _IO, _LINES),
    _enum("LineMode", _IO, _count("Input", "Output"), selector="LineSelector"),
    Feature("LineInverter", "boolean", _IO, selector="LineSelector"),
    _float("LineDebouncerTime", _IO, 0, 20_000, "us", selector="LineSelector"),
    _integer("LineStatusAll", _IO, access="RO"),
    _enum("CounterSelector", _COUNTER, _count("Counter0", "Counter1")),
    _enum(
        "CounterEventSource",
        _COUNTER,
        _count("Off", "Line0", "FrameStart", "FrameStartOvertrigger"),
        selector="CounterSelector",
    ),
    _integer("CounterValue", _COUNTER, access="RO", n_bytes=8, high=2**62, selector="CounterSelector"),
    Feature("CounterReset", "command", _COUNTER, selector="CounterSelector"),
    _enum("EncoderSelector", _ENCODER, _count("Encoder0")),
    _enum("EncoderSourceA", _ENCODER, {"Off": 3, **_LINES}, selector="EncoderSelector"),
    _enum("EncoderSourceB", _ENCODER, {"Off": 3, **_LINES}, selector="EncoderSelector"),
    _enum("EncoderMode", _ENCODER, _count("FourPhase", "HighResolution"), selector="EncoderSelector"),
    _integer("EncoderDivider", _ENCODER, low=1, high=65535, selector="EncoderSelector"),
    _enum("EncoderOutputMode", _ENCODER, _WAYS, selector="EncoderSelector"),
    _integer(
        "EncoderValue",
        _ENCODER,
        access="RO",
        n_bytes=8,
        low=-(2**62),
        high=2**62,
        is_signed=True,
        selector="EncoderSelector",
    ),
    Feature("EncoderReset", "command", _ENCODER, selector="EncoderSelector"),
    _enum("UserSetSelector", "UserSetControl", _count("Default", "UserSet0")),
    Feature("UserSetLoad", "command", "UserSetControl"),
    Feature("ChunkModeActive", "boolean", _CHUNK, is_locked=True),
    _enum(
        "ChunkSelector",
        _CHUNK,
        _count("FrameID", "Timestamp", "CounterValue", "EncoderValue", "ExposureTime", "LineStatusAll"),
    ),
    Feature("ChunkEnable", "boolean", _CHUNK, selector="ChunkSelector", is_locked=True),
    _enum("EventSelector", _EVENT, _count("FrameStart", "FrameStartOvertrigger")),
    _enum("EventNotification", _EVENT, OFF_ON, selector="EventSelector"),
    _integer("PayloadSize", _TRANSPORT, access="RO"),
    _integer("GevHeartbeatTimeout", _TRANSPORT, high=60_000, unit="ms"),
    _integer("TLParamsLocked", _TRANSPORT, high=1, is_hidden=True),
    _integer("GainRaw", "AnalogControl", high=480),
)

OLD_NAMES = {
    "ExposureTime": "ExposureTimeAbs",
    "AcquisitionFrameRate": "AcquisitionFrameRateAbs",
    "AcquisitionLineRate": "AcquisitionLineRateAbs",
    "TriggerDelay": "TriggerDelayAbs",
    "LineDebouncerTime": "LineDebouncerTimeAbs",
}
"""What cameras from before SFNC 2 call them. Those also have GainRaw in place of Gain."""

CHUNKS: Mapping[str, tuple[int, str, int]] = {
    "ChunkFrameID": (0x1001, "unsigned", 8),
    "ChunkTimestamp": (0x1002, "unsigned", 8),
    "ChunkCounterValue": (0x1003, "unsigned", 8),
    "ChunkEncoderValue": (0x1004, "signed", 8),
    "ChunkExposureTime": (0x1005, "float", 8),
    "ChunkLineStatusAll": (0x1006, "unsigned", 4),
}
"""Name of the node -> chunk id, type, bytes; in the order of ChunkSelector."""

EVENTS: Mapping[str, int] = {"EventFrameStart": 0x9001, "EventFrameStartOvertrigger": 0x9002}
"""Name of the node -> event id; in the order of EventSelector. The value is the trigger number.

Beside each stands one with `Timestamp` behind its name: when that was, by the camera's clock, in ns."""

_FIRST_ADDRESS = 0x100


def feature(name: str) -> Feature:
    """Return the feature of that name."""
    return next(candidate for candidate in FEATURES if candidate.name == name)


def n_registers(of: Feature) -> int:
    """Return how many registers a feature has: one, or one for each entry of its selector."""
    return len(feature(of.selector).entries) if of.selector else 1


def addresses() -> dict[str, int]:
    """Return the address of each feature's first register; those of the other entries of its selector follow."""
    found, at = {}, _FIRST_ADDRESS
    for each in FEATURES:
        found[each.name] = at
        at += (each.n_bytes * n_registers(each) + 7) // 8 * 8  # numbers of 8 bytes lie on multiples of 8
    return found


def end_of_registers() -> int:
    """Return the first address behind all registers."""
    last = FEATURES[-1]
    return addresses()[last.name] + (last.n_bytes * n_registers(last) + 7) // 8 * 8
