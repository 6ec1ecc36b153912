"""Every error a person can meet, with the exit code of the command that meets it.

    EdgeInspectorError                70  caught once, in cli/main.py: printed without a traceback
    ├── UsageError                    64  the command line makes no sense
    ├── SettingsError                 78  the configuration is wrong; carries every mistake at once
    ├── KeysError                     78  a key file is missing, damaged or open to others
    ├── BundleError                   66  the model bundle is missing, damaged or not what its manifest says
    ├── CameraError                   69  `check`, `camera …` end with it; `run` stays up and retries
    │   ├── CameraNotFoundError           no such camera, no such producer file
    │   ├── CameraFormatError             the camera sends another size or pixel format than configured
    │   └── CameraLostError               a camera that was delivering has stopped
    ├── EngineError                   70  the model cannot run here as configured (provider, session, self-test)
    ├── GpuWatchError                 70  NVML says nothing of a GPU; `run` goes on without it
    │   └── NvmlMissingError              its Python package is not installed
    ├── EndpointError                 70  an address cannot be bound
    ├── JournalError                  70  the journal is another's, of a newer program, gone, or cannot be written
    └── ProcessError                  70  a process of the daemon ended or hung and could not be replaced

A message says what happened, with the values, then the next step. `ValueError` and `TypeError` are for a
programmer's mistake only. Exit codes follow sysexits.h; systemd must not restart on 64, 66 and 78.
"""

from __future__ import annotations

from dataclasses import dataclass


class EdgeInspectorError(Exception):
    """Base of every error meant for a person."""

    exit_code = 70


class UsageError(EdgeInspectorError):
    """Raised when a command line asks for something that makes no sense."""

    exit_code = 64


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration file."""

    file: str
    """Path as the person gave it."""
    line: int | None
    """Line in that file, from 1; None when the mistake has no line (an empty file)."""
    where: str
    """Dotted key, such as `camera.frame.width`; empty for the file as a whole."""
    what: str
    """What is wrong, with the value, and what was meant."""

    def __str__(self) -> str:
        """Return `file:line: where: what`, the form editors jump to."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.where}: {self.what}" if self.where else f"{place}: {self.what}"


class SettingsError(EdgeInspectorError):
    """Raised when a configuration cannot be used; `mistakes` holds all of them, in file order."""

    exit_code = 78

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


class KeysError(EdgeInspectorError):
    """Raised when a key file, of encrypted endpoints or of signed bundles, is missing, damaged, or open to others."""

    exit_code = 78


class BundleError(EdgeInspectorError):
    """Raised when a model bundle is missing, damaged, or not what its manifest or the configuration says."""

    exit_code = 66


class CameraError(EdgeInspectorError):
    """Base of what can be wrong with a source of pictures."""

    exit_code = 69


class CameraNotFoundError(CameraError):
    """Raised when the named camera, producer file or picture folder is not there (or is there twice)."""


class CameraFormatError(CameraError):
    """Raised at arm when the camera sends another size or pixel format than the configuration says."""


class CameraLostError(CameraError):
    """Raised when a camera that was delivering has stopped.

    Not raised when a trigger simply did not come: then `Camera.fetch` returns None.
    """


class EngineError(EdgeInspectorError):
    """Raised when the model cannot run as configured: provider refused, session failed, golden tiles differ."""


class GpuWatchError(EdgeInspectorError):
    """Raised when nothing can be said of a GPU: no driver, no such GPU. Not raised for a GPU that is lost: a figure."""


class NvmlMissingError(GpuWatchError):
    """Raised when the Python package of NVML is not installed: nothing is wrong, and nothing will come."""


class EndpointError(EdgeInspectorError):
    """Raised when an address cannot be bound."""


class JournalError(EdgeInspectorError):
    """Raised when the journal cannot be used: at a start the daemon ends with it, later the process that writes it.

    Not raised when a row is not taken just now (disk full, read-only): then the part waits and the line is not ready.
    """


class ProcessError(EdgeInspectorError):
    """Raised when a process of the daemon ended or hung and could not be replaced."""
