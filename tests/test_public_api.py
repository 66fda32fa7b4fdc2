"""The public face: few names, each of them there, and no work done by importing the package."""

from __future__ import annotations

import subprocess
import sys

import log10_trace


def test_every_public_name_is_there() -> None:
    """Each name of ``__all__`` can be had from the package, and ``dir()`` shows exactly these."""
    for name in log10_trace.__all__:
        assert getattr(log10_trace, name) is not None
    assert dir(log10_trace) == sorted(log10_trace.__all__)


def test_the_public_face_is_small() -> None:
    """About fifteen names are enough."""
    assert len(log10_trace.__all__) <= 16


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that does not exist fails as on any module."""
    assert not hasattr(log10_trace, "no_such_name")


def test_what_is_documented_can_be_imported() -> None:
    """The ready redactors and the Completion come from the package itself, in a new process."""
    script = (
        "import log10_trace\n"
        "assert callable(log10_trace.redact.patterns)\n"
        "from log10_trace import Completion, redact\n"
        "from log10_trace.models import components\n"
        "from log10_trace.models.components import Completion as same\n"
        "assert Completion is same is components.Completion is log10_trace.Completion\n"
        "assert redact.fields('name') and redact.chain()\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True)


def test_importing_does_no_work() -> None:
    """Importing the package imports no SDK and no HTTP library, starts no thread and opens no file."""
    script = (
        "import sys, threading, os\n"
        "before = set(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else set()\n"
        "import log10_trace\n"
        "after = set(os.listdir('/proc/self/fd')) if before else set()\n"
        "loaded = {'openai', 'httpx', 'wrapt', 'pydantic', 'starlette', 'typer'} & set(sys.modules)\n"
        "print(sorted(loaded), threading.active_count(), len(after - before))\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[0] == "[] 1 0"
