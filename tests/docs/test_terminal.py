"""The terminal images of the documentation: what draws them, and that their commands still exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from docs.generate import find_command
from docs.terminal_svg import COLUMNS, Screen, draw_recording, draw_screen
from tests.docs.pages import DOCS

SVG = "{http://www.w3.org/2000/svg}"
IMAGES = sorted((DOCS / "images").glob("terminal*.svg"))
LIST = Screen("log10-trace list", "\x1b[1mMODEL\x1b[0m\ngpt-4o \x1b[31mfailed\x1b[0m <&>\n")
STATS = Screen("log10-trace stats", "COST\n$1.00\n")


def texts(svg: str) -> list[str]:
    """The texts of an image, line by line, with the spaces that SVG writes as no-break spaces."""
    root = ET.fromstring(svg)
    return ["".join(each.itertext()).replace("\xa0", " ") for each in root.iter(f"{SVG}text")]


def test_a_screen_shows_the_command_and_its_output() -> None:
    """The command stands behind its prompt, the output below it, colours as styles, markup as text."""
    svg = draw_screen(LIST)

    assert texts(svg)[:3] == ["$", "log10-trace list", "MODEL"]
    assert "failed" in texts(svg)
    assert " <&>" in texts(svg)
    assert "#f47067" in svg


def test_a_line_that_is_wider_than_the_terminal_is_folded() -> None:
    """Nothing stands outside of the picture."""
    lines = texts(draw_screen(Screen("log10-trace get", "x" * (COLUMNS + 1))))[2:]

    assert [line for line in lines if line.strip()] == ["x" * COLUMNS, "x"]


def test_a_recording_plays_each_screen_after_the_other() -> None:
    """Every command is typed and every output appears; only the first is seen without animations."""
    svg = draw_recording([LIST, STATS])
    scenes = [each for each in ET.fromstring(svg).iter(f"{SVG}g") if "scene" in each.get("class", "")]

    assert {"log10-trace list", "log10-trace stats", "MODEL", "COST"} <= set(texts(svg))
    assert [each.get("visibility") for each in scenes] == [None, "hidden"]
    for part in ("scene", "output", "cover"):
        for number in (0, 1):
            assert f"@keyframes {part}{number} " in svg
            assert f".{part}{number} {{ animation: {part}{number} " in svg


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.stem)
def test_an_image_shows_commands_that_exist_and_loads_nothing(image: Path) -> None:
    """The commands in its title are understood, and no address but SVG's own name stands in it."""
    svg = image.read_text(encoding="utf-8")
    title = ET.fromstring(svg).findtext(f"{SVG}title", "")

    for line in title.split("; "):
        command, rest = find_command(shlex.split(line)[1:])
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        assert {word for word in rest if word.startswith("-")} <= options
    assert not re.search(r"(href|src|url)\W+https?:|@import", svg)


def test_the_images_were_found() -> None:
    """The test above does not go over an empty list."""
    assert {image.stem for image in IMAGES} == {
        *("terminal", "terminal-list", "terminal-get", "terminal-stats", "terminal-diff"),
    }
