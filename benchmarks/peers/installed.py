"""A throw-away environment for a peer whose packages do not belong beside the line's."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import onnx

INSTALL_S = 900
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
"""Asked beside what pip is configured for: the usual index has torch for CUDA only, several GB."""
TORCH = re.compile(r"^ *torch==2\.(\d+)\.\d+$", re.MULTILINE)
DEPENDENCIES = ("numpy", "pyyaml", "requests", "pillow", "psutil", "polars", "matplotlib", "scipy")
"""What the package imports, less torch (installed first) and the desktop build of OpenCV."""


class NotInstalled(Exception):  # noqa: N818 - becomes a row of the table that says why
    """Raised with the last line of what pip said."""


def ultralytics_python(folder: Path, setup_cfg: str, say: Callable[[str], None]) -> str:
    """Return the Python of an environment with ultralytics; makes it in `folder` if it is not there.

    Args:
        folder: Where the environment is or comes.
        setup_cfg: Text of the project's setup.cfg, which names the version of torch.
        say: Told that it takes some minutes.

    Raises:
        NotInstalled: pip could not, or what it installed does not load.
    """
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        say("making an environment for ultralytics (once, some minutes)")
        found = TORCH.search(setup_cfg)
        if found is None:
            raise NotInstalled("setup.cfg names no version of torch")
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        _install(python, "--extra-index-url", CPU_WHEELS, f"{found[0].strip()}+cpu")
        # torchvision's minor version is torch's plus 15. Its wheel names torch for CUDA as a dependency.
        _install(python, "--no-deps", f"torchvision==0.{int(found[1]) + 15}.0")
        _install(python, f"onnxruntime-gpu=={version('onnxruntime-gpu')}", "opencv-python-headless", *DEPENDENCIES)
        _install(python, "--no-deps", "ultralytics")
        (folder / "complete").touch()
    return str(python)


def add_metadata(core: Path, tile: int) -> None:
    """Write into the graph what their loader reads from it: task, names of the classes, size."""
    graph = onnx.load(core)
    told = {"task": "classify", "names": "{0: 'OK', 1: 'DEFECT'}", "imgsz": f"[{tile}, {tile}]", "stride": "1"}
    onnx.helper.set_model_props(graph, told | {"batch": "1", "channels": "3"})
    onnx.save(graph, core)


def _install(python: Path, *what: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "30")
    _run(str(python), "-m", "pip", "install", *quiet, *what)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        raise NotInstalled(lines[-1] if lines else f"{command[0]} ended with {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"not installed within {INSTALL_S} s") from error
