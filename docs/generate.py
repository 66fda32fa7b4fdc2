"""Writes the parts of the documentation that come from the code: settings, commands, the client, the API.

    python docs/generate.py

Each part stands between marks in its page: ``<!-- generated: NAME -->`` and ``<!-- /generated -->``. A test
compares the pages with what this gives.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import typer

import log10_trace
from log10_trace.cli.app import GROUPS, app, load
from log10_trace.config import MIB, OPTIONS, Option
from log10_trace.server.openapi.document import build_document
from log10_trace.server.operations import OPERATIONS

HERE: Final = Path(__file__).resolve().parent
PART: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def write_settings() -> str:
    """The table of the settings of ``patch()``."""
    rows = ["| argument | environment | default | meaning |", "|---|---|---|---|"]
    for option in OPTIONS:
        env = f"`{option.env}`" if option.env else ""
        rows.append(f"| `{option.name}` | {env} | {_describe_default(option)} | {option.meaning} |")
    return "\n".join(rows)


def _describe_default(option: Option) -> str:
    if option.name == "spool_dir" or option.default in (None, (), {}):
        return ""
    if isinstance(option.default, bool):
        return "yes" if option.default else "no"
    if option.name.endswith("_bytes"):
        return f"{option.default // MIB} MiB"
    return f"{option.default:g}"


def write_commands() -> str:
    """Every command with its arguments, options and examples, from its own help."""
    load(list(GROUPS))
    commands: Any = typer.main.get_command(app)
    # Commands are registered in the order in which they are imported, which is another one in tests.
    walked = (each for word in GROUPS for each in _walk(commands.commands[word], f"log10-trace {word}"))
    return "\n\n".join(_describe_command(*each) for each in walked)


def _walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, below in command.commands.items():
        if not below.hidden:
            yield from _walk(below, f"{name} {word}")


def find_command(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command that the words of a command line name, and the words behind its name."""
    load(list(GROUPS))
    command, rest = typer.main.get_command(app), list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


def _describe_command(name: str, command: Any) -> str:
    parts = [f"### {name.removeprefix('log10-trace ')}", _as_markdown(command.help or "")]
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    rows = [f"| {_spell(each)} | {_as_cell(each)} |" for each in shown]
    if rows:
        parts.append("\n".join(["| argument, option | meaning |", "|---|---|", *rows]))
    examples = [line.strip() for line in (command.epilog or "").splitlines() if "log10-trace " in line]
    own = [line for line in examples if line.startswith(name)]
    if own:
        parts.append("\n".join(["```", *own, "```"]))
    return "\n\n".join(parts)


def _spell(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    if not names[0].startswith("-"):
        return f"`{names[0].upper()}`"
    return ", ".join(f"`{name}`" for name in names)


def _as_cell(parameter: Any) -> str:
    text = " ".join(_as_markdown(parameter.help or "").split()).replace("|", "\\|")
    default = getattr(parameter.default, "value", parameter.default)
    is_plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    return f"{text} Default: `{default}`." if is_plain and parameter.show_default is True else text


def _as_markdown(text: str) -> str:
    return re.sub(r"\[/?bold\]", "**", text).strip()


def write_reference() -> str:
    """The public names of the package, from their docstrings."""
    parts = [
        _describe_object(f"log10_trace.{name}", getattr(log10_trace, name))
        for name in sorted(log10_trace.__all__)
        if not name.startswith("__")
    ]
    return "\n\n".join(parts)


def _describe_object(name: str, value: Any) -> str:
    parts = [f"## {name}"]
    if callable(value):
        signature = inspect.signature(value)
        lines = [f"    {_strip_type(parameter)}," for parameter in signature.parameters.values()]
        parts.append("\n".join(["```text", f"{name}(", *lines, ")", "```"]) if lines else f"`{name}()`")
    parts.append(_render_docstring(inspect.getdoc(value) or ""))
    if inspect.isclass(value):
        methods = ((each, getattr(value, each)) for each in vars(value) if not each.startswith("_"))
        rows = [
            f"| `{each}` | {_first_sentence(inspect.getdoc(method) or '')} |"
            for each, method in methods
            if inspect.getdoc(method)
        ]
        if rows:
            parts.append("\n".join(["| | |", "|---|---|", *rows]))
    return "\n\n".join(part for part in parts if part)


def _strip_type(parameter: inspect.Parameter) -> str:
    return str(parameter.replace(annotation=inspect.Parameter.empty))


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split()).replace("``", "`").replace("|", "\\|")


def _render_docstring(text: str) -> str:
    """Google-style sections as lists; double backquotes as one."""
    lines, section = [], False
    for line in text.replace("``", "`").splitlines():
        if re.fullmatch(r"(Args|Returns|Raises|Attributes|Yields):", line):
            section = True
            lines += [f"**{line[:-1]}**", ""]
        elif section and re.match(r"    \S", line):
            head, _, rest = line.strip().partition(":")
            lines.append(f"- `{head}`:{rest}" if rest else f"- {head}")
        elif section and line.startswith("        "):
            lines[-1] += f" {line.strip()}"
        else:
            section = section and not line.strip()
            lines.append(line)
    return "\n".join(lines).strip()


def write_api() -> str:
    """The operations of the completions API, from its OpenAPI document."""
    rows = ["| method | path | what it does |", "|---|---|---|"]
    for path, operations in build_document(OPERATIONS)["paths"].items():
        for method, operation in operations.items():
            rows.append(f"| {method.upper()} | `{path}` | {operation['summary']} |")
    return "\n".join(rows)


PARTS: Final[dict[str, Callable[[], str]]] = {
    "settings": write_settings,
    "commands": write_commands,
    "reference": write_reference,
    "api": write_api,
}


def fill(page: str) -> str:
    """The page with each generated part as the code gives it now."""
    return PART.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}\n{match[3]}", page)


def main() -> None:
    """Write every page that has generated parts."""
    for path in sorted(HERE.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        path.write_text(fill(text), encoding="utf-8")


if __name__ == "__main__":
    main()
