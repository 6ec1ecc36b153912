"""Every kind of camera keeps the same rules; GenICam runs for real, on the producer in the genicam wheel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from camera_rules import (
    RULES,
    a_missing_source_is_named_with_the_next_step,
    another_size_is_an_invalid_arrival,
    another_size_is_refused_with_both_sizes,
)
from fakes.alone import run_alone
from rigs import KINDS

Rule = Callable[[str, str], None]


def _name(value: object) -> str:
    return value if isinstance(value, str) else getattr(value, "__name__", repr(value))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_every_camera_keeps_the_rule(kind: str, rule: Rule, tmp_path: Path) -> None:
    _check(kind, rule, tmp_path)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("replay", a_missing_source_is_named_with_the_next_step),
        ("replay", another_size_is_an_invalid_arrival),
        ("genicam", a_missing_source_is_named_with_the_next_step),
        ("genicam", another_size_is_refused_with_both_sizes),
    ],
    ids=_name,
)
def test_a_wrong_source_is_refused(kind: str, rule: Rule, tmp_path: Path) -> None:
    _check(kind, rule, tmp_path)


def _check(kind: str, rule: Rule, folder: Path) -> None:
    if kind == "genicam":
        run_alone(rule, kind, str(folder))
    else:
        rule(kind, str(folder))
