"""What `model import|verify|list` do: prove bundles here, without a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from edge_inspector.app.trust import trust_of
from edge_inspector.bundle.load import load_bundle, open_files, read_manifest
from edge_inspector.bundle.signature import ANYONE, UNSIGNED, Signing, Trust
from edge_inspector.bundle.store import Imported, entries, import_bundle, is_held
from edge_inspector.core.errors import BundleError, EngineError
from edge_inspector.core.frame import FrameShape
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.runtime import Hardware, ProviderName
from edge_inspector.settings.line import LineSettings

_CHUNKS = 9
"""Tiles of the frame that the proof runs on: chunks of 5 and 4 then, so that two sizes are proven."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where bundles are proven, and whose are taken."""

    trust: Trust
    provider: ProviderName = "cpu"
    device_id: int = 0
    kept: frozenset[Path] = frozenset()
    """Bundles that the configuration names."""


def place_of_line(settings: LineSettings) -> Place:
    """Return what a line's configuration says of it; its first camera's model counts.

    Raises:
        KeysError: A key that is to be trusted cannot be read.
    """
    model = settings.model
    # A line that asks no model can still take bundles; they are proven on the CPU then.
    # TensorRT compiles for minutes, and a line may be inspecting on the same GPU: its engine is made and proven when
    # the line takes the bundle. Here the same GPU answers without a compiler.
    here: dict[str, ProviderName] = {"null": "cpu", "tensorrt": "cuda"}
    provider = here.get(model.provider, cast(ProviderName, model.provider))
    kept = frozenset(view.model.bundle for view in settings.views())
    return Place(trust_of(model), provider, model.device_id, kept)


def prove(path: Path, place: Place) -> list[str]:
    """Prove a bundle whole: hashes, signature, and its golden tiles in each precision; returns what that showed.

    Raises:
        BundleError: It is not right, or answers otherwise here than where it was exported.
        EngineError: The provider cannot be had here.
    """
    with open_files(path) as files:
        manifest, signing = read_manifest(path, files, place.trust)
    told = [f"{manifest.label}, build {manifest.build}, of {manifest.created_utc}: {signing}"]
    for precision in manifest.precisions:
        bundle = load_bundle(path, precision, trust=place.trust)
        height, width, channels = manifest.tile_hwc
        engine = OnnxEngine(
            bundle,
            FrameShape(height * _CHUNKS, width, channels),
            hardware=Hardware(place.provider, place.device_id),
        )
        try:
            engine.verify()
        except EngineError as error:
            raise BundleError(f"{path}: does not prove itself here ({precision}): {error}") from error
        sizes = " and ".join(str(size) for size in sorted(set(engine.chunk_sizes)))
        told.append(
            f"{precision}: {len(bundle.golden)} golden tiles answered within tolerance on {place.provider}, in chunks "
            f"of {sizes}; sha256 {bundle.model_sha256[:16]}"
        )
    return [*told, f"{len(manifest.files)} files are what the manifest says"]


def take(source: Path, store: Path, place: Place) -> tuple[Imported, list[str]]:
    """Import a bundle into a store; returns what became of it, and what its proof showed.

    Raises:
        BundleError: It is not taken; nothing is left in the store.
        EngineError: The provider cannot be had here.
    """
    told: list[str] = []
    imported = import_bundle(source, store, place.trust, lambda copy: told.extend(prove(copy, place)), place.kept)
    return imported, told


@dataclass(frozen=True, slots=True)
class Listed:
    """One bundle of a store, for people and programs."""

    label: str
    path: Path
    precisions: tuple[str, ...]
    signing: Signing
    is_held: bool
    """A running line uses it."""
    fault: str
    """Why it cannot be used; empty when its manifest and signature are right."""


def listed(store: Path, trust: Trust) -> list[Listed]:
    """Return the bundles of a store, the newest first. Hashes are not compared: `model verify` does that."""
    return [_listed(entry.path, entry.label, trust) for entry in entries(store)]


def _listed(path: Path, label: str, trust: Trust) -> Listed:
    try:
        with open_files(path) as files:
            manifest, signing = read_manifest(path, files, Trust(trust.keys, ANYONE.unsigned))
    except BundleError as error:
        return Listed(label, path, (), UNSIGNED, is_held(path), str(error))
    return Listed(label, path, tuple(manifest.precisions), signing, is_held(path), "")
