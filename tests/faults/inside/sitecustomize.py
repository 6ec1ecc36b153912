"""Python runs this at the start of each process that has this folder on its path: one of them gets its fault."""

from __future__ import annotations

import os
import sys

_MODULES = {
    "main": "edge_inspector.cli.main",
    "camera": "edge_inspector.app.camera",
    "inspect": "edge_inspector.app.inspect",
}

if os.environ.get("FAULT_PATIENT") and _MODULES["inspect"] in sys.orig_argv:
    from edge_inspector.signal import journal_writer

    journal_writer.COMMIT_LIMIT_NS = 60_000_000_000

_process, _, _fault = os.environ.get("FAULT_INSIDE", "").partition(":")
if _MODULES.get(_process) in sys.orig_argv:
    import inside_faults

    getattr(inside_faults, _fault)()
