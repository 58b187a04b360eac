"""A part of a whole, as people type it: ``5`` or ``5%``."""

from __future__ import annotations

import click


class Percent(click.ParamType):
    """A number from 0 to 100."""

    name = "percent"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        text = str(value).removesuffix("%")
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100):
            self.fail(f"{value!r} is no part of the packs; expected a number from 0 to 100", param, ctx)
        return int(text)
