"""Settings of a camera as YAML for people: commented with what is allowed, and read back as it was written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from edge_inspector.acquire.inventory import Setting, as_tree
from edge_inspector.core.features import FeatureValue, Place, selected
from edge_inspector.settings.scalars import read_scalar

_COMMENT_COLUMN = 48
_MOST_COMMENT = 90
"""Characters: a list of fifty entries tells nobody more than its beginning."""


def feature_yaml(settings: Sequence[Setting], about: str) -> str:
    """Return a file with the key `features`, to be pasted below `camera:`.

    Args:
        settings: In the order of writing.
        about: Which camera, for the heading.
    """
    comments = {(setting.name, setting.at): setting.allowed for setting in settings}
    lines = [
        f"# {about}: what it had set when this was written, in an order in which it can be written back.",
        "# Copy what matters below `camera:` of a line. Compare: edge-inspector camera features --diff THIS",
        "features:",
        *_lines(as_tree(settings), (), 1, comments),
    ]
    if not settings:
        lines[-1] = "features: {}"
    return "\n".join(lines) + "\n"


def _lines(tree: Mapping[str, Any], at: Place, depth: int, comments: Mapping[tuple[str, Place], str]) -> list[str]:
    lines: list[str] = []
    indent = "  " * depth
    for name, value in tree.items():
        if isinstance(value, Mapping):
            lines.append(f"{indent}{name}:")
            for entry, block in value.items():
                lines.append(f"{indent}  {scalar_text(entry)}:")
                lines += _lines(block, selected(at, name, entry), depth + 2, comments)
            continue
        text, comment = f"{indent}{name}: {scalar_text(value)}", comments.get((name, at), "")
        shown = comment if len(comment) <= _MOST_COMMENT else f"{comment[: _MOST_COMMENT - 1]}…"
        lines.append(f"{text.ljust(_COMMENT_COLUMN)} # {shown}" if shown else text)
    return lines


def scalar_text(value: FeatureValue) -> str:
    """Return how a value is written so that it is read as the same: words without quotes where they stay words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    is_word = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", value, re.ASCII) and read_scalar(value) == value
    if is_word:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", quoted)
