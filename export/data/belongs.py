"""Whether a dataset is cut as the one that a run was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import UsageError
from export.data.index import Cutting


def check_cutting(dataset: Path, cutting: Cutting, config: Mapping[str, Any]) -> None:
    """Refuse a dataset of the same pictures that cuts or counts them in another way.

    Args:
        dataset: Its folder.
        cutting: How it is cut.
        config: What config.json of the run holds; one that does not say how its data was cut is believed.

    Raises:
        UsageError: The two differ; each difference is named.
    """
    data = config.get("data")
    then = data.get("cutting") if isinstance(data, Mapping) else None
    now = asdict(cutting)
    gaps = [f"{name} is {now[name]!r}, was {value!r}" for name, value in (then or {}).items() if now.get(name) != value]
    if gaps:
        raise UsageError(
            f"{dataset} is cut otherwise than the dataset that the run was trained on: {'; '.join(gaps)}; name that one"
        )
