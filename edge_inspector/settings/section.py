"""The base of every section: frozen, and strict about keys it does not know. Also what a path and a number are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

BASE_FOLDER = "base_folder"
"""Key of the validation context that holds the folder of the configuration file, an absolute Path."""

_NAME_BYTES = 255
"""Longest name of a file or folder on Linux (NAME_MAX, limits.h)."""


def _usable_path(text: object) -> object:
    if not isinstance(text, str):
        return text
    if not text.strip():
        raise PydanticCustomError("words", "is an empty path")
    if text.startswith("~"):
        # The daemon runs as a service user: its home is not the home of the person who wrote the file.
        raise PydanticCustomError("words", "begins with ~, which differs between users: write the path from / on")
    if not text.isprintable():
        raise PydanticCustomError("words", "holds a character that no path here may hold, such as a line break")
    if any(len(name.encode()) > _NAME_BYTES for name in text.split("/")):
        raise PydanticCustomError("words", f"holds a name of more than {_NAME_BYTES} bytes, which no disk here takes")
    return text


def _count_from_file(path: Path, info: ValidationInfo) -> Path:
    base: Path | None = (info.context or {}).get(BASE_FOLDER)
    # abspath, not resolve: a symbolic link that is switched later (models/current) must stay a link.
    return path if base is None else Path(os.path.abspath(base / path))


def _producer_from_file(text: str, info: ValidationInfo) -> str:
    if text in ("viky", "simulator"):  # producers without a camera: the acquire room finds them
        return text
    return str(_count_from_file(Path(text), info))


AnyPath = Annotated[Path, Field(strict=False), BeforeValidator(_usable_path), AfterValidator(_count_from_file)]
"""A path written as text; relative ones count from the folder of the configuration file."""

ProducerPath = Annotated[str, BeforeValidator(_usable_path), AfterValidator(_producer_from_file)]
"""Like AnyPath, as text; `viky` and `simulator` stay as they are."""


class Section(BaseModel):
    """A block of the configuration. The string under each field is its documentation, here and in the schema.

    Those strings are read by `reference` when it writes the documentation, not here: pydantic would parse the
    source at each import, three times as long as a configuration takes to load (16 ms against 5 ms).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
