"""The page of a dataset: what is in it, for people; one file, pictures inside, no script, no address outside."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import jinja2
import numpy as np

from export.data.alike import Pair
from export.data.index import Cutting
from export.data.look import decode, mask_of
from export.data.survey import Entry

if TYPE_CHECKING:
    from export.data.make import DatasetOptions

EXAMPLES = 8
"""Pictures of each label."""
SHOWN_PAIRS = 12
THUMB_PX = 420
"""Longer side of a picture on the page: a page of 40 stays about a megabyte."""
FOLDS = 5

OUTLINE_BGR = (40, 40, 230)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a dataset holds."""

    kind: str
    entries: tuple[Entry, ...]
    cutting: Cutting
    pairs: tuple[Pair, ...]
    """Of different groups before they were joined."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    data_sha256: str = ""

    @property
    def n_tiles(self) -> dict[str, int]:
        """Tiles by their truth."""
        looks = [entry.look for entry in self.entries]
        return {
            "OK": sum(look.n_ok for look in looks),
            "DEFECT": sum(look.n_defect for look in looks),
            "dropped": sum(look.n_dropped for look in looks),
        }

    def facts(self, options: DatasetOptions) -> dict[str, object]:
        """Return what dataset.json says beside how pictures are cut."""
        return {
            "source": self.kind,
            "options": asdict(options),
            "pictures": dict(sorted(Counter(e.look.label for e in self.entries).items())),
            "groups": len({entry.group for entry in self.entries}),
            "tiles": self.n_tiles,
            "alike_pairs": len(self.pairs),
            "data_sha256": self.data_sha256,
        }


def report_page(findings: Findings) -> str:
    """Return report.html; the same data give the same bytes."""
    return _render(findings, is_refused=False)


def refused_page(findings: Findings) -> str:
    """Return the page that shows which pictures of different groups are alike."""
    return _render(findings, is_refused=True)


def _render(findings: Findings, is_refused: bool) -> str:
    folder = Path(__file__).parent
    shelf = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    entries = findings.entries
    return shelf.get_template("report.html.j2").render(
        findings=findings,
        is_refused=is_refused,
        tiles=findings.n_tiles,
        counts=_counts(entries),
        classes=Counter(entry.found.cls or "(not said)" for entry in entries if entry.look.label == "DEFECT"),
        sizes=Counter(f"{e.look.hw[1]} × {e.look.hw[0]}" for e in entries).most_common(10),
        groups=_groups(entries),
        folds=_folds(entries),
        examples=[] if is_refused else [(label, _examples(entries, label)) for label in ("OK", "DEFECT")],
        pairs=[
            (pair, _shown(entries[pair.first]), _shown(entries[pair.second])) for pair in findings.pairs[:SHOWN_PAIRS]
        ],
    )


def _counts(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    rows = []
    for split in ("train", "test"):
        for label in ("OK", "DEFECT"):
            some = [e for e in entries if e.split == split and e.look.label == label]
            rows.append(
                {
                    "split": split,
                    "label": label,
                    "pictures": len(some),
                    "groups": len({e.group for e in some}),
                    "masks": sum(e.look.mask_px is not None for e in some),
                    "ok": sum(e.look.n_ok for e in some),
                    "defect": sum(e.look.n_defect for e in some),
                    "dropped": sum(e.look.n_dropped for e in some),
                }
            )
    return rows


def _groups(entries: Sequence[Entry]) -> dict[str, Any]:
    sizes = Counter(entry.group for entry in entries)
    return {"count": len(sizes), "largest": sizes.most_common(5), "single": sum(n == 1 for n in sizes.values())}


def _folds(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return what a fold will hold; which groups is drawn by `train`, with its own seed."""
    train = [entry for entry in entries if entry.split == "train"]
    ok, bad = {e.group for e in train if e.look.n_ok}, {e.group for e in train if e.look.n_defect}
    count = min(FOLDS, len(ok), len(bad))
    n_ok, n_bad = sum(e.look.n_ok for e in train), sum(e.look.n_defect for e in train)
    return {"count": count, "ok_groups": len(ok), "bad_groups": len(bad), "ok_tiles": n_ok, "bad_tiles": n_bad}


def _examples(entries: Sequence[Entry], label: str) -> list[dict[str, str]]:
    """Return some pictures of a label, of as many groups as can be, chosen by their content and so always the same."""
    by_chance = sorted(
        (e for e in entries if e.look.label == label), key=lambda e: hashlib.sha256(e.look.sha256.encode()).hexdigest()
    )
    nth: Counter[str] = Counter()
    ranked = []
    for entry in by_chance:
        ranked.append((nth[entry.group], entry))
        nth[entry.group] += 1
    first: Callable[[tuple[int, Entry]], int] = lambda pair: pair[0]  # noqa: E731 - typed for the sort
    return [_shown(entry) for _, entry in sorted(ranked, key=first)[:EXAMPLES]]


def _shown(entry: Entry) -> dict[str, str]:
    pixels = decode(entry.found.file.read_bytes(), entry.found.where)
    height, width = pixels.shape[:2]
    coloured = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else pixels[:, :, :3]
    scale = min(1.0, THUMB_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.ascontiguousarray(cv2.resize(coloured, size, interpolation=cv2.INTER_AREA))
    if (mask := mask_of(entry.found, (height, width))) is not None:
        # Grown by the scale before it is made small, so that a defect of few pixels keeps an outline.
        grown = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(1 / scale)))
        outlines, _ = cv2.findContours(
            cv2.resize(grown, size, interpolation=cv2.INTER_NEAREST), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(small, outlines, -1, OUTLINE_BGR, 1)
    data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return {
        "name": entry.found.file.name,
        "uri": "data:image/jpeg;base64," + base64.b64encode(data).decode(),
        "caption": f"{entry.look.label} {entry.found.cls}".strip() + f", group {entry.group}",
    }
