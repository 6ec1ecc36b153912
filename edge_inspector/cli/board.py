"""The live table of parts, for `watch` and `demo`; plain lines where there is no terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

ROWS = 12
BYPASS_ON, DRILL_ON = "BYPASS IS ON: DEFECTS PASS", "IN A DRILL: GATES RELEASE NOTHING"
_STYLE = {"PASS": "green", "REJECT": "bold red", "UNKNOWN": "bold yellow"}


class Board:
    """Shows parts as they are judged. One thread."""

    def __init__(self, console: Console, title: str, total: int | None) -> None:
        """Prepare.

        Args:
            console: Where to draw.
            title: Above the table.
            total: Parts that fill the progress bar; None for no bar.
        """
        self._console, self._title, self._total = console, title, total
        self._n_parts = 0
        self._modes = (False, False)
        self._rows: deque[tuple[str, Text, str, str, str, str]] = deque(maxlen=ROWS)
        self._status = Text("waiting for the line", style="dim")
        self._progress = Progress(
            TextColumn("parts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = None if total is None else self._progress.add_task("parts", total=total)
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with Live(self._draw(), console=self._console, refresh_per_second=10) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def part(self, body: dict[str, Any], truth: str = "", is_drill: bool = False) -> None:
        """Add a verdict; `truth` is what the part really was, empty when nobody knows. In a drill no gate obeys it."""
        verdict = body["verdict"]
        is_plain = verdict != "UNKNOWN" and body["reason"] != "bypass"
        text = Text(verdict if is_plain else f"{verdict} {body['reason']}", style=_style(body))
        if is_drill:
            text.append(" drill", style="bold magenta")
        score = "-" if body["score"] is None else f"{body['score']:.3f}"
        row = (str(body["part_id"]), text, score, _where(body), f"{body['latency_us'] / 1000:.1f} ms", truth)
        self._rows.append(row)
        if self._task is not None:
            self._n_parts += 1
            # More than asked for come when the line drains what it had accepted: they are parts like the others.
            self._progress.update(self._task, completed=self._n_parts, total=max(self._n_parts, self._total or 0))
        if self._live is None:
            self._console.print(
                f"part {row[0]}  {text.plain:<8} score {score}  {row[3]:<24} {row[4]:>9}  {truth}".rstrip()
            )
        self._refresh()

    def status(self, heartbeat: dict[str, Any], is_bypass: bool = False, is_drill: bool = False) -> None:
        """Show what the newest heartbeat says, and whether its header has the flags bypass and drill."""
        if self._live is None:
            self._say_modes(is_bypass, is_drill)
        self._modes = is_bypass, is_drill
        style = "green" if heartbeat["ready"] else "yellow"
        faults = f"  faults: {', '.join(heartbeat['faults'])}" if heartbeat["faults"] else ""
        counts = "  ".join(
            f"{key} {heartbeat[key]}" for key in ("triggers", "passes", "rejects", "unknowns", "in_flight")
        )
        self._status = Text(f"{heartbeat['state']}{faults}  {counts}", style=style)
        for is_on, words in ((is_bypass, BYPASS_ON), (is_drill, DRILL_ON)):
            if is_on:
                self._status = Text.assemble((f" {words} ", "bold white on magenta"), "  ", self._status)
        self._refresh()

    def _say_modes(self, is_bypass: bool, is_drill: bool) -> None:
        was_bypass, was_drill = self._modes
        if is_bypass != was_bypass:
            self._console.print(f"BYPASS is {'ON: defects pass' if is_bypass else 'off: defects are rejected'}")
        if is_drill != was_drill:
            self._console.print(f"DRILL is {'ON: gates release nothing' if is_drill else 'off: the line is at work'}")

    def silent(self, since_s: float) -> None:
        """Show that no heartbeat comes: a gate must reject now."""
        self._status = Text(f"no heartbeat for {since_s:.1f} s: every part must be rejected", style="bold red")
        self._refresh()

    def refused(self, why: str) -> None:
        """Show that the line does not let this program in."""
        self._status = Text(f"refused: {why}", style="bold red")
        self._refresh()

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._draw())

    def _draw(self) -> Group:
        table = Table(title=self._title, title_justify="left", expand=False)
        table.add_column("part", justify="right")
        table.add_column("verdict", min_width=16)
        table.add_column("score", justify="right", min_width=5)
        table.add_column("where (x, y, width x height)", min_width=28)
        table.add_column("latency", justify="right", min_width=9)
        if any(row[5] for row in self._rows):
            table.add_column("truth")
        for row in self._rows:
            table.add_row(*row[: len(table.columns)])
        return Group(table, self._status, *([self._progress] if self._task is not None else []))


def _style(body: dict[str, Any]) -> str:
    return "bold magenta" if body["reason"] == "bypass" else _STYLE.get(body["verdict"], "bold")


def _where(body: dict[str, Any]) -> str:
    if missing := body.get("missing"):
        return f"without {', '.join(missing)}"
    defects = body["defects"]
    if not defects:
        return ""
    worst = defects[0]
    more = f" +{len(defects) - 1}" if len(defects) > 1 else ""
    camera = f"{worst['camera']} " if "camera" in worst else ""
    return f"{camera}{worst['x']}, {worst['y']}, {worst['w']}x{worst['h']}{more}"
