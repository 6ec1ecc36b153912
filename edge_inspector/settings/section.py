"""The base of every section: frozen, and strict about keys it does not know."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

AnyPath = Annotated[Path, Field(strict=False)]
"""A path written as text; relative ones count from the folder of the configuration file."""


class Section(BaseModel):
    """A block of the configuration. The string under each field is its documentation, here and in the schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
