from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rigs import SHAPE, make_viky

from edge_inspector.acquire.open import explain_import, open_camera
from edge_inspector.acquire.plan import ReplayPlan, SyntheticPlan
from edge_inspector.acquire.replay import ReplayCamera
from edge_inspector.acquire.synthetic import SyntheticCamera
from edge_inspector.core.errors import CameraNotFoundError


def test_each_plan_opens_its_kind_of_camera(tmp_path: Path) -> None:
    assert isinstance(open_camera(ReplayPlan("cam0", SHAPE, tmp_path)), ReplayCamera)
    assert isinstance(open_camera(SyntheticPlan("cam0", SHAPE)), SyntheticCamera)


def test_the_camera_process_loads_neither_pydantic_nor_genicam_before_it_must() -> None:
    code = "import edge_inspector.acquire.open, edge_inspector.acquire.look, sys; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert not {"pydantic", "genicam", "harvesters", "onnxruntime", "zmq"} & set(loaded)


def test_a_missing_libpython_is_named_as_a_package() -> None:
    error = ImportError("libpython3.11.so.1.0: cannot open shared object file: No such file or directory")

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt-get install libpython{version}`" in str(explain_import(error))
    assert "libpython3.11.so.1.0: cannot open" in str(explain_import(error))


def test_without_the_genicam_package_a_plan_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "edge_inspector.acquire.genicam", raising=False)
    monkeypatch.setitem(sys.modules, "harvesters.core", None)

    with pytest.raises(CameraNotFoundError, match=r"cannot be loaded.*pip install harvesters"):
        open_camera(make_viky())
