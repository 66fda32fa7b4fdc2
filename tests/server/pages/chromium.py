"""Chromium without a window, driven over its own debugging pipe; what it says and asks for is noted."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

INSTALL: Final = "apt-get install -y chromium"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_PARKED: Final = 64


def executable() -> str | None:
    """Where Chromium is; None when it is not installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Tab:
    """A tab. ``complaints`` are errors and warnings of the console, ``addresses`` all that was asked for."""

    def __init__(self, reading: int, writing: int) -> None:
        self._out = os.fdopen(writing, "wb", buffering=0)
        self._in = os.fdopen(reading, "rb", buffering=0)
        self._held = b""
        self._last_id = 0
        self._session: dict[str, str] = {}
        self._loaded = False
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def renew(self) -> None:
        """Forget cookies, settings, and what was noted."""
        self.call("Network.clearBrowserCookies")
        self.call("Emulation.setScriptExecutionDisabled", value=False)
        self.call("Emulation.clearDeviceMetricsOverride")
        self.call("Emulation.setEmulatedMedia", features=[])
        self.complaints.clear()
        self.addresses.clear()

    def call(self, method: str, **params: Any) -> Any:
        """Send a command and give its result, noting what happens meanwhile."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params, **self._session}
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._last_id:
                assert "error" not in said, said
                return said["result"]

    def open(self, address: str) -> None:
        """Go there, and wait until everything is loaded."""
        self._loaded = False
        self.call("Page.navigate", url=address)
        self.wait_for_load()

    def wait_for_load(self) -> None:
        """Wait until the page under way is loaded."""
        while not self._loaded:
            self._next()
        self._loaded = False

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page, awaited if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def run(self, script: str) -> None:
        """Run a script on the page, past its content security policy; it may be large and give anything."""
        answer = self.call("Runtime.evaluate", expression=f"{script}\n;void 0")
        assert "exceptionDetails" not in answer, answer

    def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def resize(self, width: int, height: int = 900) -> None:
        """Make the page so large, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def prefer(self, scheme: str) -> None:
        """Prefer ``light`` or ``dark``."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def draw(self, file: Path) -> None:
        """Keep a picture of the page."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Close the browser."""
        self._session = {}
        self.call("Browser.close")
        self._out.close()
        self._in.close()

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            more = self._in.read(1 << 16)
            assert more, "Chromium is gone"
            self._held += more
        said, _, self._held = self._held.partition(b"\0")
        message: dict[str, Any] = json.loads(said)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.addresses.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(params["entry"]))


@contextmanager
def tab() -> Iterator[Tab]:
    """A tab of a browser of its own, with a new profile; gone with the block."""
    program = executable()
    assert program
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        theirs_in, ours_out = map(_parked, os.pipe())
        ours_in, theirs_out = map(_parked, os.pipe())
        # The pipe's ends are the file descriptors 3 and 4, whatever they were here.
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs_in, 3),
            (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        arguments = [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        pid = os.posix_spawn(program, arguments, os.environ, file_actions=actions)
        os.close(theirs_in)
        os.close(theirs_out)
        opened = Tab(ours_in, ours_out)
        try:
            yield opened
        finally:
            opened.close()
            os.waitpid(pid, 0)


def _parked(descriptor: int) -> int:
    """The descriptor under a number that is not in the way, closed in child processes."""
    parked = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _PARKED)
    os.close(descriptor)
    return parked
