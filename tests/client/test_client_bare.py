"""The SDK runs where nothing but pyzmq is installed, and every name it offers is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zmq

import edge_inspector
from edge_inspector import client

CODE = """
import sys
sys.path.append({folder!r})
from edge_inspector import client
from edge_inspector.client import *
assert sorted(client.__all__) == sorted(client._HOMES) == sorted(set(globals()) & set(client.__all__))
with Gate("l1", GateSettings(window=1, travel=1, ahead=1), consumer="g",
                 signals="ipc://{folder}/a", service="ipc://{folder}/b") as gate:
    assert gate.step(0.0) == [] and not gate.is_armed
with Subscriber("l1", ["ipc://{folder}/a"], service="ipc://{folder}/b") as subscriber:
    assert subscriber.receive(0.0) is None
foreign = {{m.split(".")[0] for m in sys.modules}} - set(sys.stdlib_module_names) - {{"__main__", "__mp_main__"}}
foreign = {{m for m in foreign if "cython" not in m}}
print(sorted(foreign))
"""


def test_it_needs_pyzmq_and_the_standard_library_alone(tmp_path: Path) -> None:
    packages = Path(zmq.__file__).parent
    for place in (packages, packages.parent / "pyzmq.libs", Path(edge_inspector.__file__).parent):
        if place.exists():
            (tmp_path / place.name).symlink_to(place)

    # -I -S: no site-packages, no PYTHONPATH. What is not in the folder cannot be imported.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", CODE.format(folder=str(tmp_path))],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['edge_inspector', 'zmq']"


def test_the_gate_in_c_is_shipped_and_as_short_as_it_says() -> None:
    source = Path(client.__file__).with_name("c") / "gate.c"

    assert 100 < len(source.read_text("ascii").splitlines()) < 200


def test_a_name_it_does_not_offer_is_an_error_in_words() -> None:
    with pytest.raises(AttributeError, match="has no attribute Nothing"):
        client.Nothing  # noqa: B018
