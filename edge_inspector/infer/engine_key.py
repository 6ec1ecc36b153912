"""What a compiled engine is made for, and whether a stored one is that. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from edge_inspector.infer.gpu_facts import GpuFacts
from edge_inspector.infer.providers import Profile
from edge_inspector.infer.runtime import TensorRtOptions

_ASKED = ("graph", "shapes", "options", "device_id")


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that a compiled engine depends on, in clear."""

    graph: str
    """sha256 of the ONNX file."""
    shapes: str
    """Smallest and largest input."""
    options: str
    """How it is compiled."""
    device_id: str
    """Which GPU the configuration names."""
    onnxruntime: str
    tensorrt: str
    driver: str
    gpu: str
    compute: str
    uuid: str
    """Of the very card: an engine from another PC is never taken, though its GPU may be of the same kind."""

    @property
    def folder_name(self) -> str:
        """Name of the engine's folder, by what the configuration asks for.

        What the PC brings (versions, GPU) is not in it: when that changes, the folder is found and what it holds does
        not fit, which is told and mended, instead of one more folder beside it.
        """
        asked = {part: getattr(self, part) for part in _ASKED}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return f"{self.graph[:16]}-{digest[:8]}"

    def stored(self) -> dict[str, str]:
        """Return it as it stands in key.json."""
        return asdict(self)

    def difference(self, stored: object) -> str | None:
        """Return the first part in which a stored key differs, in words; None when it is the same to the letter."""
        if not isinstance(stored, Mapping):
            return "its key cannot be read"
        mine = self.stored()
        for part, wanted in mine.items():
            if stored.get(part) != wanted:
                return f"{part} was {_shown(stored.get(part))}, is {_shown(wanted)}"
        if more := sorted(str(part) for part in stored.keys() - mine.keys()):
            return f"its key has parts that nobody knows: {', '.join(more)[:80]}"
        return None


def engine_key(
    graph: str, onnxruntime: str, facts: GpuFacts, profile: Profile, options: TensorRtOptions, device_id: int
) -> EngineKey:
    """Return the key of an engine.

    Args:
        graph: sha256 of the ONNX file.
        onnxruntime: Its version.
        facts: Of this PC.
        profile: Shapes, and whether the graph is quantised.
        options: How it is compiled.
        device_id: Which GPU the configuration names.
    """
    precision = "int8" if profile.is_int8 else "fp16" if options.half else "fp32"
    workspace = "all memory" if options.workspace_mib is None else f"{options.workspace_mib} MiB"
    return EngineKey(
        graph=graph,
        shapes=" to ".join(profile.shapes()),
        options=f"{precision}, level {options.builder_level}, {workspace}",
        device_id=str(device_id),
        onnxruntime=onnxruntime,
        tensorrt=facts.tensorrt,
        driver=facts.driver,
        gpu=facts.gpu,
        compute=facts.compute,
        uuid=facts.uuid,
    )


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
