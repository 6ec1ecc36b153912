"""How well alike pictures are told from others of the same product: hits, false alarms and copies of a dataset folder.

$ python -m benchmarks.alike FOLDER …
"""

from __future__ import annotations

import itertools
from pathlib import Path

import click
import cv2
import numpy as np

from edge_inspector.core.frame import U8
from export.data.alike import MAX_BITS, MIN_MATCH, detail_of, hash_of, match_of
from export.data.index import read_index

COPIES = ("JPEG 50", "JPEG 80", "0.7 light", "half size", "noise 3", "moved 1 %", "enlarged 1 %")
SAMPLE = 40


def copies_of(grey: U8, chance: np.random.Generator) -> dict[str, tuple[U8, U8]]:
    """Return a picture and its copy, by what was done to it."""
    height, width = grey.shape
    dy, dx = max(1, height // 100), max(1, width // 100)

    def jpeg(quality: int) -> U8:
        data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        pixels = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        assert pixels is not None
        return pixels.astype(np.uint8)

    noisy = np.clip(grey + chance.normal(0, 3, grey.shape), 0, 255).astype(np.uint8)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    plain = [jpeg(50), jpeg(80), (grey * 0.7).astype(np.uint8), half.astype(np.uint8), noisy]
    pairs: list[tuple[U8, U8]] = [(grey, copy) for copy in plain]
    pairs += [(grey[:-dy, :-dx], grey[dy:, dx:]), (grey, grey[dy:-dy, dx:-dx])]
    return dict(zip(COPIES, pairs, strict=True))


def told(first: U8, second: U8) -> bool:
    is_near = (hash_of(first) ^ hash_of(second)).bit_count() <= MAX_BITS
    return is_near and match_of(detail_of(first), detail_of(second)) >= MIN_MATCH


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folders: tuple[Path, ...]) -> None:
    """Print how many pairs are called alike inside groups and across them, and how many copies are found."""
    for folder in folders:
        pictures = read_index(folder)
        greys = [cv2.cvtColor(picture.pixels(), cv2.COLOR_RGB2GRAY).astype(np.uint8) for picture in pictures]
        hashes, details = [hash_of(grey) for grey in greys], [detail_of(grey) for grey in greys]
        count = {side: [0, 0, 0] for side in (True, False)}
        best = 0.0
        for i, j in itertools.combinations(range(len(pictures)), 2):
            row = count[is_same := pictures[i].group == pictures[j].group]
            row[0] += 1
            if (hashes[i] ^ hashes[j]).bit_count() <= MAX_BITS:
                row[1] += 1
                match = match_of(details[i], details[j])
                row[2] += match >= MIN_MATCH
                best = best if is_same else max(best, match)
        for is_same, (pairs, near, alike) in count.items():
            side = "same group" if is_same else "other groups"
            click.echo(f"{folder.name}: {side}: {pairs} pairs, {near} by hash, {alike} alike")
        click.echo(f"{folder.name}: most alike of other groups {best:.2f}")
        chance = np.random.default_rng(0)
        chosen = chance.choice(len(greys), min(SAMPLE, len(greys)), replace=False)
        found = [{name: told(*pair) for name, pair in copies_of(greys[row], chance).items()} for row in chosen.tolist()]
        for name in COPIES:
            click.echo(f"{folder.name}: {name}: {sum(one[name] for one in found)} of {len(found)} copies found")


if __name__ == "__main__":
    main()
