"""Runs a function in a Python process of its own.

A GenTL producer loads once in a process and may bring it down; neither may happen to the tests beside it.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
_LIMIT_S = 40.0  # less than the time limit of a test, so that it is this process that is named and ended
_MAIN = """
import importlib, json, sys
module, name, arguments = json.loads(sys.argv[1])
answer = getattr(importlib.import_module(module), name)(*arguments)
print(json.dumps(answer))
"""


def start_alone(
    function: Callable[..., object], *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a function of a test's module; arguments and answer must fit JSON.

    Args:
        function: Of a module beside the test.
        arguments: Its arguments.
        environment: None for this process's own.
    """
    call = json.dumps([function.__module__, function.__name__, arguments])
    here = Path(inspect.getfile(function)).resolve().parent
    path = [str(_TESTS.parent), str(_TESTS), str(here), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", _MAIN, call],
        env={**(os.environ if environment is None else environment), "PYTHONPATH": os.pathsep.join(path)},
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


def run_alone(
    function: Callable[..., object], *arguments: object, environment: Mapping[str, str] | None = None
) -> object:
    """Run a function in its own process and return its answer."""
    return answer_of(start_alone(function, *arguments, environment=environment))
