"""Evidence in main: from a verdict note and a lent slot to the store, in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_inspector.app.ready import ReadyView
from edge_inspector.app.regions import Scene, scene_of
from edge_inspector.core.frame import F32, U8
from edge_inspector.record.evidence import EvidenceStatus, EvidenceStore
from edge_inspector.record.item import EvidenceItem, EvidencePicture
from edge_inspector.record.mailbox import EvidenceMailbox
from edge_inspector.run.memory import LineMemory
from edge_inspector.run.ring import EvidenceBorrower
from edge_inspector.run.scheduling import EVIDENCE_NICE
from edge_inspector.run.worker import Worker
from edge_inspector.settings.line import LineSettings
from edge_inspector.settings.output import EvidenceSettings

MAILBOX_ITEMS = 32
"""Pictures that may wait for the disk: 40 MB of 1600x256 strips, about 2 s of rejects while a disk stalls."""
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Looking:
    """One camera of the line, as evidence sees it."""

    name: str
    borrower: EvidenceBorrower
    scene: Scene


class EvidenceKeeper:
    """Copies lent pictures and hands them to a worker that writes them."""

    def __init__(self, settings: EvidenceSettings, cameras: Sequence[Looking]) -> None:
        """Prepare; `cameras` in the order of the configuration."""
        self._cameras = cameras
        self.mailbox = EvidenceMailbox(MAILBOX_ITEMS)
        self._settings = settings
        self._store: EvidenceStore | None = None
        self._further: list[tuple[int, EvidencePicture]] = []
        self._further_of = -1
        self.taken_back = 0
        """Parts of which a camera needed a picture back before it was copied."""
        self.worker = Worker("evidence", self._step, drains=True, nice=EVIDENCE_NICE)

    def keep_view(self, note: dict[str, Any], heat: F32 | None) -> None:
        """Take the picture of a further camera; the verdict of its part follows. Never waits, gives the slot back."""
        if note["part_id"] != self._further_of:
            self._further, self._further_of = [], note["part_id"]
        if (picture := self._picture(int(note["camera"]), note, heat)) is not None:
            self._further.append((int(note["camera"]), picture))

    def keep(self, note: dict[str, Any], heat: F32 | None) -> None:
        """Take one verdict note; never waits. The slot, if any, is given back before this returns."""
        body = note["body"]
        picture = self._picture(0, note, heat) if int(note["slot"]) >= 0 else None
        further = self._further if self._further_of == body["part_id"] else []
        self._further, self._further_of = [], -1
        if body["evidence_id"] is None:
            return
        there = ([] if picture is None else [picture]) + [one for _, one in sorted(further, key=lambda kept: kept[0])]
        if int(note["slot"]) >= 0 and picture is None and not there:
            self.taken_back += 1
            return
        self.mailbox.offer(EvidenceItem(body["evidence_id"], body, body["t_trigger_utc_us"], tuple(there)))

    def settle(self, settings: EvidenceSettings | None) -> None:
        """Take in the settings in force: how much may be kept. Any thread; the folder stays."""
        self._settings = settings or self._settings

    def status(self) -> EvidenceStatus | None:
        """Return what the store has done so far; None until it has read its folder. Any thread."""
        store = self._store
        return None if store is None else store.status()

    def close(self, timeout_s: float) -> None:
        """Write what was accepted, for so long."""
        self.mailbox.close()
        self.worker.stop(timeout_s)

    def _picture(self, camera: int, note: dict[str, Any], heat: F32 | None) -> EvidencePicture | None:
        """Return a copy of a lent picture with what the model said of it; None if there is none any more."""
        slot = int(note.get("slot", -1))
        looking = self._cameras[camera]
        pixels = looking.borrower.copy(slot, int(note["generation"])) if slot >= 0 else None
        if pixels is None:
            return None
        name = looking.name if len(self._cameras) > 1 else ""
        return _picture_of(name, note, pixels, heat, looking.scene)

    def _step(self) -> bool:
        if self._store is None:
            # In this thread: a full folder takes seconds to read, and the line must not wait for it.
            self._store = self._open_store()
        settings = self._settings
        self._store.bound(settings.quota_mb * _MB, settings.min_free_mb * _MB)
        item = self.mailbox.take(timeout_s=0.1)
        if item is not None:
            self._store.write(item)
        return item is not None

    def _open_store(self) -> EvidenceStore:
        settings = self._settings
        return EvidenceStore(
            settings.folder,
            settings.format,
            settings.quota_mb * _MB,
            settings.min_free_mb * _MB,
            settings.annotated,
        )


def new_keeper(settings: LineSettings, views: Sequence[ReadyView], memory: LineMemory) -> EvidenceKeeper | None:
    """Return what keeps the line's evidence; None where none is kept."""
    if settings.evidence is None:
        return None
    cameras = [
        Looking(view.settings.camera.name, EvidenceBorrower(camera), scene_of(view.settings, view.bundle.manifest))
        for view, camera in zip(views, memory.cameras, strict=True)
    ]
    return EvidenceKeeper(settings.evidence, cameras)


def _picture_of(name: str, note: dict[str, Any], pixels: U8, heat: F32 | None, scene: Scene) -> EvidencePicture:
    corners_yx = scene.corners_yx
    places = np.array(note["tiles"], np.intp) if "tiles" in note else np.arange(len(corners_yx))
    is_left = np.isin(np.arange(len(corners_yx)), places)
    scores, over = None, None
    if "hits" in note:
        scores, over = np.zeros(len(places), np.float32), np.zeros(len(places), bool)
        for place, score in note["hits"]:
            row = int(np.searchsorted(places, place))
            scores[row], over[row] = score, True
    return EvidencePicture(
        camera=name,
        pixels=pixels,
        corners_yx=corners_yx[places],
        tile_hw=scene.tile_hw,
        tile_scores=scores,
        tile_over=over,
        heat=heat if heat is None or scene.inspected is None else np.where(scene.inspected[places], heat, 0.0),
        skipped_yx=corners_yx[~is_left],
        regions=scene.regions,
    )
