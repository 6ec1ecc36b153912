"""The rules, their tests and the dashboards, as the tests read them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config" / "prometheus"
RECORDS = FOLDER / "edge-inspector.records.yml"
RULES = FOLDER / "edge-inspector.rules.yml"
TESTS = sorted((FOLDER / "tests").glob("*.yml"))
BOARDS = sorted((ROOT / "config" / "grafana").glob("*.json"))
METRIC = re.compile(r"\bedge_inspector_[a-z0-9_]+\b")
RECORD = re.compile(r"\bedge_inspector:[a-z0-9_:]+\b")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of the rules."""

    name: str
    expr: str
    lasts: str
    """`for`, such as 30s; empty where it fires at once."""
    severity: str
    summary: str
    description: str
    page: str


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """One query of a dashboard."""

    board: str
    panel: str
    expr: str


def is_missing(program: str) -> bool:
    """Return whether a program of Debian's package `prometheus` is not here and cannot be installed; root can."""
    return shutil.which(program) is None and os.geteuid() != 0


def rules(path: Path) -> list[dict[str, Any]]:
    """Return the rules of a file in their order."""
    return [rule for group in yaml.safe_load(path.read_text("utf-8"))["groups"] for rule in group["rules"]]


@cache
def alerts() -> tuple[Alert, ...]:
    """Return all alerts in the order of the file."""
    return tuple(
        Alert(
            rule["alert"],
            rule["expr"].strip(),
            rule.get("for", ""),
            rule["labels"]["severity"],
            rule["annotations"]["summary"],
            rule["annotations"]["description"],
            rule["annotations"]["page"],
        )
        for rule in rules(RULES)
    )


@cache
def records() -> dict[str, str]:
    """Return the expression of each recording rule by its name."""
    return {rule["record"]: rule["expr"] for rule in rules(RECORDS)}


def metrics_of(expr: str) -> set[str]:
    """Return the daemon's metrics that an expression asks for, also by way of recording rules; `up` too."""
    expanded = expr + " " + " ".join(records()[name] for name in RECORD.findall(expr))
    found = {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(expanded)}
    return found | ({"up"} if re.search(r"\bup\{", expanded) else set())


def board(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return read


def board_queries() -> Iterator[BoardQuery]:
    """Yield every query of every dashboard."""
    for path in BOARDS:
        for panel in board(path)["panels"]:
            for target in panel.get("targets", ()):
                yield BoardQuery(path.stem, panel["title"], target["expr"])
