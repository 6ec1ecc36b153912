"""The commands `onnx`, `quantize`, `verify`, `bundle`, `keys` and `strips`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from export.cli.next_step import tell_next

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(path_type=Path)

dataset_argument = click.argument("dataset", type=FOLDER)
run_argument = click.argument("run", type=FOLDER)

COMPARED = 24
"""Tiles that `onnx` compares on: enough to see that two functions are one; `verify` asks thousands."""


@click.command()
@dataset_argument
@run_argument
def onnx(dataset: Path, run: Path) -> None:
    """Write model.onnx: normalisation, network, calibration and heat map in one graph; compared with torch."""
    from export.judge.calibrate import load_calibration
    from export.ship.material import load_final, load_material, proof_tiles
    from export.ship.to_onnx import check_parity, write_onnx

    material = load_material(dataset, run)
    calibration, network, file = load_calibration(run), load_final(run), material.run.model
    write_onnx(network, calibration, material.cutting.tile_hw, file)
    pixels = material.pixels(proof_tiles(material, COMPARED).tiles)
    score_gap, heat_gap = check_parity(network, calibration, file, pixels)
    click.echo(
        f"{file}: {file.stat().st_size / 1e6:.1f} MB; torch lies {score_gap:.1e} in scores, {heat_gap:.1e} in heat"
    )
    tell_next("onnx")


@click.command()
@dataset_argument
@run_argument
def quantize(dataset: Path, run: Path) -> None:
    """Write model.int8.onnx: every way is tried and measured against fp32, and the closest one kept."""
    from export.ship.choose_int8 import choose_int8
    from export.ship.material import load_material

    material = load_material(dataset, run)
    best = choose_int8(material, click.echo)
    click.echo(f"{material.run.model_int8}: {best.name}; what was measured: {material.run.quantization}")
    tell_next("quantize")


@click.command()
@dataset_argument
@run_argument
def verify(dataset: Path, run: Path) -> None:
    """Compare torch, fp32 and INT8 on the same tiles, and time both graphs. Ends with 1 beyond the tolerance."""
    from export.ship.material import load_material
    from export.ship.verify import sentences
    from export.ship.verify import verify as do_verify

    result = do_verify(load_material(dataset, run))
    for sentence in sentences(result):
        click.echo(sentence)
    faults = [fault for found in result["faults"].values() for fault in found]
    for fault in faults:
        click.echo(f"beyond the tolerance: {fault}", err=True)
    if faults:
        sys.exit(1)
    tell_next("verify")


@click.command()
@dataset_argument
@run_argument
@click.argument("out", type=NEW)
@click.option("--name", required=True, help="Name of the bundle, such as bsdata-pitting.")
@click.option("--version", required=True, help="Version of the bundle, such as 1.0.0.")
@click.option("--build", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True)
@click.option("--licence", required=True, help="One line on the licence of weights and golden tiles.")
@click.option("--data-name", required=True, help="What the pictures are, and where they come from.")
@click.option("--data-licence", type=FILE, required=True, help="Text that goes beside the golden tiles.")
@click.option("--data-attribution", type=FILE, required=True, help="Attribution that goes beside the golden tiles.")
@click.option("--sign", "key_file", type=NEW, metavar="KEYFILE", help="Secret key that signs it: export keys new.")
@click.option("--fp32-only", is_flag=True, help="Leave INT8 out.")
@click.option("--zip", "as_zip", is_flag=True, help="Also write OUT.zip, for a USB stick.")
def bundle(
    dataset: Path,
    run: Path,
    out: Path,
    key_file: Path | None,
    fp32_only: bool,
    as_zip: bool,
    **text: str | int | Path,
) -> None:
    """Put the run together as a bundle with golden tiles. The same run gives the same bytes."""
    from export.ship.bundle import BundleText, write_bundle
    from export.ship.keys import read_secret
    from export.ship.material import load_material

    words = BundleText(**text)  # type: ignore[arg-type]
    key = None if key_file is None else read_secret(key_file)
    zip_file = out.with_name(out.name + ".zip") if as_zip else None
    made = write_bundle(load_material(dataset, run), out, words, key, fp32_only=fp32_only, zip_file=zip_file)
    precisions = ", ".join(made.manifest.precisions)
    signed = "NOT SIGNED (--sign)" if key is None else f"signed ({made.signing.key[:16]})"
    click.echo(f"{out}: {made.label}, {precisions}, {len(made.golden)} golden tiles, {signed}")
    if zip_file is not None:
        click.echo(f"{zip_file}: {zip_file.stat().st_size / 1e6:.1f} MB; on the line: edge-inspector model import")


@click.group()
def keys() -> None:
    """Keys that sign bundles."""


@keys.command()
@click.argument("name")
@click.argument("folder", type=NEW)
def new(name: str, folder: Path) -> None:
    """Make a pair. NAME.key is secret and stays here; NAME.pub goes to every line (model.trusted_keys)."""
    from export.ship.keys import make_keys

    secret_file, public_file = make_keys(name, folder)
    click.echo(f"{secret_file}: secret, for you alone; whoever has it can sign as {name}")
    click.echo(f"{public_file}: copy it to the lines, and name it in model.trusted_keys of their configuration")


@click.command()
@dataset_argument
@click.argument("out", type=NEW)
@click.option("--count", type=click.IntRange(2), default=30, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def strips(dataset: Path, out: Path, count: int, seed: int) -> None:
    """Cut strips of pictures, half of them sound, with their truth, for the demo."""
    from export.data.strips import write_strips

    click.echo(f"{out}: {write_strips(dataset, out, count, seed)} strips and truth.csv")
