"""Which code is the user's own: the one place that says so. Names and paths decide; nothing is imported.

What is installed (in a folder ``site-packages`` or ``dist-packages``, in the standard library, as a script
of the environment) is a library's, everything else is the user's: Sentry's rules for frames "in app". ``app``
names what is the user's although it is installed, and, behind a ``!``, what is not although it seems to be.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import Any, Final

_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_NEVER: Final = (
    sysconfig.get_path("stdlib") + os.sep,
    sysconfig.get_path("scripts") + os.sep,
    "<frozen ",
)
EXCLUDED: Final = "!"
"""What an item of ``app`` begins with that is not the user's."""


class UserCode:
    """What is the user's, by the items of the setting ``app``: modules, packages or paths."""

    __slots__ = ("_excluded", "_included")

    def __init__(self, app: Iterable[str] = ()) -> None:
        app = tuple(app)
        self._included = _Items(item for item in app if not item.startswith(EXCLUDED))
        self._excluded = _Items(item.removeprefix(EXCLUDED) for item in app if item.startswith(EXCLUDED))

    def owns_frame(self, frame: FrameType) -> bool:
        """Whether the frame runs the user's code."""
        return self.owns(_file_of(frame), _module_of(frame.f_globals))

    def owns(self, file: str, module: str) -> bool:
        """Whether the code of that file, in the module of that name, is the user's."""
        if self._excluded.has(file, module):
            return False
        if self._included.has(file, module):
            return True
        return not any(part in file for part in _INSTALLED) and not file.startswith(_NEVER)


class _Items:
    """Modules, with what is below them, and paths."""

    __slots__ = ("_files", "_folders", "_modules", "_packages")

    def __init__(self, items: Iterable[str]) -> None:
        items = tuple(items)
        self._files = frozenset(item for item in items if is_path(item))
        self._folders = tuple(item.rstrip(os.sep) + os.sep for item in self._files)
        self._modules = frozenset(item for item in items if not is_path(item))
        self._packages = tuple(f"{item}." for item in self._modules)

    def has(self, file: str, module: str) -> bool:
        """Whether one of the items names the module, a package that it is in, the file or a folder of it."""
        if module in self._modules or module.startswith(self._packages):
            return True
        return file in self._files or file.startswith(self._folders)


def is_path(item: str) -> bool:
    """Whether an item of ``app`` is a path rather than the name of a module."""
    return os.sep in item


def _file_of(frame: FrameType) -> str:
    """The file of the frame's code; the module's, for code that a module of a library made at run time."""
    file = frame.f_code.co_filename
    if file.startswith("<") and not file.startswith("<frozen "):
        made_by = frame.f_globals.get("__file__")
        return made_by if isinstance(made_by, str) else file
    return file


def _module_of(names: Mapping[str, Any]) -> str:
    """The name of the module that the code belongs to, also where it runs as ``python -m``."""
    name = names.get("__name__")
    if name == "__main__":
        name = getattr(names.get("__spec__"), "name", name)
    return name if isinstance(name, str) else ""
