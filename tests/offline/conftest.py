"""A line PC without a network, and small wheelhouses for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from line_pc import LinePC
from tiny_house import tiny_house


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_house(tmp_path_factory.mktemp("old") / "house", "0.1.0")


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_house(tmp_path_factory.mktemp("new") / "house", "0.2.0")


@pytest.fixture
def bare() -> Iterator[LinePC]:
    with LinePC() as pc:
        yield pc


@pytest.fixture(scope="session")
def installation(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what an installation of the old version leaves, as one archive, so that not every test waits for one."""
    archive = tmp_path_factory.mktemp("installation") / "opt.tar"
    with LinePC() as pc:
        assert pc.install(old)[0] == 0
        assert pc.run("tar", "-cf", str(archive), "/opt/edge-inspector", "/etc/systemd", "/etc/sysctl.d")[0] == 0
    return archive


@pytest.fixture
def pc(bare: LinePC, installation: Path) -> LinePC:
    """A PC on which the old version runs."""
    assert bare.run("tar", "-xf", str(installation), "-C", "/")[0] == 0
    return bare
