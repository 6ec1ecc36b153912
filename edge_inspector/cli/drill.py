"""`drill`: pull each plug of a line in drill mode, and report; `drill on|off|status`: the mode itself."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import FrameType

import click

from edge_inspector.cli.options import config_option, key_option

DEFAULT_MINUTES = 10.0


@click.group(invoke_without_command=True)
@click.option("--config", "-c", metavar="FILE", type=click.Path(path_type=Path), help="Configuration of the line.")
@click.option("--only", metavar="NAME,...", help="These drills; default: all.")
@click.option("--yes", is_flag=True, help="Switch drill mode on, and off at the end.")
@click.option("--reason", default="", metavar="TEXT", help="For the audit log and the report; with --yes.")
@click.option("--start", is_flag=True, help="Run the daemon too, so that main can be killed.")
@click.option("--back-within", default=60.0, show_default=True, metavar="SECONDS", type=click.FloatRange(5, 1800))
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Report; default: in state_dir/drills.")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def drill(
    ctx: click.Context,
    config: Path | None,
    only: str | None,
    yes: bool,
    reason: str,
    start: bool,
    back_within: float,
    output: Path | None,
    key: Path | None,
    as_json: bool,
) -> int:
    """Pull each plug of a line in drill mode and report what a gate saw. Parts are rejected meanwhile.

    Drills: inspect-killed, inspect-frozen, camera-lost, subscriber-restarted, journal-unwritable, model-failing,
    main-killed. Exit codes: 0 all passed, 1 one failed, 64 refused, 70 no daemon, or no right to ask it.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    if config is None:
        raise click.UsageError("Missing option '--config' / '-c'.")
    from edge_inspector.app.drilling import Wish, run_drill

    _end_on_signals()
    names = tuple(filter(None, (name.strip() for name in only.split(",")))) if only is not None else ()
    wish = Wish(config, names, yes, reason, start, back_within, output, key)
    done = run_drill(wish, lambda text: click.echo(text, err=as_json))
    click.echo(json.dumps(done.report, indent=2) if as_json else f"{done.headline}; report: {done.path}")
    return 0 if done.is_passed else 1


def _end_on_signals() -> None:
    """Let a signal interrupt the drill once; what is put back then is not interrupted a second time."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last: the terminal was closed

    def end(_number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, lambda *_: None)
        raise KeyboardInterrupt

    for each in numbers:
        if signal.getsignal(each) is not signal.SIG_IGN:  # as under nohup
            signal.signal(each, end)


@drill.command()
@config_option
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), metavar="N", help="How long.  [default: 10]")
@click.option("--reason", default="", metavar="TEXT", help="For the audit log.")
def on(config: Path, minutes: float | None, reason: str) -> None:
    """Switch drill mode on for N minutes: every message is flagged, gates release nothing."""
    from edge_inspector.app.drilling import asker, on_request
    from edge_inspector.settings.load import load_line

    settings = load_line(config)
    asked = min(DEFAULT_MINUTES, settings.drill.max_minutes) if minutes is None else minutes
    _say(asker(settings.state_dir)(on_request(asked, reason)))


@drill.command()
@config_option
def off(config: Path) -> None:
    """Go back to work, now."""
    _ask(config, "drill_off")


@drill.command()
@config_option
def status(config: Path) -> None:
    """Say whether the line is in drill mode, who asked for it, why, and until when."""
    _ask(config, "drill_status")


def _ask(config: Path, op: str) -> None:
    from edge_inspector.app.drilling import asker
    from edge_inspector.settings.load import load_line

    _say(asker(load_line(config).state_dir)({"op": op}))


def _say(answer: dict[str, object]) -> None:
    if not answer["drill"]:
        click.echo(f"line {answer['line']}: at work, no drill")
        return
    click.secho(f"line {answer['line']}: IN A DRILL, gates release nothing", fg="magenta", bold=True)
    click.echo(f"  until {answer['until_utc']}, then it ends by itself")
    click.echo(f"  switched on by {answer['by']}: {answer['reason'] or 'no reason given'}")
