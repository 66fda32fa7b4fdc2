"""Commands that refuse an option that is given twice; the parser itself takes the last value silently."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand


class OnceCommand(TyperCommand):
    """A command whose options that take one value may be given once. For those that select calls."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line.

        Raises:
            BadParameter: an option that takes one value is there twice.
        """
        given: list[Any] = self.make_parser(ctx).parse_args(args=list(args))[2]
        for option in given:
            takes_one = option.param_type_name == "option" and not (option.multiple or option.is_flag)
            if takes_one and given.count(option) > 1 and not ctx.resilient_parsing:
                message = "It takes one value, and may be given once."
                raise typer.BadParameter(message, ctx=ctx, param=option)
        return super().parse_args(ctx, args)
