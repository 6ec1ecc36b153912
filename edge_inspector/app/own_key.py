"""The key file of a client verb (`watch`, `drill`, `bridge`): whether the line wants one, and what is in it."""

from __future__ import annotations

from pathlib import Path

from edge_inspector.client.key_file import KeyFileError
from edge_inspector.client.keys import ClientKeys
from edge_inspector.core.errors import KeysError, UsageError
from edge_inspector.settings.line import LineSettings


def own_keys(path: Path | None, settings: LineSettings | None) -> ClientKeys | None:
    """Return the keys for a line; None for a line without.

    Args:
        path: Of the client's own key file; None where none was given.
        settings: Of the line; None where only its address is known.

    Raises:
        UsageError: The line's endpoints are encrypted and no key was given, or the other way round.
        KeysError: The file is no key file, or not that of a client.
    """
    if settings is not None and (settings.endpoints.curve is not None) != (path is not None):
        if path is None:
            raise UsageError(
                f"the endpoints of {settings.line} are encrypted; give --key FILE (`edge-inspector keys new NAME`)"
            )
        raise UsageError(f"the endpoints of {settings.line} are not encrypted; leave --key out")
    try:
        return None if path is None else ClientKeys.load(path)
    except KeyFileError as error:
        raise KeysError(str(error)) from error
