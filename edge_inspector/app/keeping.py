"""Evidence in main: from a verdict note and a lent slot to the store, in a thread of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_inspector.app.regions import Scene
from edge_inspector.core.frame import F32, U8
from edge_inspector.record.evidence import EvidenceStatus, EvidenceStore
from edge_inspector.record.item import EvidenceItem
from edge_inspector.record.mailbox import EvidenceMailbox
from edge_inspector.run.ring import EvidenceBorrower
from edge_inspector.run.scheduling import EVIDENCE_NICE
from edge_inspector.run.worker import Worker
from edge_inspector.settings.output import EvidenceSettings

MAILBOX_ITEMS = 32
"""Pictures that may wait for the disk: 40 MB of 1600x256 strips, about 2 s of rejects while a disk stalls."""
_MB = 1_000_000


class EvidenceKeeper:
    """Copies lent pictures and hands them to a worker that writes them."""

    def __init__(
        self,
        settings: EvidenceSettings,
        borrower: EvidenceBorrower,
        scene: Scene,
    ) -> None:
        self._borrower, self._scene = borrower, scene
        self.mailbox = EvidenceMailbox(MAILBOX_ITEMS)
        self._settings = settings
        self._store: EvidenceStore | None = None
        self.taken_back = 0
        """Pictures that the camera needed back before they were copied."""
        self.worker = Worker("evidence", self._step, drains=True, nice=EVIDENCE_NICE)

    def keep(self, note: dict[str, Any], heat: F32 | None) -> None:
        """Take one verdict note; never waits. The slot, if any, is given back before this returns."""
        body = note["body"]
        slot = int(note["slot"])
        pixels = self._borrower.copy(slot, int(note["generation"])) if slot >= 0 else None
        if body["evidence_id"] is None:
            return
        if slot >= 0 and pixels is None:
            self.taken_back += 1
            return
        self.mailbox.offer(_item(note, pixels, heat, self._scene))

    def status(self) -> EvidenceStatus | None:
        """Return what the store has done so far; None until it has read its folder. Any thread."""
        store = self._store
        return None if store is None else store.status()

    def close(self, timeout_s: float) -> None:
        """Write what was accepted, for so long."""
        self.mailbox.close()
        self.worker.stop(timeout_s)

    def _step(self) -> bool:
        if self._store is None:
            # In this thread: a full folder takes seconds to read, and the line must not wait for it.
            self._store = self._open_store()
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


def _item(note: dict[str, Any], pixels: U8 | None, heat: F32 | None, scene: Scene) -> EvidenceItem:
    body, corners_yx = note["body"], scene.corners_yx
    places = np.array(note["tiles"], np.intp) if "tiles" in note else np.arange(len(corners_yx))
    is_left = np.isin(np.arange(len(corners_yx)), places)
    scores, over = None, None
    if "hits" in note:
        scores, over = np.zeros(len(places), np.float32), np.zeros(len(places), bool)
        for place, score in note["hits"]:
            row = int(np.searchsorted(places, place))
            scores[row], over[row] = score, True
    return EvidenceItem(
        evidence_id=body["evidence_id"],
        pixels=pixels,
        body=body,
        captured_utc_us=body["t_trigger_utc_us"],
        corners_yx=corners_yx[places],
        tile_hw=scene.tile_hw,
        tile_scores=scores,
        tile_over=over,
        heat=heat if heat is None or scene.inspected is None else np.where(scene.inspected[places], heat, 0.0),
        skipped_yx=corners_yx[~is_left],
        regions=scene.regions,
    )
