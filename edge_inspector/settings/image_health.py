"""`image_health:` what becomes of a picture that shows nothing, or not what it should."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_inspector.settings.section import Section

Policy = Literal["metric", "unknown", "fault"]


class ImageHealthSettings(Section):
    """Checks of every picture before the model is asked, each with a policy.
    `metric`: counted only. `unknown`: counted, and the part is UNKNOWN `image_health`, which rejects. `fault`: also,
    and the line is not ready until a healthy picture comes.
    """

    black: Policy = "unknown"
    """A picture almost without light: cap on the lens, lamp off, shutter shut."""
    saturated: Policy = "unknown"
    """A picture almost everywhere at the end of the scale: exposure too long, stray light."""
    stuck: Policy | None = None
    """Exactly the picture before. null: `unknown` for a real camera, `metric` for a simulated one, which may repeat."""
    defocus: Policy = "unknown"
    """Less sharp than the baseline. Checked only once `camera baseline` was run."""
    brightness: Policy = "unknown"
    """Darker or brighter than the baseline. Checked only once `camera baseline` was run."""
    black_share: float = Field(default=0.99, gt=0.0, le=1.0)
    """Share of pixels at grey 5 or below from which a picture is black. A web's edge may leave 9 of 10 pixels black."""
    saturated_share: float = Field(default=0.9, gt=0.0, le=1.0)
    """Share of pixels with a channel at 250 or above from which a picture is saturated. A backlight may fill most."""
    brightness_tolerance: float = Field(default=0.4, gt=0.0, le=10.0)
    """Allowed difference from the baseline, as a share of it. 0.4 notices one of two lamps that went out."""
    sharpness_tolerance: float = Field(default=0.4, gt=0.0, le=0.99)
    """Allowed loss against the baseline, as a share of it. 0.4 notices a blur of about 2 px on rough metal."""
