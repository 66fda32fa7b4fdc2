"""Makes SVG images of what a terminal shows: one screen, or several that play one after the other. Pure.

rich draws the characters. The images load nothing, neither a font nor a script, and so look the same in a
forge's page, where they stand as pictures.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS: Final = 80
THEME: Final = TerminalTheme(
    background=(16, 20, 27),
    foreground=(214, 219, 228),
    normal=[
        (90, 98, 112), (244, 112, 103), (102, 194, 126), (226, 185, 92),
        (98, 164, 245), (198, 146, 240), (86, 196, 207), (214, 219, 228),
    ],
    bright=[
        (124, 133, 148), (255, 141, 133), (133, 219, 155), (240, 205, 122),
        (133, 186, 252), (215, 172, 250), (122, 218, 228), (255, 255, 255),
    ],
)  # fmt: skip
_MARK: Final = "\0"
_PARTS: Final = _MARK.join(("{styles}", "{lines}", "{backgrounds}", "{matrix}", "{char_width}"))
_CHAR_HEIGHT: Final = 20
_LINE: Final = 24.4
"""Height of a line, as rich places them."""
_EDGE: Final = 16
_FONT: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace"
_TYPING_S: Final = 0.045
"""Seconds to type a character."""
_PAUSE_S: Final = 0.4
"""Seconds between the typed command and its output."""
_READING_S: Final = 6.0
"""Seconds for which the output stands."""


class Screen(NamedTuple):
    """A command as it was typed, and what it printed, with the terminal's own codes for colours."""

    command: str
    output: str


class _Drawing(NamedTuple):
    """The pieces of rich's SVG of one screen's output."""

    styles: str
    lines: str
    backgrounds: str
    matrix: str
    char_width: float
    rows: int


class _Moments(NamedTuple):
    """When a scene begins, its command is typed, its output appears, and it ends; in seconds."""

    began_s: float
    typed_s: float
    shown_s: float
    end_s: float


def draw_screen(screen: Screen) -> str:
    """The SVG of one screen: the command behind its prompt, below it what it printed."""
    drawing = _draw(screen, "screen")
    body = f"{_prompt(screen, drawing)}\n{_output(drawing, 'screen')}"
    return _frame([drawing], drawing.styles, body, title=screen.command)


def draw_recording(screens: Sequence[Screen]) -> str:
    """The SVG in which each command is typed and its output appears, one after the other, for ever.

    Where animations are not wanted it shows the first screen.
    """
    drawings = [_draw(screen, f"s{number}") for number, screen in enumerate(screens)]
    moments = list(_plan(screens))
    rules, bodies = [], []
    for number, (screen, drawing) in enumerate(zip(screens, drawings, strict=True)):
        rules += [drawing.styles, *_animate(number, screen, drawing, moments)]
        bodies.append(_scene(number, screen, drawing))
    still = "@media (prefers-reduced-motion: reduce) { * { animation: none !important } }"
    title = "; ".join(screen.command for screen in screens)
    return _frame(drawings, "\n".join([*rules, still]), "\n".join(bodies), title=title)


def _draw(screen: Screen, name: str) -> _Drawing:
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    text = Text.from_ansi(screen.output.rstrip())
    console.print(text, overflow="fold")
    drawn = console.export_svg(theme=THEME, code_format=_PARTS, unique_id=name, clear=False)
    styles, lines, backgrounds, matrix, char_width = drawn.split(_MARK)
    rows = console.export_text().count("\n")
    return _Drawing(styles, lines, backgrounds, matrix, float(char_width), rows)


def _prompt(screen: Screen, drawing: _Drawing) -> str:
    width = _command_width(screen, drawing)
    return (
        f'<text class="prompt" x="0" y="{_CHAR_HEIGHT}">$</text>'
        f'<text class="command" x="{2 * drawing.char_width:g}" y="{_CHAR_HEIGHT}" textLength="{width:g}">'
        f"{escape(screen.command)}</text>"
    )


