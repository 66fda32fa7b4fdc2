"""One of the programs of ``program.py`` while it runs, and how the benchmark talks with it."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from typing import Final

from benchmarks.peers import Peer

START_S: Final = 90
OUTSIDE: Final = "OUTSIDE"
"""The word before the name of a machine that a library wanted to reach and was kept from."""


class SilenceError(Exception):
    """The program did not say in time, or never, what was waited for."""


class PeerProcess:
    """A program with one library; it has started, and waits, when this object is there."""

    def __init__(self, peer: Peer, program: str, api: str, home: str, model: str | None = None) -> None:
        self.title = peer.title
        self.said: list[str] = []
        """All that it has said and that was heard, the library's own words included."""
        self._words: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peers.program"]
        self._process = subprocess.Popen(
            [*command, peer.module, program, api, model or f"{api}/model"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=peer.variables(api, home),
            cwd=home,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        if self.hear("READY", START_S) is None:
            self.end(0)
            raise SilenceError("it does not start")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._words.put(line.strip())
            if line.startswith(OUTSIDE):
                print(f"{self.title} tried to reach {line.removeprefix(OUTSIDE).strip()}", file=sys.stderr)
        self._words.put(None)

    def go(self, words: str = "") -> None:
        """Let it do what it is named after, or the next of what it does."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()

    def hear(self, word: str, seconds: float) -> str | None:
        """What it says behind ``word``; None when it ends, or ``seconds`` pass, without that."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._words.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                return None
            self.said.append(line)
            if line.startswith(word):
                return line.removeprefix(word).strip()

    def ask(self, word: str, seconds: float, words: str = "") -> str:
        """Let it do the next thing: what it says of it behind ``word``."""
        self.go(words)
        answer = self.hear(word, seconds)
        if answer is None:
            raise SilenceError(f"it does not say {word}")
        return answer

    @property
    def status(self) -> int | None:
        """The exit status of a program that has ended; the negative number of the signal that killed it."""
        return self._process.returncode

    def end(self, seconds: float) -> float | None:
        """Wait for its end: the seconds that took; None when it had to be killed after so many."""
        assert self._process.stdin is not None
        begun = time.perf_counter()
        try:
            self._process.stdin.close()
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None
        return time.perf_counter() - begun
