"""Evidence as the tests write it, and what they measure of a folder."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from edge_inspector.record.evidence import EvidenceStore
from edge_inspector.record.item import EvidenceItem, EvidencePicture

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
DAY_US = 86_400_000_000
BODY = {
    "v": 1, "line": "line1", "seq": 7, "part_id": 4711, "verdict": "REJECT", "reason": "defect", "score": 0.97,
    "label": "DEFECT", "model": "steel@1.0.0", "context": {"lot": "Löt 5"}, "evidence_id": "line1-7",
    "defects": [{"x": 32, "y": 0, "w": 32, "h": 32, "score": 0.97, "label": "DEFECT", "x_mm": None, "y_mm": None}],
}  # fmt: skip


def make_item(evidence_id: str = "line1-7", picture: bool = True, **changes: Any) -> EvidenceItem:
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[..., 0] = np.arange(128)  # red rises to the right, blue is full below: a swap shows
    pixels[32:, :, 2] = 255
    seen: dict[str, Any] = {
        "camera": "",
        "pixels": pixels,
        "corners_yx": np.array([(0, 0), (0, 64)], np.intp),
        "tile_hw": (64, 64),
        "tile_scores": np.array([0.97, 0.1], np.float32),
        "tile_over": np.array([True, False]),
        "heat": np.ones((2, 2, 2), np.float32),
    }
    seen |= {key: changes.pop(key) for key in seen.keys() & changes.keys()}
    values: dict[str, Any] = {
        "body": BODY,
        "captured_utc_us": NOON_US,
        "pictures": (EvidencePicture(**seen),) if picture else (),
    }
    return EvidenceItem(evidence_id, **(values | changes))


def make_store(folder: Path, **changes: Any) -> EvidenceStore:
    return EvidenceStore(folder, **({"min_free_bytes": 0} | changes))


def bytes_below(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def names_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def refuse(code: int) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return call
