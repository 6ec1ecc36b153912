"""What the pages say exists does: rooms, links, headings, commands, metrics, tests."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from prometheus_client import CollectorRegistry

from edge_inspector.cli.main import cli
from edge_inspector.observe.metrics import LineMetrics

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?<![\w-])(?<!lib/)edge-inspector (?P<rest>[a-z-][^\n`|;&#)]*)")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", text_of(page))


def anchors(page: Path) -> set[str]:
    """Return the names by which a page's headings are linked to."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def code(page: Path) -> Iterator[str]:
    """Yield what a page shows as code for a shell: its sh blocks, and what stands in code quotes."""
    for language, block in FENCE.findall(text_of(page)):
        if language in ("sh", "yaml"):
            yield block.replace("\\\n", " ")
    yield from QUOTED.findall(prose(page))


def commands() -> list[tuple[str, str]]:
    """Return (page, what follows `edge-inspector`) for every command that a page shows."""
    found = {
        (str(page.relative_to(ROOT)), match["rest"].strip())
        for page in PAGES
        for piece in code(page)
        for match in COMMAND.finditer(piece)
    }
    return sorted(found)


def why_not(rest: str) -> str | None:
    """Return what is wrong with a command line; None if its verb and options exist."""
    words = [word for word in shlex.split(rest.replace("'", "")) if word not in ("…", "...")]
    command: click.Command = cli
    context, is_value = click.Context(cli), False
    for word in words:
        if word.startswith("-"):
            options = {
                name for parameter in command.get_params(context) for name in parameter.opts + parameter.secondary_opts
            }
            if word.split("=")[0] not in options | {"-h", "--help"}:
                return f"{command.name} has no option {word}"
            # A group that does something by itself has options with values, which are no verbs.
            is_value = any(word in each.opts and not getattr(each, "is_flag", True) for each in command.params)
            continue
        if isinstance(command, click.Group) and not is_value:
            following = command.get_command(context, word)
            if following is None:
                return f"there is no verb {word}"
            command = following
            context = click.Context(command)
        is_value = False
    return None


def test_the_readme_names_every_room() -> None:
    tree = next(block for _, block in FENCE.findall(text_of(ROOT / "README.md")) if "edge_inspector/  " in block)
    shown = {line.split()[0] for line in tree.splitlines() if line.startswith("  ")}

    assert shown == {f"{init.parent.name}/" for init in (ROOT / "edge_inspector").glob("*/__init__.py")}


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize(("page", "rest"), commands())
def test_every_command_shown_exists(page: str, rest: str) -> None:
    assert why_not(rest) is None


@pytest.mark.parametrize("rest", ["frobnicate", "run --fast", "camera dance", "camera list --speed 3"])
def test_a_command_that_does_not_exist_is_noticed(rest: str) -> None:
    assert why_not(rest) is not None


@every_page
def test_every_metric_named_exists(page: Path) -> None:
    declared = {each.name for each in LineMetrics(CollectorRegistry()).declared}
    found = re.findall(r"\bedge_inspector_[a-z0-9_]+\b", text_of(page))
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}

    assert named - declared == set()


@every_page
def test_every_test_named_exists(page: Path) -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")]
    named = set(re.findall(r"`(test_\w+)`", text_of(page)))

    assert {name for name in named if not any(f"def {name}(" in source for source in sources)} == set()


@every_page
def test_every_file_of_the_project_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:tests|scripts|config|export|docs|models|benchmarks)/[\w./-]+\w)`", prose(page))
    rooms = re.findall(r"`((?:core|settings|acquire|tile|infer|decide|record|observe|run|app)/\w+\.py)`", prose(page))
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in rooms if not (ROOT / "edge_inspector" / name).exists()]

    assert missing == []
