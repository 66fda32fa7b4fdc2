"""Commands whose arguments name calls: ``-2`` is an argument of theirs, and no option."""

from __future__ import annotations

import re
from typing import Any, Final

from log10_trace.cli.once import OnceCommand

_POSITION: Final = re.compile(r"-[1-9][0-9]*")


class ReferenceCommand(OnceCommand):
    """A command whose arguments name calls."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of the command line, ``-2`` as an argument; other unknown options are errors."""
        return super().parse_args(ctx, self._protect_positions(args))

    def _protect_positions(self, args: list[str]) -> list[str]:
        """The words with another minus sign in ``-2``, which the parser takes for no option."""
        valued = {
            name
            for option in self.params
            if option.param_type_name == "option" and not getattr(option, "is_flag", False)
            for name in option.opts
        }
        protected: list[str] = []
        for word, before in zip(args, ["", *args], strict=False):
            if word == "--":
                return protected + args[len(protected) :]
            is_position = _POSITION.fullmatch(word) and before not in valued
            protected.append(word.replace("-", "\N{MINUS SIGN}") if is_position else word)
        return protected