def _output(drawing: _Drawing, name: str) -> str:
    return (
        f"<defs>{drawing.lines}</defs>\n"
        f'<g transform="translate(0, {_LINE:g})">{drawing.backgrounds}'
        f'<g class="{name}-matrix">{drawing.matrix}</g></g>'
    )


def _scene(number: int, screen: Screen, drawing: _Drawing) -> str:
    hidden = "" if number == 0 else ' visibility="hidden"'
    width = _command_width(screen, drawing)
    cover = (
        f'<g class="cover{number}" transform="translate({width:g}, 0)">'
        f'<rect class="screen" x="{2 * drawing.char_width:g}" y="0" width="{width + 9:g}" height="26"/>'
        f'<rect class="cursor" x="{2 * drawing.char_width:g}" y="3" width="9" height="21"/></g>'
    )
    return (
        f'<g class="scene{number}"{hidden}>{_prompt(screen, drawing)}{cover}\n'
        f'<g class="output{number}">{_output(drawing, f"s{number}")}</g></g>'
    )


def _plan(screens: Sequence[Screen]) -> Iterator[_Moments]:
    began_s = 0.0
    for screen in screens:
        typed_s = began_s + len(screen.command) * _TYPING_S
        shown_s = typed_s + _PAUSE_S
        end_s = shown_s + _READING_S
        yield _Moments(began_s, typed_s, shown_s, end_s)
        began_s = end_s


def _animate(number: int, screen: Screen, drawing: _Drawing, moments: Sequence[_Moments]) -> Iterator[str]:
    """The rules by which a scene appears, its command is typed, its output appears, and it goes."""
    own, total_s = moments[number], moments[-1].end_s

    def percent(seconds: float) -> str:
        return f"{100 * seconds / total_s:.3f}%"

    for part, from_s in (("scene", own.began_s), ("output", own.shown_s)):
        before = f"0% {{ visibility: hidden }} {percent(from_s)} {{ visibility: visible }}"
        if from_s == 0:
            before = "0% { visibility: visible }"
        after = f"{percent(own.end_s)}, 100% {{ visibility: hidden }}" if own.end_s < total_s else ""
        yield f"@keyframes {part}{number} {{ {before} {after} }}"
        yield f".{part}{number} {{ animation: {part}{number} {total_s:.2f}s step-end infinite }}"
    yield (
        f"@keyframes cover{number} {{ 0%, {percent(own.began_s)} {{ transform: translateX(0); "
        f"animation-timing-function: steps({len(screen.command)}) }} "
        f"{percent(own.typed_s)}, 100% {{ transform: translateX({_command_width(screen, drawing):g}px) }} }}"
    )
    yield f".cover{number} {{ animation: cover{number} {total_s:.2f}s linear infinite }}"


def _command_width(screen: Screen, drawing: _Drawing) -> float:
    return drawing.char_width * len(screen.command)


def _frame(drawings: Sequence[_Drawing], styles: str, body: str, *, title: str) -> str:
    """The window around the characters."""
    inner_width = COLUMNS * drawings[0].char_width
    inner_height = (max(drawing.rows for drawing in drawings) + 1) * _LINE
    width, height = inner_width + 2 * _EDGE, inner_height + 2 * _EDGE
    return f"""<svg viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>{escape(title)}</title>
<style>
text {{ font-family: {_FONT}; font-size: {_CHAR_HEIGHT}px; white-space: pre }}
.window, .screen {{ fill: {THEME.background_color.hex} }}
.prompt {{ fill: {THEME.ansi_colors[8].hex} }}
.command {{ fill: {THEME.ansi_colors[15].hex}; font-weight: bold }}
.cursor {{ fill: {THEME.foreground_color.hex} }}
{styles}
</style>
<rect class="window" width="{width:g}" height="{height:g}" rx="10"/>
<g transform="translate({_EDGE}, {_EDGE})">
{body}
</g>
</svg>
"""
