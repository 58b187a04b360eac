"""Warnings: on standard error, so that names and JSON stay what they are."""

from __future__ import annotations

import click


def warn(text: str | None) -> None:
    """Print a warning, unless there is none."""
    if text:
        click.echo(f"ama: warning: {text}", err=True)
