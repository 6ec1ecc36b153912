"""How the simulated producer's file is called, so that its pictures are known for what they are."""

from __future__ import annotations

from pathlib import PurePath

PREFIX = "simulator-"
"""Of the compiled file; what follows changes with the sources."""


def is_simulator(cti: str) -> bool:
    """Return whether a producer is the simulated one: by its short name, or by the name of its file."""
    return cti == "simulator" or (PurePath(cti).name.startswith(PREFIX) and cti.endswith(".cti"))
