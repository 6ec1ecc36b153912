"""What is written to a camera: names and values in order, blocks below selectors among them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FeatureValue = bool | int | float | str
Features = Mapping[str, Any]
"""Name to value, in the order of writing. A value that is a mapping makes its name a selector: each key of it is an
entry that is selected, each value the features that are then written, selectors among them again."""

Place = tuple[tuple[str, str], ...]
"""What is selected: selectors and their entries, the outermost first."""


@dataclass(frozen=True, slots=True)
class Step:
    """One feature to write."""

    name: str
    value: FeatureValue
    at: Place
    """What must be selected."""

    def __str__(self) -> str:
        """Return the name, with what is selected, such as `TriggerMode (TriggerSelector=FrameStart)`."""
        return named(self.name, self.at)


def named(name: str, at: Place) -> str:
    """Return a feature's name for a message, with what is selected."""
    return f"{name} ({', '.join(f'{selector}={entry}' for selector, entry in at)})" if at else name


def steps_of(features: Features, at: Place = ()) -> Iterator[Step]:
    """Yield each feature with what is selected when it is written; the selectors of blocks are no steps of their own.

    A selector that is written as a plain value selects for everything after it in its block.
    """
    for name, value in features.items():
        if isinstance(value, Mapping):
            for entry, block in value.items():
                yield from steps_of(block, selected(at, name, entry))
        else:
            yield Step(name, value, at)
            if name.endswith("Selector"):
                at = selected(at, name, str(value))


def selected(at: Place, selector: str, entry: str) -> Place:
    """Return a place with one selector switched."""
    return (*(one for one in at if one[0] != selector), (selector, entry))


def without(features: Features, own: Features) -> dict[str, Any]:
    """Return `features` less what `own` sets at the same place: `own` is written after it, and wins."""
    return _left(features, [(step.name, frozenset(step.at)) for step in steps_of(own)], ())


def _left(features: Features, taken: Collection[tuple[str, frozenset[tuple[str, str]]]], at: Place) -> dict[str, Any]:
    left: dict[str, Any] = {}
    for name, value in features.items():
        if isinstance(value, Mapping):
            blocks = {entry: _left(block, taken, selected(at, name, entry)) for entry, block in value.items()}
            if kept := {entry: block for entry, block in blocks.items() if block}:
                left[name] = kept
        # What was selected before by plain values stays selected: it does not make another place.
        elif not any(name == own and place.issuperset(at) for own, place in taken):
            left[name] = value
    return left
