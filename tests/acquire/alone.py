"""Runs a function in a Python process of its own.

A GenTL producer loads once in a process and may bring it down; neither may happen to the tests beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
_LIMIT_S = 40.0  # less than the time limit of a test, so that it is this process that is named and ended
_MAIN = """
import importlib, json, sys
module, name, arguments = json.loads(sys.argv[1])
answer = getattr(importlib.import_module(module), name)(*arguments)
print(json.dumps(answer))
"""


def start_alone(function: Callable[..., object], *arguments: object) -> subprocess.Popen[str]:
    """Start a function of a module in tests/acquire; arguments and answer must fit JSON."""
    call = json.dumps([function.__module__, function.__name__, arguments])
    path = os.pathsep.join([str(_TESTS), str(_TESTS / "acquire")])
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", _MAIN, call],
        env={**os.environ, "PYTHONPATH": path},
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


def run_alone(function: Callable[..., object], *arguments: object) -> object:
    """Run a function in its own process and return its answer."""
    return answer_of(start_alone(function, *arguments))
