"""Virtual environments made with uv where it is on the PATH, else with pip, which takes minutes more.

    python tests/environments.py FOLDER REQUIREMENT...

What uv cannot make is left to pip, which is what the README installs with.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def make_environment(folder: Path, *requirements: str, python: str = sys.executable) -> None:
    """Make an environment of that interpreter with these requirements, as pip takes them."""
    inside = str(folder / "bin" / "python")
    if shutil.which("uv"):
        created = ["uv", "venv", "--quiet", "--python", python, str(folder)]
        installed = ["uv", "pip", "install", "--quiet", "--python", inside, *requirements]
        if all(subprocess.run(command, check=False).returncode == 0 for command in (created, installed)):
            return
        print(f"{folder.name}: uv could not make it, now pip makes it", file=sys.stderr)
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    pip = [inside, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements], check=True)


if __name__ == "__main__":
    make_environment(Path(sys.argv[1]), *sys.argv[2:])
