"""Writes the parts of the documentation that come from the code: settings, commands, the client, the API.

    python docs/generate.py

Each part stands between marks in its page: ``<!-- generated: NAME -->`` and ``<!-- /generated -->``. A test
compares the pages with what this gives.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import typer

import log10_trace
from log10_trace.cli.app import GROUPS, app, load
from log10_trace.client.completions import Completions
from log10_trace.client.feedback import FeedbackOperations, FeedbackTasks
from log10_trace.client.key import PresentedKey
from log10_trace.client.login_codes import LoginCodes
from log10_trace.client.sessions import Sessions, Sources
from log10_trace.config import MIB, OPTIONS, Option
from log10_trace.domain.filters import FILTERS
from log10_trace.server.openapi.document import build_document
from log10_trace.server.operations import OPERATIONS

HERE: Final = Path(__file__).resolve().parent
RESOURCES: Final = {
    "completions": Completions,
    "sessions": Sessions,
    "feedback": FeedbackOperations,
    "feedback_tasks": FeedbackTasks,
    "sources": Sources,
    "login_codes": LoginCodes,
    "key": PresentedKey,
}
"""The client's attributes, and their classes."""
INTERNAL: Final = {
    ("log10_trace.errors", "describe_exception"),
    ("log10_trace.models", "errors"),  # log10_trace.errors, which stands above
    ("log10_trace.redact", "Detector"),
    ("log10_trace.redact", "Span"),
    ("log10_trace.redact", "apply"),
    ("log10_trace.redact", "combine"),
    ("log10_trace.redact", "mask_all"),
    ("log10_trace.redact", "read_redactor"),
}
"""Names of public modules that the package alone calls, or that its users need not call."""
INTEGRATIONS: Final = ("asgi", "aws_lambda", "celery", "logging", "wsgi")
"""The modules of ``log10_trace.integrations``, each imported by its own name."""
_REST: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
PART: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def write_settings() -> str:
    """The table of the settings of ``patch()``."""
    rows = ["| argument | environment | default | meaning |", "|---|---|---|---|"]
    for option in OPTIONS:
        env = f"`{option.env}`" if option.env else ""
        rows.append(f"| `{option.name}` | {env} | {_describe_default(option)} | {option.meaning} |")
    return "\n".join(rows)


def _describe_default(option: Option) -> str:
    if option.name in ("spool_dir", "sdks") or option.default in (None, (), {}):
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
    """The public names of the package, from their docstrings; below a module, its functions."""
    parts = []
    for name in sorted(log10_trace.__all__):
        if name.startswith("__"):
            continue
        value = getattr(log10_trace, name)
        parts.append(_describe_object(f"log10_trace.{name}", value))
        if inspect.ismodule(value):
            parts += [
                _describe_object(f"log10_trace.{name}.{word}", function, level=3)
                for word, function in _functions_of(value)
            ]
    for name in INTEGRATIONS:
        module = importlib.import_module(f"log10_trace.integrations.{name}")
        parts.append(_describe_object(module.__name__, module))
        parts += [
            _describe_object(f"{module.__name__}.{word}", value, level=3)
            for word, value in _functions_of(module)
        ]
    return "\n\n".join(parts)


def _functions_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes of ``__all__``; without one, the public functions that a module defines."""
    if hasattr(module, "__all__"):
        exported = ((name, getattr(module, name)) for name in module.__all__)
        for name, value in exported:
            is_described = inspect.isfunction(value) or inspect.isclass(value) or inspect.ismodule(value)
            if is_described and (module.__name__, name) not in INTERNAL:
                yield name, value
        return
    for name, value in vars(module).items():
        is_own = inspect.isfunction(value) and value.__module__ == module.__name__
        if is_own and not name.startswith("_") and (module.__name__, name) not in INTERNAL:
            yield name, value


def write_operations() -> str:
    """The operations of the Python client, from their docstrings, and the filters that many of them take."""
    parts = []
    for resource, owner in RESOURCES.items():
        names: dict[Any, list[str]] = {}
        for name, member in (each for base in owner.__mro__ for each in vars(base).items()):
            if describe := getattr(member, "describe", None):
                names.setdefault(describe, []).append(name)
        rows = [
            f"| `{_call(owned, describe)}` | {_first_sentence(inspect.getdoc(describe) or '')} |"
            for describe, owned in names.items()
        ]
        parts.append("\n".join([f"| `client.{resource}` | |", "|---|---|", *rows]))
    filters = [f"| `{each.name}` | {each.help.replace('|', '/')} |" for each in FILTERS]
    parts.append("\n".join(["| `**filters` of completions and sessions | |", "|---|---|", *filters]))
    return "\n\n".join(parts)


def _call(names: list[str], describe: Callable[..., Any]) -> str:
    shown = [
        f"*{'*' * (each.kind is each.VAR_KEYWORD)}{each.name}" if each.kind in _REST else each.name
        for each in inspect.signature(describe).parameters.values()
        if each.name != "x_log10_organization"
    ]
    return f"{'`, `'.join(names[1:] + names[:1])}({', '.join(shown)})"


def _describe_object(name: str, value: Any, *, level: int = 2) -> str:
    parts = [f"{'#' * level} {name}"]
    if callable(value) and not (inspect.isclass(value) and issubclass(value, Exception)):
        signature = inspect.signature(value)
        lines = [f"    {_strip_type(parameter)}," for parameter in signature.parameters.values()]
        parts.append("\n".join(["```text", f"{name}(", *lines, ")", "```"]) if lines else f"`{name}()`")
    parts.append(_render_docstring(inspect.getdoc(value) or ""))
    if inspect.isclass(value):
        methods = (
            (each, getattr(value, each)) for each in vars(value) if not each.startswith(("_", "model_"))
        )
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
    """Google-style sections as lists, drawn trees as code; double backquotes as one."""
    lines, section = [], False
    for line in text.replace("``", "`").splitlines():
        if line == "::":  # what follows is indented, which is code in Markdown too
            continue
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
    blocks = re.split(r"\n{2,}", "\n".join(lines).strip())
    return "\n\n".join(f"```text\n{block}\n```" if "├──" in block else block for block in blocks)


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
    "operations": write_operations,
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
