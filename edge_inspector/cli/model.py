"""`model import|verify|list|qualify`: bundles from a workstation, proven on this computer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_inspector.cli.qualify import qualify
from edge_inspector.core.errors import UsageError

if TYPE_CHECKING:
    from edge_inspector.app.models import Place
    from edge_inspector.settings.line import LineSettings

_of_line = click.option(
    "--config",
    "-c",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration of a line: its trusted keys, its provider; its bundle is never removed.",
)
_keys = click.option(
    "--keys",
    "-k",
    multiple=True,
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Public key to trust, or a folder of them; without --config.",
)
_unsigned = click.option("--unsigned", is_flag=True, help="Take also what no trusted key signed; without --config.")
_store = click.option(
    "--store",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the store.  [default: where the configuration's bundle lies; models]",
)


@click.group()
def model() -> None:
    """Take model bundles from a workstation, prove them here, and keep the last five of each name.

    A bundle that is damaged, not signed as the configuration demands, or answers otherwise here than where it was
    exported is refused with 66 and words.
    """


model.add_command(qualify)


@model.command("import")
@click.argument("source", metavar="ZIP|FOLDER", type=click.Path(path_type=Path))
@_store
@_of_line
@_keys
@_unsigned
def import_model(source: Path, store: Path | None, config: Path | None, keys: tuple[Path, ...], unsigned: bool) -> None:
    """Prove a bundle and copy it into the store as NAME@VERSION: whole, or not at all.

    Nothing runs with it yet: name it in `model.bundle` of the configuration and start the line again.
    """
    from edge_inspector.app.models import take

    settings = _settings(config)
    imported, told = take(source, _store_of(store, settings), _place(settings, keys, unsigned))
    for sentence in told:
        click.echo(f"  {sentence}")
    if imported.mended:
        click.echo(f"replaced the copy that was there: {imported.mended}")
    click.echo(f"{'imported' if imported.is_new else 'is there already'}: {imported.path}")
    for label in imported.removed:
        click.echo(f"removed, since five newer ones are kept: {label}")


@model.command()
@click.argument("bundle", metavar="ZIP|FOLDER", type=click.Path(path_type=Path))
@_of_line
@_keys
@_unsigned
def verify(bundle: Path, config: Path | None, keys: tuple[Path, ...], unsigned: bool) -> None:
    """Prove a bundle here: every hash, its signature, and what it answers to its golden tiles."""
    from edge_inspector.app.models import prove

    for sentence in prove(bundle, _place(_settings(config), keys, unsigned)):
        click.echo(f"  {sentence}")
    click.secho("proven", fg="green")


@model.command("list")
@_store
@_of_line
@_keys
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def list_models(store: Path | None, config: Path | None, keys: tuple[Path, ...], as_json: bool) -> None:
    """Show the bundles of a store, the newest first, and who signed them."""
    from edge_inspector.app.models import listed

    settings = _settings(config)
    where = _store_of(store, settings)
    found = listed(where, _place(settings, keys, unsigned=True).trust)
    if as_json:
        rows = [
            {
                "bundle": one.label,
                "path": str(one.path),
                "precisions": one.precisions,
                "signer": one.signing.signer,
                "key": one.signing.key,
                "running": one.is_held,
                "fault": one.fault,
            }
            for one in found
        ]
        click.echo(json.dumps(rows))
        return
    for one in found:
        said = one.fault or f"{', '.join(one.precisions)}; {one.signing}"
        click.echo(f"{one.label:<40}  {said}{'; a line runs with it' if one.is_held else ''}")
    if not found:
        click.echo(f"{where} holds no imported bundle: edge-inspector model import ZIP --store {where}")


def _settings(config: Path | None) -> LineSettings | None:
    from edge_inspector.settings.load import load_line

    return None if config is None else load_line(config)


def _place(settings: LineSettings | None, keys: tuple[Path, ...], unsigned: bool) -> Place:
    from edge_inspector.app.models import Place, place_of_line
    from edge_inspector.bundle.signature import Trust, read_trusted

    if settings is None:
        return Place(Trust(read_trusted(keys), "allow" if unsigned else "refuse"))
    if keys:
        raise UsageError("--keys is for use without --config, which names the trusted keys itself (model.trusted_keys)")
    return place_of_line(settings)


def _store_of(store: Path | None, settings: LineSettings | None) -> Path:
    if store is not None:
        return store
    return Path("models") if settings is None else settings.model.bundle.parent
