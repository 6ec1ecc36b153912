"""The score from which a tile counts, per label. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge_inspector.core.errors import Mistake, SettingsError
from edge_inspector.core.frame import F32


def merged_limits(
    labels: tuple[str, ...], bundled: Mapping[str, float], configured: Mapping[str, float], config_file: str
) -> F32:
    """Return the limit of every label: the configured one where there is one, else the bundle's.

    Args:
        labels: The bundle's labels; the first means OK and never counts, so it takes no limit.
        bundled: The bundle's own limits, by label.
        configured: `decide.limits` of the configuration, by label.
        config_file: Path of the configuration as the person gave it, for the error.

    Returns:
        Shape (n_labels,), read-only; infinity for the first label. A limit is rounded to float32 downwards, so that
        rounding can only reject more.

    Raises:
        SettingsError: A limit for a label that the bundle does not have, a label without any limit (never a limit
            by default: that would pass what nobody looked at), or a limit outside 0 to 1.
    """
    mistakes = [
        Mistake(config_file, None, f"decide.limits.{label}", _unknown(label, labels))
        for label in configured
        if label not in labels[1:]
    ]
    limits = np.full(len(labels), np.inf, np.float32)
    for place, label in enumerate(labels[1:], start=1):
        limit = configured.get(label, bundled.get(label))
        if limit is None:
            what = f"{label} has no limit: the bundle brings none, so write one here, such as 0.5"
            mistakes.append(Mistake(config_file, None, f"decide.limits.{label}", what))
        elif not (limit <= 1.0 and _rounded_down(limit) > 0.0):  # a limit of 1e-50 is 0 in float32
            what = f"a limit lies over 0 and at most at 1, not at {limit}"
            mistakes.append(Mistake(config_file, None, f"decide.limits.{label}", what))
        else:
            limits[place] = _rounded_down(limit)
    if mistakes:
        raise SettingsError(mistakes)
    limits.flags.writeable = False
    return limits


def _unknown(label: str, labels: tuple[str, ...]) -> str:
    if labels and label == labels[0]:
        return f"{label} is the label of a good tile and takes no limit; the others are {', '.join(labels[1:])}"
    return f"the bundle has no label {label}; limits can be set for {', '.join(labels[1:])}"


def _rounded_down(limit: float) -> np.float32:
    nearest = np.float32(limit)
    return np.nextafter(nearest, np.float32(0.0)) if float(nearest) > limit else nearest
