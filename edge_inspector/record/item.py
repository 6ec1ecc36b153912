"""One piece of evidence, and its encoding into the bytes of its files."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from edge_inspector.core.frame import F32, U8, Index
from edge_inspector.core.verdict import Defect
from edge_inspector.record.annotate import annotate, caption_of
from edge_inspector.record.regions import DrawnRegions

JPEG_QUALITY = 92  # about a tenth of the PNG, and no artefact that a person takes for a defect
EvidenceFormat = Literal["jpeg", "png"]
EXTENSION: dict[str, str] = {"jpeg": ".jpg", "png": ".png"}
# No dot, no slash: nothing but a plain file name, and the first dot ends it. 96 leaves room for the extension.
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}")


@dataclass(frozen=True, slots=True)
class EvidencePicture:
    """What one camera saw of a part. Its arrays are owned by it: copied out of the ring, never written again."""

    camera: str
    """Part of its files' names; empty on a line of one camera."""
    pixels: U8
    """Shape (h, w, c), c 1 or 3, RGB or grey."""
    corners_yx: Index
    """Shape (n, 2), top-left corner of each tile, in pixels."""
    tile_hw: tuple[int, int]
    """Tile height and width, in pixels."""
    tile_scores: F32 | None = None
    """Shape (n,), defect score of each tile; None when not judged."""
    tile_over: npt.NDArray[np.bool_] | None = None
    """Shape (n,), True where a tile reached its limit; None when not judged."""
    heat: F32 | None = None
    """Shape (n, h', w'), class activation; None when not judged."""
    skipped_yx: Index | None = None
    """Shape (m, 2), top-left corner of each tile that was taken for background; None for none."""
    regions: DrawnRegions | None = None
    """What was drawn of regions; None for a line without."""


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """A part worth keeping."""

    evidence_id: str
    """Name of its files: letters, digits, `-` and `_`, at most 96, beginning with a letter or digit."""
    body: Mapping[str, Any]
    """The verdict body as it was sent; kept as it is."""
    captured_utc_us: int
    """When it was captured; names the day's folder."""
    pictures: tuple[EvidencePicture, ...] = ()
    """One for each camera that brought one; none: only the JSON is kept."""


def is_safe_id(evidence_id: str) -> bool:
    """Return whether an id is a plain file name that cannot lead out of its folder."""
    return _SAFE_ID.fullmatch(evidence_id) is not None


def day_of(captured_utc_us: int) -> str:
    """Return the UTC day as `YYYYMMDD`."""
    return time.strftime("%Y%m%d", time.gmtime(captured_utc_us // 1_000_000))


def encode(item: EvidenceItem, picture_format: EvidenceFormat, has_annotated: bool) -> dict[str, bytes]:
    """Return the files of an item: name to bytes, the JSON last, so that it stands for a complete set.

    Raises:
        ValueError: The body is not JSON (NaN, infinity), or the picture cannot be encoded.
    """
    blobs: dict[str, bytes] = {}
    extension = EXTENSION[picture_format]
    for picture in item.pictures:
        name = item.evidence_id + (f".{picture.camera}" if picture.camera else "")
        try:
            blobs[name + extension] = _encode_picture(picture.pixels, extension)
            if has_annotated:
                blobs[name + ".annotated.jpg"] = _encode_picture(_annotated(item, picture), ".jpg")
        except cv2.error as error:
            raise ValueError(f"OpenCV refuses the picture of shape {picture.pixels.shape}: {error}") from error
    text = json.dumps(item.body, ensure_ascii=False, allow_nan=False, indent=1)
    blobs[item.evidence_id + ".json"] = text.encode() + b"\n"
    return blobs


def _annotated(item: EvidenceItem, picture: EvidencePicture) -> U8:
    boxes = [
        Defect(d["x"], d["y"], d["w"], d["h"], d["score"], d["label"])
        for d in item.body.get("defects") or ()
        if d.get("camera", picture.camera) == picture.camera
    ]
    return annotate(
        picture.pixels,
        picture.corners_yx,
        picture.tile_hw,
        picture.tile_scores,
        picture.tile_over,
        picture.heat,
        boxes,
        caption_of(dict(item.body)),
        picture.regions,
        picture.skipped_yx,
    )


def _encode_picture(pixels: U8, extension: str) -> bytes:
    # OpenCV writes what it is given as BGR.
    ordered = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.shape[2] == 3 else pixels
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if extension == ".jpg" else []
    is_done, data = cv2.imencode(extension, ordered, options)
    if not is_done:
        raise ValueError(f"picture of shape {pixels.shape} cannot be written as {extension}")
    return data.tobytes()
