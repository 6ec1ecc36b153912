from __future__ import annotations

import subprocess
import sys

import pytest

NOT_NEEDED = ("pydantic", "yaml", "prometheus_client", "rich", "click", "torch")


@pytest.mark.parametrize(
    ("child", "others"),
    [("edge_inspector.app.inspect", ("genicam", "harvesters")), ("edge_inspector.app.camera", ("onnxruntime", "zmq"))],
)
def test_a_child_process_loads_only_what_it_works_with(child: str, others: tuple[str, ...]) -> None:
    code = f"import sys, {child}; print(*(name for name in {NOT_NEEDED + others} if name in sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout.split() == []
