"""What features were called before SFNC 2: cameras of that time keep working with configurations of today."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OldName:
    """An older name of the same thing."""

    name: str
    per_unit: float = 1.0
    """The old value for one unit of the new one."""


OLD_NAMES: dict[str, OldName] = {
    "ExposureTime": OldName("ExposureTimeAbs"),  # both in microseconds
    "Gain": OldName("GainAbs"),
    "BlackLevel": OldName("BlackLevelAbs"),
    "AcquisitionFrameRate": OldName("AcquisitionFrameRateAbs"),
    "AcquisitionLineRate": OldName("AcquisitionLineRateAbs"),
    "TriggerDelay": OldName("TriggerDelayAbs"),
    "LineDebouncerTime": OldName("LineDebouncerTimeAbs"),
    "DeviceStreamChannelPacketSize": OldName("GevSCPSPacketSize"),
    "DeviceLinkHeartbeatTimeout": OldName("GevHeartbeatTimeout", per_unit=1e-3),  # microseconds, then milliseconds
    "UserSetDefault": OldName("UserSetDefaultSelector"),
    "DeviceTemperature": OldName("TemperatureAbs"),
    "Timestamp": OldName("GevTimestampValue"),
    "TimestampLatch": OldName("GevTimestampControlLatch"),
}
"""Today's name to the old one, where the meaning is the same."""

OTHER_UNITS: dict[str, str] = {
    "ExposureTime": "ExposureTimeRaw",
    "Gain": "GainRaw",
    "BlackLevel": "BlackLevelRaw",
    "TriggerDelay": "TriggerDelayRaw",
    "LineDebouncerTime": "LineDebouncerTimeRaw",
}
"""Old features whose numbers count in steps of the camera's own: never written in place of the new one."""

OLD_ENTRIES: dict[str, dict[str, tuple[str, ...]]] = {
    "PixelFormat": {
        "RGB8": ("RGB8Packed",),
        "BGR8": ("BGR8Packed",),
        "RGBa8": ("RGBA8Packed",),
        "BGRa8": ("BGRA8Packed",),
        "YUV422_8": ("YUV422_YUYV_Packed", "YUYVPacked"),
        "YUV422_8_UYVY": ("YUV422Packed",),
    }
}
"""Feature to entry to its older names."""
