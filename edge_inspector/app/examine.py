"""The process in which `doctor` looks at things: it may hang or crash, and says before each check which one begins."""

from __future__ import annotations

import signal
import sys
from contextlib import nullcontext

from edge_inspector.app.checkup import CHECKS, Check
from edge_inspector.app.patient import Patient
from edge_inspector.core.errors import EdgeInspectorError, SettingsError
from edge_inspector.doctor.row import Row
from edge_inspector.run.child import end_with_parent
from edge_inspector.run.probe import enter_probe


def look(check: Check, patient: Patient) -> list[Row]:
    """Return the rows of one check; what it raises is a row too."""
    try:
        make = check.look()  # before it is another user, who may not be able to read the program
        with patient.as_service() if check.as_service else nullcontext():
            return list(make(patient))
    except EdgeInspectorError as error:
        return [Row.of(check.name, error)]
    except Exception as error:  # noqa: BLE001 - see tests/test_layout.py
        what = f"the check itself failed: {type(error).__name__}: {error}"
        return [
            Row.failed(check.name, what, "tell those who maintain the program; the other rows hold", check.exit_code)
        ]


def main(start_fd: int, ask_fd: int, tell_fd: int, parent_pid: int) -> int:
    """Make the checks that the parent names, in their order."""
    (asked, names), tell = enter_probe(start_fd, ask_fd, tell_fd, parent_pid)
    patient = Patient(asked)
    for check in CHECKS:
        if check.name not in names:
            continue
        limit_s = asked.limit_s or (check.limit_s if check.name != "sessions" else _session_s(patient, check.limit_s))
        tell(begin=check.name, limit_s=limit_s)
        rows = [] if check.needs_settings and not _is_readable(patient) else look(check, patient)
        # Becoming another user takes the kernel's promise away.
        end_with_parent(parent_pid, signal.SIGKILL)
        tell(end=check.name, rows=[row.as_json() for row in rows])
    return 0


def _is_readable(patient: Patient) -> bool:
    try:
        return bool(patient.settings.line)
    except SettingsError:
        return False


def _session_s(patient: Patient, usual_s: float) -> float:
    from edge_inspector.app.patience import BUILD_S, START_S

    if not _is_readable(patient):
        return usual_s
    models = [view.model for view in patient.settings.views()]
    builds_s = BUILD_S * sum(model.provider == "tensorrt" for model in models)
    return builds_s + sum(max(usual_s, START_S[model.provider]) for model in models)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:5])))
