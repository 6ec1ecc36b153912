"""Verdicts that change between engines and precisions on tiles that no model was trained on.

$ python -m export dataset PICTURES DATASET --part row      as the bundle's report says that it was made
$ python -m benchmarks.flips BUNDLE DATASET
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import click
import numpy as np

from edge_inspector.bundle.golden import MOST_FLIPS
from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EdgeInspectorError
from edge_inspector.core.frame import F32, U8
from edge_inspector.infer.load import load_runtime
from edge_inspector.infer.runtime import Hardware, ProviderName
from export.data.index import read_cutting, read_index
from export.run_folder import RunFolder
from export.ship.differ import compare, counting
from export.ship.material import Material

PROVIDERS: tuple[ProviderName, ...] = ("cpu", "openvino")
CHUNK = 8
"""As a line asks."""


def tiles_of(dataset: Path) -> U8:
    """Return the labelled tiles of the test split, uint8 (n, 256, 256, 3)."""
    material = Material(read_index(dataset), read_cutting(dataset), RunFolder(dataset))
    return material.pixels(material.tiles_of("test"))


def answers(bundle: Bundle, provider: ProviderName, tiles: U8) -> tuple[F32, F32]:
    """Return scores (n, n_labels) and heat (n, h', w') of tiles, in chunks as a line asks."""
    manifest = bundle.manifest
    scores = np.full((CHUNK, len(manifest.labels)), np.nan, np.float32)
    heat = np.full((CHUNK, *manifest.heat_hw), np.nan, np.float32)
    runtime = load_runtime(bundle, Hardware(provider), {CHUNK})
    outputs = {manifest.scores_name: scores, manifest.heat_name: heat}
    batch = runtime.bind(np.zeros((CHUNK, *manifest.tile_hwc), np.uint8), outputs)
    found = []
    for start in range(0, len(tiles), CHUNK):
        n = len(chosen := tiles[start : start + CHUNK])
        batch.tiles[:n] = chosen
        batch.run()
        found.append((scores[:n].copy(), heat[:n].copy()))
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])


def rows(bundle: Path, tiles: U8) -> Iterator[str]:
    """Yield one line for each engine and precision: how its verdicts differ from those of ONNX Runtime in fp32."""
    exact: tuple[F32, F32] | None = None
    precisions: Sequence[str] = load_bundle(bundle, trust=ANYONE).manifest.precisions
    for precision, provider in product(precisions, PROVIDERS):
        loaded = load_bundle(bundle, precision, trust=ANYONE)
        [limit] = loaded.manifest.limits.values()
        other = answers(loaded, provider, tiles)
        if exact is None:
            exact = other
            yield f"{provider} {precision}: {int(counting(exact[0], limit).sum())} of {len(tiles)} tiles reach {limit}"
            continue
        gap = compare(exact, other, limit)
        share = gap["flips"] / len(tiles)
        word = "" if share <= MOST_FLIPS else f", OVER {MOST_FLIPS:.1%}"
        yield (
            f"{provider} {precision}: {gap['flips']} verdicts change ({share:.2%}{word}), scores by at most "
            f"{gap['score_gap']:.2g}, margins by {gap['margin_rms']:.2g} of their spread"
        )


@click.command()
@click.argument("bundle", type=click.Path(exists=True, path_type=Path))
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(bundle: Path, dataset: Path) -> None:
    """Compare each engine and precision of a bundle of two labels with ONNX Runtime in fp32."""
    try:
        for row in rows(bundle, tiles_of(dataset)):
            click.echo(row)
    except EdgeInspectorError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
