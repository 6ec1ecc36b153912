"""The last line of each step: which one comes after it."""

from __future__ import annotations

import click

STEPS = ("dataset", "train", "calibrate", "evaluate", "onnx", "quantize", "verify", "bundle")
"""As `python -m export --help` tells them."""


def tell_next(step: str) -> None:
    """Say what comes after a step; on stderr, so that what a step answers can be piped on."""
    click.echo(f"next: python -m export {STEPS[STEPS.index(step) + 1]} --help", err=True)
