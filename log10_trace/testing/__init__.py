"""For the tests of a program: its calls as records, and recorded answers served again.

``capture()`` gives the calls that a block makes, without a server, a disk or a thread. ``replay(path)``
records the answers of the API once and serves them afterwards. The pytest plugin has both as a fixture and a
mark.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from log10_trace.testing.capturing import capture
    from log10_trace.testing.replaying import UnusedRecordingWarning, replay

__all__ = ["UnusedRecordingWarning", "capture", "replay"]

_HOME_OF = {"UnusedRecordingWarning": "replaying", "capture": "capturing", "replay": "replaying"}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # Imported when first used: pytest imports the plugin beside it in every run of every project.
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
