"""For subscribers: the Python SDK of the wire protocol. Needs pyzmq and the standard library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_inspector.client.cursor import Cursor, CursorError, FileCursor
    from edge_inspector.client.decision import Decision, Why
    from edge_inspector.client.gate import Gate
    from edge_inspector.client.gate_settings import GateSettings
    from edge_inspector.client.key_file import KeyFileError
    from edge_inspector.client.keys import ClientKeys
    from edge_inspector.client.message import Message
    from edge_inspector.client.notice import Notice, NoticeName
    from edge_inspector.client.service import ask
    from edge_inspector.client.subscriber import Subscriber
    from edge_inspector.client.wire import Flag, Header, WireError

__all__ = [
    "ClientKeys",
    "Cursor",
    "CursorError",
    "Decision",
    "FileCursor",
    "Flag",
    "Gate",
    "GateSettings",
    "Header",
    "KeyFileError",
    "Message",
    "Notice",
    "NoticeName",
    "Subscriber",
    "Why",
    "WireError",
    "ask",
]

_HOMES = {
    "Cursor": "cursor",
    "CursorError": "cursor",
    "FileCursor": "cursor",
    "Decision": "decision",
    "Why": "decision",
    "Gate": "gate",
    "GateSettings": "gate_settings",
    "ClientKeys": "keys",
    "KeyFileError": "key_file",
    "Message": "message",
    "Notice": "notice",
    "NoticeName": "notice",
    "ask": "service",
    "Subscriber": "subscriber",
    "Flag": "wire",
    "Header": "wire",
    "WireError": "wire",
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: the daemon reads the header's layout here and needs nothing else."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
