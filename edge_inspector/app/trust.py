"""Whose bundles a line takes, and what it says when nobody who is trusted made one."""

from __future__ import annotations

from collections.abc import Sequence

from edge_inspector.app.ready import ReadyView
from edge_inspector.bundle.signature import Trust, read_trusted
from edge_inspector.settings.model import ModelSettings


def trust_of(model: ModelSettings) -> Trust:
    """Return whose bundles a camera's pictures may be judged by.

    Raises:
        KeysError: A key cannot be read, or is none.
    """
    return Trust(read_trusted(model.trusted_keys), model.unsigned)


def unsigned_of(views: Sequence[ReadyView]) -> tuple[str, ...]:
    """Return the bundles in use, name@version, that no trusted key signed; each once, in the order of the cameras."""
    return tuple(dict.fromkeys(view.bundle.label for view in views if not view.bundle.signing.is_trusted))


def unsigned_sentence(unsigned: Sequence[str]) -> str:
    """Return what to say of bundles that no trusted key signed, with the next step."""
    return (
        f"{', '.join(unsigned)}: no trusted key signed it, and model.unsigned allows that; nothing proves who made it. "
        "Sign it on the workstation (python -m export bundle --sign), and name the public key in model.trusted_keys"
    )
