"""Which pictures are of one physical part or place. Pictures of one group never stand on both sides of a split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from edge_inspector.core.errors import UsageError
from export.data.found import Found

RULES = "stem, folder, time:MINUTES, regex:PATTERN or key:NAME"


def check_rule(rule: str) -> None:
    """Look at a rule of `--group-by`.

    Raises:
        UsageError: It is none; the message lists them.
    """
    name, _, value = rule.partition(":")
    if name in ("stem", "folder") and not value:
        return
    if name == "time" and re.fullmatch(r"\d+(\.\d+)?", value) and float(value) > 0:
        return
    if name == "key" and value:
        return
    if name == "regex" and value:
        try:
            re.compile(value)
        except re.error as error:
            raise UsageError(f"--group-by {rule}: {value!r} is not a regular expression ({error})") from error
        return
    raise UsageError(f"--group-by {rule!r} is not known; it is one of {RULES}")


def group_by(found: Sequence[Found], rule: str) -> tuple[list[Found], list[str]]:
    """Return the pictures with their groups, and the problems of those that the rule says nothing of.

    stem: each name its own group. folder: the sub-folder; without one as stem. time: pictures taken within so many
    minutes of the first of their group. regex: the bracketed parts of the match in the name, or the whole match.
    key: a column of the CSV or a key of the evidence's JSON.
    """
    check_rule(rule)
    name, _, value = rule.partition(":")
    if name == "time":
        return _by_time(found, float(value) * 60), []
    grouped, problems = [], []
    for one in found:
        group = _name(one, name, value)
        if group:
            grouped.append(replace(one, group=group))
        else:
            problems.append(f"{one.where}: --group-by {rule} says nothing of it; correct the rule or the name")
    return grouped, problems


def _name(one: Found, rule: str, value: str) -> str:
    path = PurePosixPath(one.key)
    if rule == "folder" and len(path.parts) > 1:
        return path.parent.as_posix()
    if rule == "key":
        return dict(one.facts).get(value, "")
    if rule == "regex":
        match = re.search(value, one.key)
        return "" if match is None else "_".join(filter(None, match.groups())) or match.group()
    return one.key


def _by_time(found: Sequence[Found], window_s: float) -> list[Found]:
    times = [_time_of(one) for one in found]
    groups, first_s, group = [""] * len(found), float("-inf"), ""
    for row in sorted(range(len(found)), key=lambda row: (times[row], found[row].key)):
        # From the first of the group, not from the one before: a line that never stops would be one group.
        if times[row] - first_s > window_s:
            first_s = times[row]
            group = datetime.fromtimestamp(first_s, UTC).strftime("t%Y%m%d-%H%M%S")
        groups[row] = group
    return [replace(one, group=group) for one, group in zip(found, groups, strict=True)]


def _time_of(one: Found) -> float:
    if one.time_s is not None:
        return one.time_s
    try:
        return one.file.stat().st_mtime
    except OSError:
        return 0.0  # who opens it will say that it is not there
