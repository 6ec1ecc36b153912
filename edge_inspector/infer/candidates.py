"""Everything a bundle could run on, in one list: what is here of it, each must show by itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

from edge_inspector.infer.runtime import ProviderName
from edge_inspector.settings.model import ModelSettings

HALF = "fp16"
"""The fp32 graph, computed in half precision where the library may."""
_WITH_HALF = ("tensorrt",)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A library and a precision, as `model.provider` and `model.precision` name them."""

    provider: str
    precision: str

    @property
    def graph(self) -> str:
        """The bundle's precision whose graph it runs."""
        return "fp32" if self.precision == HALF else self.precision

    def __str__(self) -> str:
        """Return what people call it, such as `cpu int8`."""
        return f"{self.provider} {self.precision}"


REFERENCE = Candidate("cpu", "fp32")
"""Here on every computer, and what a bundle's limits were chosen with."""


def candidates(precisions: Collection[str]) -> list[Candidate]:
    """Return what could run a bundle, the simplest first: what needs nothing else, and changes no answer.

    Args:
        precisions: Of the bundle's graphs.
    """
    known = get_args(ModelSettings.model_fields["precision"].annotation)
    return [
        found
        for provider in get_args(ProviderName)
        for precision in known
        if (found := Candidate(provider, precision)).graph in precisions
        and (precision != HALF or provider in _WITH_HALF)
    ]
