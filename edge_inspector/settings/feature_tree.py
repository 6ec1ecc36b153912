"""`features:` of a camera: values, and blocks below selectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from edge_inspector.core.features import FeatureValue

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
MAX_SELECTORS = 2
"""One within the other: more than SFNC knows anywhere."""

FeatureName = Annotated[str, Field(pattern=_NAME)]
_Inner = dict[str, dict[FeatureName, FeatureValue]]
_Block = dict[str, dict[FeatureName, FeatureValue | _Inner]]


def _check(value: object) -> object:
    _check_value(value, "", 0)
    return value


def _check_value(value: object, where: str, depth: int) -> None:
    if isinstance(value, Mapping):
        if depth == MAX_SELECTORS:
            raise _words(f"{where}selectors stand at most {MAX_SELECTORS} deep")
        if not value:
            raise _words(f"{where}is empty: name an entry of the selector, and below it its features")
        for entry, block in value.items():
            _check_block(block, f"{where}{entry}: ", depth)
    elif value is None:
        raise _words(f"{where}is empty: it must be a value, or below a selector a block of its entries")
    elif not isinstance(value, bool | int | float | str):
        raise _words(
            f"{where}must be true or false, a whole number, a number, or text; below a selector a block of its "
            "entries; not a list"
        )


def _check_block(block: Any, where: str, depth: int) -> None:
    if not isinstance(block, Mapping):
        raise _words(f"{where}must be a block of features, as in TriggerSelector: {{FrameStart: {{TriggerMode: On}}}}")
    for name, value in block.items():
        if not re.fullmatch(_NAME, str(name)):
            raise _words(f"{where}{name} is no GenICam feature name: those are letters, digits and _")
        _check_value(value, f"{where}{name}: ", depth + 1)


def _words(what: str) -> PydanticCustomError:
    return PydanticCustomError("words", what)  # its braces stay: it is given nothing to fill in


FeatureTree = dict[FeatureName, Annotated[FeatureValue | _Block, BeforeValidator(_check)]]
"""Names to values in the order of writing; see `core.features`."""
