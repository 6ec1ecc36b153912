"""`reload`: have a running line go by its changed configuration, without a stop."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from edge_inspector.cli.options import config_option
from edge_inspector.core.errors import ProcessError, SettingsError, UsageError

ANSWER_S = 10.0
"""The daemon reads and checks the file, syncs its audit log and waits for the first part before it answers."""


@click.command()
@config_option
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def reload(config: Path, dry_run: bool, as_json: bool) -> None:
    """Put a changed configuration into force between two parts.

    The daemon reads the file that it was started with. Limits, rules, the place of the gate, the log level and the
    other live keys of docs/reference/configuration.md may change. If anything else has changed, or anything is wrong,
    nothing does. Exit codes: 64 refused, 70 no daemon, or no right to ask it, 78 mistakes in the file.
    """
    # The daemon refuses what it reads after this moment: a request must not work when its asker was told of a failure.
    by_ns = time.monotonic_ns() + round((ANSWER_S - 3) * 1e9)
    request = {"op": "reload", "file": os.path.abspath(config), "dry_run": dry_run, "by_ns": by_ns}
    answer = _asked(config, request)
    if as_json:
        click.echo(json.dumps({key: value for key, value in answer.items() if key not in ("ok", "refused")}))
    elif answer.get("ok"):
        _say(answer)
    _raise_if_refused(answer)


def _asked(config: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return the daemon's answer; also to a file that is wrong, so that it writes down who tried.

    Raises:
        SettingsError: The file is wrong, and no daemon could be asked.
        ProcessError: It is right, and no daemon could be asked.
    """
    from edge_inspector.run.control import ask_daemon
    from edge_inspector.settings.load import load_line, state_dir_of

    try:
        state_dir, wrong = load_line(config).state_dir, None
    except SettingsError as error:
        found = state_dir_of(config)
        if found is None:
            raise
        state_dir, wrong = found, error
    try:
        return ask_daemon(state_dir, request, ANSWER_S)
    except ProcessError as error:
        raise wrong or error from error


def _raise_if_refused(answer: dict[str, Any]) -> None:
    from edge_inspector.app.reload_words import mistakes_of

    if answer.get("ok"):
        return
    told = str(answer.get("error", "no reason given"))
    if mistakes := mistakes_of(answer):
        raise SettingsError(mistakes)
    raise UsageError(f"refused: {told}; nothing was changed") if answer.get("refused") else ProcessError(told)


def _say(answer: dict[str, Any]) -> None:
    line, n = answer["line"], answer["n_changes"]
    keys = "1 key" if n == 1 else f"{n} keys"
    match answer["result"]:
        case "unchanged":
            click.echo(f"line {line}: nothing has changed, {answer['config']} is in force")
            return
        case "dry_run":
            click.echo(f"line {line}: {keys} would change, nothing was done")
        case "pending":
            click.echo(
                f"line {line}: {keys} changed; the inspect process is being started, its first part is judged so"
            )
        case _:
            click.echo(f"line {line}: {keys} changed, from part {answer['first_part']} on")
    for change in answer["changes"]:
        click.echo(f"  {change['key']}: {json.dumps(change['from'])} -> {json.dumps(change['to'])}")
    if n > len(answer["changes"]):
        click.echo(f"  and {n - len(answer['changes'])} more")
    click.echo(f"  configuration {answer['config']}, before {answer['former']}")
