"""Whether a dataset is still the one that a run was trained on: the same pictures, cut the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_inspector.core.errors import UsageError
from export.data.index import Cutting, changed_files, data_sha256
from export.data.picture import Picture

NAMED = 5
"""Changed files that are named."""


def check_belongs(
    dataset: Path, pictures: Sequence[Picture], cutting: Cutting, run: Path, config: Mapping[str, Any]
) -> str:
    """Return the hash of the data; refuse other data than a run was trained on.

    Args:
        dataset: Its folder.
        pictures: Of its index.
        cutting: How it is cut.
        run: Folder of the run, for words.
        config: What config.json of the run holds; what it does not say is believed.

    Raises:
        UsageError: Something differs; files that changed since the dataset was made are named.
    """
    data = _object(config, "data")
    then, now, sha256 = _object(data, "cutting"), asdict(cutting), data_sha256(pictures)
    if gaps := [
        f"{name} is {now[name]!r}, was {then[name]!r}" for name in now if then.get(name, now[name]) != now[name]
    ]:
        raise UsageError(
            f"{dataset} is cut otherwise than the dataset that {run} was trained on: {'; '.join(gaps)}; name that one"
        )
    trained_on = data.get("sha256")
    if isinstance(trained_on, str) and trained_on != sha256:
        changed = changed_files(dataset, pictures)
        named = f": {len(changed)} files, first {', '.join(changed[:NAMED])}" if changed else ""
        raise UsageError(
            f"{dataset} changed since {run} was trained on it{named} (data hash {sha256[:12]}…, then "
            f"{trained_on[:12]}…); name the dataset of the run, bring the old files back, or train again in "
            "another folder"
        )
    return sha256


def _object(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}
