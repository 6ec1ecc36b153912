"""What Prometheus' own tool says: rules and queries can be read, and every rule fires when it should and only then."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rule_files import FOLDER, RECORDS, RULES, TESTS, board_queries, is_missing

if is_missing("promtool"):
    pytest.skip("prometheus is not installed, and only root can", allow_module_level=True)


def promtool(*words: str, seconds: float = 50.0) -> tuple[int, str]:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=seconds, check=False)
    return done.returncode, done.stdout + done.stderr


def test_prometheus_finds_nothing_wrong_with_the_rules_and_the_example() -> None:
    code, said = promtool("check", "config", str(FOLDER / "prometheus.yml"))

    assert (code, said.count("SUCCESS")) == (0, 4), (
        said
    )  # the configuration, that its rules are there, and each of them
    assert "FAILED" not in said


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_every_series_of_the_tests_fires_what_it_should_and_nothing_else(path: Path) -> None:
    code, said = promtool("test", "rules", str(path), seconds=110)

    assert code == 0, said


def test_a_rule_that_is_wrong_fails_its_test(tmp_path: Path) -> None:
    for path in (RECORDS, RULES):
        text = path.read_text("utf-8").replace("edge_inspector_ready == 0", "edge_inspector_ready == 2")
        (tmp_path / path.name).write_text(text, "utf-8")
    (tmp_path / "tests").mkdir()
    test = shutil.copy(FOLDER / "tests" / "inspecting.yml", tmp_path / "tests")

    code, said = promtool("test", "rules", test)

    assert code == 1
    assert "EdgeInspectorNotReady" in said


def checked(folder: Path, expressions: list[str]) -> tuple[int, str]:
    """Return what promtool says of expressions, as rules that record them."""
    rules: list[dict[str, Any]] = [{"record": f"query:{at}", "expr": expr} for at, expr in enumerate(expressions)]
    path = folder / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), "utf-8")
    done = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, timeout=50, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_every_query_can_be_read_by_prometheus(tmp_path: Path) -> None:
    expressions = [query.expr.replace("$line", "press-3") for query in board_queries()]

    code, said = checked(tmp_path, expressions)

    assert (code, f"SUCCESS: {len(expressions)} rules found" in said) == (0, True), said
    assert checked(tmp_path, ["rate(edge_inspector_ready[5m]"])[0] == 1
