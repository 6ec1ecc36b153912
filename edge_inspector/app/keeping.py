"""Evidence in main: from a verdict note and a lent slot to the store, in a thread of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_inspector.bundle.manifest import Manifest
from edge_inspector.core.frame import F32, FrameShape, Index
from edge_inspector.record.evidence import EvidenceStatus, EvidenceStore
from edge_inspector.record.item import EvidenceItem
from edge_inspector.record.mailbox import EvidenceMailbox
from edge_inspector.run.ring import EvidenceBorrower
from edge_inspector.run.worker import Worker
from edge_inspector.settings.output import EvidenceSettings
from edge_inspector.tile.grid import grid_corners

MAILBOX_ITEMS = 32
"""Pictures that may wait for the disk: 40 MB of 1600x256 strips, about 2 s of rejects while a disk stalls."""
_MB = 1_000_000


class EvidenceKeeper:
    """Copies lent pictures and hands them to a worker that writes them."""

    def __init__(
        self,
        settings: EvidenceSettings,
        borrower: EvidenceBorrower,
        frame: FrameShape,
        manifest: Manifest,
        overlap: int,
        limits: F32,
    ) -> None:
        self._borrower, self._manifest, self._limits = borrower, manifest, limits
        self._corners_yx: Index = grid_corners((frame.height, frame.width), manifest.tile_hw, overlap)
        self.mailbox = EvidenceMailbox(MAILBOX_ITEMS)
        self._settings = settings
        self._store: EvidenceStore | None = None
        self.taken_back = 0
        """Pictures that the camera needed back before they were copied."""
        self.worker = Worker("evidence", self._step, drains=True)

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
        scores = np.array(note["scores"], np.float32) if "scores" in note else None
        self.mailbox.offer(
            EvidenceItem(
                evidence_id=body["evidence_id"],
                pixels=pixels,
                body=body,
                captured_utc_us=body["t_trigger_utc_us"],
                corners_yx=self._corners_yx,
                tile_hw=self._manifest.tile_hw,
                tile_scores=None if scores is None else 1.0 - scores[:, 0],
                tile_over=None if scores is None else np.any(scores >= self._limits, axis=1),
                heat=heat,
            )
        )

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
