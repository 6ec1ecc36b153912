"""`edge-inspector`: the one place that prints an error and chooses the exit code."""

from __future__ import annotations

import sys

import click

from edge_inspector.core.errors import EdgeInspectorError, UsageError


class LazyGroup(click.Group):
    """Loads a command's file when it is called: `run` does not wait for what `demo` needs."""

    _FILES = {  # noqa: RUF012 - a constant
        "demo": "edge_inspector.cli.demo",
        "run": "edge_inspector.cli.run",
        "watch": "edge_inspector.cli.watch",
        "check": "edge_inspector.cli.check",
        "doctor": "edge_inspector.cli.doctor",
        "camera": "edge_inspector.cli.camera",
        "reload": "edge_inspector.cli.reload",
        "bypass": "edge_inspector.cli.bypass",
        "drill": "edge_inspector.cli.drill",
        "bridge": "edge_inspector.cli.bridge",
        "model": "edge_inspector.cli.model",
        "keys": "edge_inspector.cli.keys",
        "schema": "edge_inspector.cli.about",
        "version": "edge_inspector.cli.about",
    }

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the verbs, in the order a new user meets them."""
        return list(self._FILES)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb; None if there is no such verb."""
        if cmd_name not in self._FILES:
            return None
        from importlib import import_module

        command: click.Command = getattr(import_module(self._FILES[cmd_name]), cmd_name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Offline visual quality control: camera, tiles, model, verdict, gate. Nothing leaves the site.

    Exit codes: 0 ok, 1 differs, 64 usage, 66 model bundle, 69 camera, 70 internal, 78 configuration.
    """


def main() -> None:
    """Run the command line; errors for people are printed without a traceback."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    try:
        status = cli.main(arguments, prog_name="edge-inspector", standalone_mode=False)
    except click.exceptions.Abort:
        return 130  # Ctrl-C, as shells say it
    except click.ClickException as error:
        error.show()
        return UsageError.exit_code
    except SystemExit:  # how click answers a closed pipe (`edge-inspector watch | head`); otherwise it raises here
        return 0
    except EdgeInspectorError as error:
        click.echo(f"{click.style('error:', fg='red')} {error}", err=True)
        return error.exit_code
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    main()
