"""`bypass on|off|status`: let defects pass for a while, for set-up and teaching."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from edge_inspector.cli.options import config_option
from edge_inspector.core.errors import ProcessError, UsageError

DEFAULT_MINUTES = 15.0
ANSWER_S = 5.0
"""The daemon syncs its audit log to disk before it answers."""


@click.group()
def bypass() -> None:
    """Let parts with defects pass for a while: set-up and teaching.

    Every part is still inspected. What could not be judged is still rejected. Every message carries the bypass flag,
    and the audit log says who did it. It ends by itself. Exit codes: 64 refused, 70 no daemon, or no right to ask it.
    """


@bypass.command()
@config_option
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="How long.  [default: 15, or bypass.max_minutes where that is less]",
)
@click.option("--reason", default="", metavar="TEXT", help="For the audit log.")
def on(config: Path, minutes: float | None, reason: str) -> None:
    """Let defects pass for N minutes from now. Said again, it replaces the time that is left."""
    from edge_inspector.settings.load import load_line

    settings = load_line(config)
    asked = min(DEFAULT_MINUTES, settings.bypass.max_minutes) if minutes is None else minutes
    # The daemon refuses what it reads after this moment: a request must not work when its asker was told of a failure.
    by_ns = time.monotonic_ns() + round(ANSWER_S * 1e9)
    request = {"op": "bypass_on", "minutes": asked, "reason": reason, "by_ns": by_ns}
    _say(_asked(settings.state_dir, request))


@bypass.command()
@config_option
def off(config: Path) -> None:
    """Reject defects again, now. No harm where bypass is off."""
    from edge_inspector.settings.load import load_line

    _say(_asked(load_line(config).state_dir, {"op": "bypass_off"}))


@bypass.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def status(config: Path, as_json: bool) -> None:
    """Say whether bypass is on, who switched it on, why, and until when."""
    from edge_inspector.settings.load import load_line

    answer = _asked(load_line(config).state_dir, {"op": "bypass_status"})
    if as_json:
        click.echo(json.dumps({key: value for key, value in answer.items() if key != "ok"}))
    else:
        _say(answer)


def _asked(state_dir: Path, request: dict[str, Any]) -> dict[str, Any]:
    from edge_inspector.run.control import ask_daemon

    answer = ask_daemon(state_dir, request, ANSWER_S + 1)
    if answer.get("ok") is True:
        return answer
    told = str(answer.get("error", "no reason given"))
    raise UsageError(f"refused: {told}") if answer.get("refused") else ProcessError(told)


def _say(answer: dict[str, Any]) -> None:
    line = answer["line"]
    if not answer["bypass"]:
        click.echo(f"line {line}: bypass is off, defects are rejected")
        return
    left_s = round(answer["seconds_left"])
    click.secho(f"line {line}: BYPASS IS ON, defects pass", fg="magenta", bold=True)
    click.echo(f"  for {left_s // 60} min {left_s % 60} s more, until {answer['until_utc']}, then it ends by itself")
    click.echo(f"  switched on by {answer['by']}: {answer['reason'] or 'no reason given'}")
    click.echo("  end it now: edge-inspector bypass off --config FILE")
