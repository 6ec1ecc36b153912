"""docs/reference/alerts.md, written from the rules."""

from __future__ import annotations

import re

from live_alerts import BY_PROMTOOL_ALONE
from rule_files import Alert, alerts

_HEAD = """# Alerts

Generated from `config/prometheus/edge-inspector.rules.yml`. How to load them: [Prometheus](../how-to/prometheus.md).

*critical* rings a phone, *warning* is for today, *info* stands on a screen. None fires for what mends itself within
seconds. Every alert is shown to fire and not to fire by `promtool test rules` (`config/prometheus/tests`). Those marked
*live* are also provoked in a real Prometheus that scrapes real daemons, with all durations divided by one factor
(`tests/prometheus`).

| alert | severity | fires after | tried | in words |
|---|---|---|---|---|
"""


def alerts_page() -> str:
    """Return docs/reference/alerts.md as it must be."""
    rows = "".join(_row(alert) for alert in alerts())
    why = "".join(f"| `{name}` | {reason} |\n" for name, reason in BY_PROMTOOL_ALONE.items())
    only = f"\n## By promtool alone\n\n| alert | why not live |\n|---|---|\n{why}"
    return _HEAD + rows + only + "".join(_section(alert) for alert in alerts())


def _row(alert: Alert) -> str:
    tried = "promtool" if alert.name in BY_PROMTOOL_ALONE else "live"
    link = f"[{alert.name}](#{alert.name.lower()})"
    return f"| {link} | {alert.severity} | {alert.lasts or 'at once'} | {tried} | {_words(alert.summary)} |\n"


def _section(alert: Alert) -> str:
    return f"\n## {alert.name}\n\n{_linked(alert.description)}\n\n```promql\n{alert.expr}\n```\n"


def _words(summary: str) -> str:
    """Return a summary without the template language: labels by their names, numbers as `…`."""
    plain = re.sub(r"\{\{ range .*?\{\{ end \}\}", " …", summary)
    plain = re.sub(r"\{\{[^}]*\$value[^}]*\}\}", "…", plain)
    plain = re.sub(r"^\{\{ \$labels\.line \}\}: ", "", plain)
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", plain)


def _linked(description: str) -> str:
    plain = re.sub(r"\{\{[^}]*\$value[^}]*\}\}", "…", description)
    plain = re.sub(r"(?<!\w)(edge-inspector (?:watch|camera list|bypass off|drill off))", r"`\1`", plain)
    return re.sub(r"docs/((?:how-to|reference)/([\w-]+)\.md)", r"[\2](../\1)", plain)
