"""Runs a function in a Python process that sees simulated cameras.

A GenTL producer loads once in a process and may bring it down; neither may happen to the tests beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edge_inspector.simulator.build import find_compiler
from edge_inspector.simulator.controls import Controls

MakeControls = Callable[..., Controls]
"""Makes a control file from a `SimulationConfig`."""
HERE = Path(__file__).resolve().parent
_LIMIT_S = 40.0  # less than the time limit of a test, so that it is this process that is named and ended
_MAIN = """
import importlib, json, sys
module, name, arguments = json.loads(sys.argv[1])
answer = getattr(importlib.import_module(module), name)(*arguments)
print(json.dumps(answer))
"""


def require_compiler() -> None:
    """Skip a test module where the producer cannot be built; each is named in tests/conftest.py."""
    if find_compiler() is None:
        pytest.skip("there is no C compiler", allow_module_level=True)


def start_child(
    function: Callable[..., object], *arguments: object, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Start a function of a module in tests/simulator; arguments and answer must fit JSON."""
    call = json.dumps([function.__module__, function.__name__, arguments])
    path = [str(HERE.parents[1]), str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", _MAIN, call],
        env={**environment, "PYTHONPATH": os.pathsep.join(path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer_of(process: subprocess.Popen[str]) -> object:
    """Return what the function returned; fails with its traceback when it raised or the process died."""
    try:
        out, err = process.communicate(timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {_LIMIT_S} s\n{err}") from None
    assert process.returncode == 0, f"ended with {process.returncode}\n{err}"
    return json.loads(out.splitlines()[-1])


def run_child(function: Callable[..., object], *arguments: object, environment: Mapping[str, str]) -> object:
    """Run a function in its own process and return its answer."""
    return answer_of(start_child(function, *arguments, environment=environment))
